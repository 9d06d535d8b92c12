"""Who maintains what, in the terms of rows."""

from typing import Any

import pytest
from sqlalchemy import select

from packistry.errors import Invalid
from packistry.inputs import NewRepository, NewUser
from packistry.models import Package, Token, TokenKind, User
from packistry.services.access import ANONYMOUS, Actor, Permission, permits, token_predicate
from packistry.services.grants import Rights
from packistry.services.sessions import actor_of

READ, MANAGE = Rights(read=True), Rights(manage=True)


@pytest.fixture
def jo(services: Any) -> User:
    user: User = services.users.add(NewUser(email="jo@x.org", name="Jo"))
    return user


@pytest.fixture
def home(services: Any) -> Any:
    return services.repositories.add(NewRepository(name="Home", path="home"))


@pytest.fixture
def away(services: Any) -> Any:
    return services.repositories.add(NewRepository(name="Away", path="away"))


def token(services: Any, *targets: Any, kind: TokenKind = TokenKind.DEPLOY, **of: Any) -> Token:
    made, _ = services.tokens.add(kind, "ci", **of)
    for target in targets:
        services.grants.grant(made, target, READ)
    found: Token = made
    return found


def seen(services: Any, actor: Actor) -> set[int]:
    return set(services.session.scalars(select(Token.id).where(token_predicate(actor))))


def test_a_maintainer_may_read_and_write_as_well(services, jo, home):
    grant = services.grants.grant(jo, home, MANAGE)
    assert (grant.can_read, grant.can_write, grant.can_manage) == (True, True, True)


def test_who_may_not_write_any_more_does_not_maintain(services, jo, home):
    grant = services.grants.grant(jo, home, MANAGE)
    services.grants.revoke(jo, home, Rights(write=True))
    assert (grant.can_read, grant.can_manage) == (True, False)


def test_only_a_user_maintains_and_only_a_repository(services, jo, home):
    package = Package(repository=home, name="acme/lib")
    services.session.add(package)
    services.session.flush()
    for owner, target in ((jo, package), (token(services), home)):
        with pytest.raises(Invalid, match="maintainer"):
            services.grants.grant(owner, target, MANAGE)


def test_a_maintainer_maintains_their_repository_and_its_packages_alone(services, jo, home, away):
    services.grants.grant(jo, home, MANAGE)
    services.grants.grant(jo, away, READ)
    inside, outside = (Package(repository=place, name="acme/lib") for place in (home, away))
    services.session.add_all([inside, outside])
    services.session.flush()
    session, actor = services.session, actor_of(jo)
    assert permits(session, actor, Permission.MAINTAIN, home)
    assert permits(session, actor, Permission.MAINTAIN, inside)
    assert permits(session, actor, Permission.MAINTAIN)
    assert not permits(session, actor, Permission.MAINTAIN, away)
    assert not permits(session, actor, Permission.MAINTAIN, outside)
    assert not permits(session, actor, Permission.ADMINISTER)


def test_a_public_repository_gives_nobody_more_than_reading(services, jo):
    place = services.repositories.add(NewRepository(name="Open", path="open", public=True))
    assert permits(services.session, actor_of(jo), Permission.READ, place)
    assert not permits(services.session, actor_of(jo), Permission.MAINTAIN, place)
    assert not permits(services.session, ANONYMOUS, Permission.READ, place)


def test_a_maintainer_sees_deploy_tokens_that_reach_nothing_beyond(services, jo, home, away):
    services.grants.grant(jo, home, MANAGE)
    package = Package(repository=home, name="acme/lib")
    services.session.add(package)
    services.session.flush()
    within = token(services, home)
    part = token(services, package)
    beyond = token(services, home, away)
    elsewhere = token(services, away)
    nothing = token(services)
    assert seen(services, actor_of(jo)) == {within.id, part.id}
    assert seen(services, Actor(admin=True, user_id=0)) == {
        each.id for each in (within, part, beyond, elsewhere, nothing)
    }


def test_a_personal_token_is_seen_by_its_owner(services, jo):
    other = services.users.add(NewUser(email="other@x.org", name="Other"))
    mine = token(services, kind=TokenKind.PERSONAL, user=jo)
    token(services, kind=TokenKind.PERSONAL, user=other)
    assert seen(services, actor_of(jo)) == {mine.id}


def test_a_token_of_a_maintainer_maintains_nothing(services, jo, home):
    services.grants.grant(jo, home, MANAGE)
    actor = Actor(user_id=jo.id, token_id=7, can_write=True)
    assert not permits(services.session, actor, Permission.MAINTAIN, home)
