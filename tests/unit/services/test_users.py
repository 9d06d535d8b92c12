from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from packistry.errors import Conflict, Forbidden, NotFound
from packistry.inputs import NewUser, UserChange, read
from packistry.models import Role, TokenKind
from packistry.services.tokens import BadToken

PASSWORD = "seven red umbrellas"


def add(services: Any, email: Any = "jo@x.org", **fields: Any) -> Any:
    return services.users.add(read(NewUser, email=email, name="Jo", **fields))


def test_a_user_is_found_however_the_address_is_written(services):
    user = add(services)
    assert services.users.get(" JO@x.ORG") is user


def test_an_address_is_given_once(services):
    add(services)
    with pytest.raises(Conflict):
        add(services, email="JO@x.org")


def test_nobody_by_that_address_is_not_found(services):
    with pytest.raises(NotFound):
        services.users.get("no@x.org")


def test_a_password_is_kept_as_argon2id(services):
    user = add(services, password=PASSWORD)
    assert user.password_hash.startswith("$argon2id$")


def test_the_right_password_lets_in(services):
    user = add(services, password=PASSWORD)
    assert services.users.check_password("jo@x.org", SecretStr(PASSWORD)) is user


def refusal(services: Any, email: Any, password: Any) -> Any:
    with pytest.raises(Forbidden) as caught:
        services.users.check_password(email, SecretStr(password))
    return str(caught.value)


def test_every_refusal_is_the_same_sentence(services):
    add(services, password=PASSWORD)
    add(services, email="none@x.org")
    services.users.edit(
        add(services, email="off@x.org", password=PASSWORD), UserChange(active=False)
    )
    refusals = {
        refusal(services, "jo@x.org", "another password"),
        refusal(services, "nobody@x.org", PASSWORD),
        refusal(services, "none@x.org", ""),
        refusal(services, "off@x.org", PASSWORD),
    }
    assert len(refusals) == 1


def test_a_migrated_bcrypt_password_lets_in_and_is_hashed_anew(services):
    user = add(services)
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
    user.password_hash = old
    services.users.check_password("jo@x.org", SecretStr(PASSWORD))
    assert user.password_hash.startswith("$argon2id$")
    services.users.check_password("jo@x.org", SecretStr(PASSWORD))


def test_a_wrong_password_does_not_replace_a_migrated_hash(services):
    user = add(services)
    user.password_hash = old = bcrypt.hashpw(b"x" * 20, bcrypt.gensalt(4)).decode()
    refusal(services, "jo@x.org", PASSWORD)
    assert user.password_hash == old


def test_a_migrated_password_longer_than_bcrypt_reads_lets_in(services):
    long = "0123456789" * 10
    user = add(services)
    user.password_hash = bcrypt.hashpw(long[:72].encode(), bcrypt.gensalt(4)).decode()
    assert services.users.check_password("jo@x.org", SecretStr(long)) is user


def test_a_weaker_argon2_hash_is_made_anew(services):
    user = add(services)
    user.password_hash = old = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
    services.users.check_password("jo@x.org", SecretStr(PASSWORD))
    assert user.password_hash != old


def test_a_hash_that_cannot_be_read_lets_nobody_in(services):
    user = add(services)
    user.password_hash = "md5:5f4dcc3b5aa765d61d8327deb882cf99"
    refusal(services, "jo@x.org", PASSWORD)


def test_after_a_reset_the_old_password_is_worth_nothing(services):
    user = add(services, password=PASSWORD)
    services.users.reset_password(user, SecretStr("eight blue umbrellas"))
    refusal(services, "jo@x.org", PASSWORD)


def test_what_is_not_said_stays(services):
    user = add(services, role="admin")
    services.users.edit(user, UserChange(name="Joanna"))
    assert (user.name, user.email, user.role, user.active) == (
        "Joanna",
        "jo@x.org",
        Role.ADMIN,
        True,
    )


def test_an_address_is_not_changed_to_one_that_is_taken(services):
    add(services, email="a@x.org")
    with pytest.raises(Conflict):
        services.users.edit(add(services, email="b@x.org"), UserChange(email="a@x.org"))


@pytest.mark.parametrize("change", [UserChange(role=Role.USER), UserChange(active=False)])
def test_the_only_administrator_stays_one(services, change):
    user = add(services, role="admin")
    with pytest.raises(Conflict, match="only administrator"):
        services.users.edit(user, change)


def test_the_only_administrator_is_not_removed(services):
    user = add(services, role="admin")
    with pytest.raises(Conflict):
        services.users.remove(user)


def test_one_of_two_administrators_may_go(services):
    add(services, email="a@x.org", role="admin")
    services.users.remove(add(services, email="b@x.org", role="admin"))
    assert [each.email for each in services.users.all()] == ["a@x.org"]


def test_a_disabled_administrator_does_not_count(services):
    first = add(services, email="a@x.org", role="admin")
    services.users.edit(add(services, email="b@x.org", role="admin"), UserChange(active=False))
    with pytest.raises(Conflict):
        services.users.remove(first)


def test_tokens_go_with_their_user(services):
    user = add(services)
    _, text = services.tokens.add(TokenKind.PERSONAL, "mine", user=user)
    services.users.remove(user)
    with pytest.raises(BadToken):
        services.tokens.authenticate(text)
