import re
import string
import zlib
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.errors import Conflict, NotFound
from packistry.inputs import NewUser, read
from packistry.models import Role, Token, TokenKind
from packistry.models.base import now
from packistry.services.tokens import BadToken, parse

RANDOM = "aB3" * 13 + "x"


def crc(text: Any) -> Any:
    return f"{zlib.crc32(text.encode()):08x}"


def user(services: Any, **changes: Any) -> Any:
    new = {"email": "jo@example.org", "name": "Jo", **changes}
    return services.users.add(read(NewUser, **new))


def test_a_token_has_a_prefix_forty_characters_and_their_check_sum(services):
    _, text = services.tokens.add(TokenKind.DEPLOY, "ci")
    found = re.fullmatch(r"pkdt-([A-Za-z0-9]{40})([0-9a-f]{8})", text)
    assert found is not None
    assert found[2] == crc(found[1])


def test_only_the_hash_of_what_follows_the_dash_is_kept(services):
    token, text = services.tokens.add(TokenKind.DEPLOY, "ci")
    assert token.hash == sha256(text.partition("-")[2].encode()).hexdigest()
    assert text not in repr(vars(token))


def test_a_migrated_token_keeps_working(services):
    # As the PHP Packistry stored it: sha256 of random + crc32b, without the prefix.
    body = RANDOM + crc(RANDOM)
    owner = user(services)
    services.session.add(
        Token(
            kind=TokenKind.PERSONAL,
            name="old",
            hash=sha256(body.encode()).hexdigest(),
            user_id=owner.id,
        )
    )
    services.session.flush()
    assert services.tokens.authenticate(f"pkpat-{body}").user_id == owner.id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pkdt",
        "pkdt-",
        RANDOM + crc(RANDOM),
        f"pkdt-{RANDOM}{'0' * 8}",
        f"pkxx-{RANDOM}{crc(RANDOM)}",
        f"PKDT-{RANDOM}{crc(RANDOM)}",
        f"pkdt-{RANDOM}{crc(RANDOM)} ",
        f"pkdt-{RANDOM}{crc(RANDOM)}\n",
        f"pkdt-{'é' * 40}{crc('é' * 40)}",
        f"pkdt-{'-' * 40}{crc('-' * 40)}",
        f"pkdt-{RANDOM[:-1]}{crc(RANDOM[:-1])}",
    ],
)
def test_what_is_no_token_is_recognised_without_the_database(text):
    assert parse(text) is None


@given(st.text())
def test_any_text_is_either_a_token_or_none(text):
    assert parse(text) is None


@given(st.text(alphabet=string.ascii_letters + string.digits, min_size=40, max_size=40))
def test_any_forty_letters_and_digits_with_their_check_sum_are_well_formed(random):
    assert parse(f"pkpat-{random}{crc(random)}") is not None


@pytest.mark.parametrize("position", range(0, 40, 7))
def test_a_mistyped_character_is_noticed(position):
    wrong = RANDOM[:position] + ("Z" if RANDOM[position] != "Z" else "Y") + RANDOM[position + 1 :]
    assert parse(f"pkdt-{wrong}{crc(RANDOM)}") is None


def test_a_deploy_token_under_the_personal_prefix_is_unknown(services):
    _, text = services.tokens.add(TokenKind.DEPLOY, "ci")
    with pytest.raises(BadToken):
        services.tokens.authenticate(text.replace("pkdt-", "pkpat-"))


def test_a_deploy_token_speaks_for_itself(services):
    token, text = services.tokens.add(TokenKind.DEPLOY, "ci", can_write=True)
    actor = services.tokens.authenticate(text)
    assert (actor.deploy_token_id, actor.user_id, actor.admin) == (token.id, None, False)
    assert actor.can_write


def test_a_personal_token_speaks_for_its_user(services):
    owner = user(services, role="admin")
    _, text = services.tokens.add(TokenKind.PERSONAL, "mine", user=owner)
    actor = services.tokens.authenticate(text)
    assert (actor.user_id, actor.deploy_token_id, actor.admin) == (owner.id, None, True)


def refused(services: Any, text: Any) -> Any:
    with pytest.raises(BadToken) as caught:
        services.tokens.authenticate(text)
    return str(caught.value)


def test_unknown_expired_and_revoked_tokens_are_refused_with_one_sentence(services):
    _, old = services.tokens.add(TokenKind.DEPLOY, "old", expires_at=now() - timedelta(seconds=1))
    revoked, gone = services.tokens.add(TokenKind.DEPLOY, "gone")
    services.tokens.revoke(revoked)
    services.session.flush()
    unknown = f"pkdt-{RANDOM}{crc(RANDOM)}"
    assert len({refused(services, text) for text in (old, gone, unknown, "nonsense")}) == 1


def test_the_tokens_of_a_disabled_user_are_dead(services):
    owner = user(services)
    _, text = services.tokens.add(TokenKind.PERSONAL, "mine", user=owner)
    owner.active = False
    services.session.flush()
    refused(services, text)


def test_a_token_that_has_not_expired_yet_works(services):
    _, text = services.tokens.add(TokenKind.DEPLOY, "ci", expires_at=now() + timedelta(hours=1))
    assert services.tokens.authenticate(text).can_read


def test_revoking_twice_keeps_the_first_moment(services):
    token, _ = services.tokens.add(TokenKind.DEPLOY, "ci")
    services.tokens.revoke(token)
    first = token.revoked_at
    services.tokens.revoke(token)
    assert token.revoked_at == first


def test_a_token_is_found_by_name_and_by_number(services):
    token, _ = services.tokens.add(TokenKind.DEPLOY, "ci")
    assert services.tokens.find("ci") is token
    assert services.tokens.find(str(token.id)) is token


def test_a_name_that_several_tokens_have_is_not_enough(services):
    for _ in range(2):
        services.tokens.add(TokenKind.DEPLOY, "ci")
    with pytest.raises(Conflict, match="say the number"):
        services.tokens.find("ci")


def test_a_revoked_token_gives_its_name_free(services):
    first, _ = services.tokens.add(TokenKind.DEPLOY, "ci")
    services.tokens.revoke(first)
    second, _ = services.tokens.add(TokenKind.DEPLOY, "ci")
    assert services.tokens.find("ci") is second


def test_a_token_nobody_made_is_not_found(services):
    with pytest.raises(NotFound):
        services.tokens.find("ci")


def test_roles_are_those_of_now(services):
    owner = user(services, role="admin")
    _, text = services.tokens.add(TokenKind.PERSONAL, "mine", user=owner)
    owner.role = Role.USER
    services.session.flush()
    assert not services.tokens.authenticate(text).admin


def test_rights_are_the_same_in_a_later_transaction(runtime):
    with runtime.transaction() as services:
        owner = user(services, role="admin")
        _, personal = services.tokens.add(TokenKind.PERSONAL, "mine", user=owner)
        _, deploy = services.tokens.add(TokenKind.DEPLOY, "ci")
    with runtime.transaction() as services:
        assert services.tokens.authenticate(personal).admin
        assert services.tokens.authenticate(deploy).deploy_token_id is not None
