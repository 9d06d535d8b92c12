from typing import Any

import pytest

from packistry.errors import Conflict, NotFound
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
