"""The matrix of who may do what: every combination against rules written down once more."""

import itertools
from typing import Any

import pytest
from sqlalchemy import select

from packistry.inputs import NewRepository, NewUser, read
from packistry.models import Grant, Package, Repository, TokenKind
from packistry.services.access import (
    ANONYMOUS,
    SYSTEM,
    Action,
    Actor,
    Subject,
    package_predicate,
    readable,
    repository_predicate,
)
from packistry.services.tokens import actor_of


class World:
    """Two repositories, one of them public, with two packages each."""

    def __init__(self, services: Any) -> None:
        self.services = services
        self.session = services.session
        for path, public in (("private", False), ("public", True)):
            repository = services.repositories.add(
                read(NewRepository, name=path, path=path, public=public)
            )
            for name in ("acme/a", "acme/b"):
                self.session.add(Package(repository_id=repository.id, name=name))
        self.user = services.users.add(read(NewUser, email="jo@x.org", name="Jo"))
        self.admin = services.users.add(read(NewUser, email="ad@x.org", name="Ad", role="admin"))
        self.session.flush()

    def repository(self, path: Any) -> Any:
        return self.services.repositories.get(path)

    def package(self, path: Any, name: Any) -> Any:
        return self.services.packages.get(name, self.repository(path))

    def packages(self, actor: Any, action: Any) -> Any:
        found = self._packages(package_predicate(Subject.of(actor, action), action))
        if action is Action.READ:
            # Lists of many ask for the same in another form.
            assert self._packages(readable(actor)) == found
        return found

    def _packages(self, allowed: Any) -> Any:
        query = (
            select(Repository.path, Package.name)
            .join(Package, Package.repository_id == Repository.id)
            .where(allowed)
        )
        return {(row.path, row.name) for row in self.session.execute(query)}

    def repositories(self, actor: Any, action: Any) -> Any:
        query = select(Repository.path).where(
            repository_predicate(Subject.of(actor, action), action)
        )
        return set(self.session.scalars(query))

    def token(self, kind: Any, *, can_write: Any, owner: Any = None) -> Any:
        token, _ = self.services.tokens.add(kind, "t", user=owner, can_write=can_write)
        return token


@pytest.fixture
def world(services):
    return World(services)


ALL = set(itertools.product(("private", "public"), ("acme/a", "acme/b")))
PUBLIC = {each for each in ALL if each[0] == "public"}


def test_a_stranger_reads_what_is_public_and_writes_nothing(world):
    assert world.packages(ANONYMOUS, Action.READ) == PUBLIC
    assert world.packages(ANONYMOUS, Action.WRITE) == set()
    assert world.repositories(ANONYMOUS, Action.WRITE) == set()


def test_the_system_may_do_everything(world):
    assert world.packages(SYSTEM, Action.READ) == ALL
    assert world.packages(SYSTEM, Action.WRITE) == ALL


def test_an_administrators_token_needs_the_ability_to_write(world):
    token = world.token(TokenKind.PERSONAL, can_write=False, owner=world.admin)
    actor = actor_of(token, world.admin)
    assert world.packages(actor, Action.READ) == ALL
    assert world.packages(actor, Action.WRITE) == set()


def rights(
    *, read_granted: Any, write_granted: Any, can_read: Any, can_write: Any, where: Any
) -> Any:
    """What follows from one grant, by the rules of the page on access."""
    covered = {
        "repository": {each for each in ALL if each[0] == "private"},
        "package": {("private", "acme/a")},
        "public repository": PUBLIC,
        "public package": {("public", "acme/a")},
    }[where]
    readable = PUBLIC | (covered if read_granted and can_read else set())
    writable = covered if write_granted and can_write else set()
    return readable, writable


BOTH = (False, True)


@pytest.mark.parametrize("owner", ["user", "deploy token"])
@pytest.mark.parametrize("where", ["repository", "package", "public repository", "public package"])
def test_a_right_is_the_ability_and_the_grant(world, owner, where):
    path = "public" if "public" in where else "private"
    grant = Grant()
    if "package" in where:
        grant.package_id = world.package(path, "acme/a").id
    else:
        grant.repository_id = world.repository(path).id
    if owner == "user":
        grant.user_id = world.user.id
    else:
        deploy = world.token(TokenKind.DEPLOY, can_write=True)
        grant.token_id = deploy.id
    world.session.add(grant)
    for read_granted, write_granted, can_read, can_write in itertools.product(*[BOTH] * 4):
        grant.can_read, grant.can_write = read_granted, write_granted
        world.session.flush()
        actor = Actor(
            user_id=world.user.id if owner == "user" else None,
            token_id=1,
            deploy_token_id=None if owner == "user" else deploy.id,
            can_read=can_read,
            can_write=can_write,
        )
        readable, writable = rights(
            read_granted=read_granted,
            write_granted=write_granted,
            can_read=can_read,
            can_write=can_write,
            where=where,
        )
        assert world.packages(actor, Action.READ) == readable
        assert world.packages(actor, Action.WRITE) == writable


def test_a_grant_on_a_package_lets_its_repository_be_entered_for_reading_only(world):
    world.session.add(
        Grant(
            user_id=world.user.id,
            package_id=world.package("private", "acme/a").id,
            can_read=True,
            can_write=True,
        )
    )
    world.session.flush()
    actor = Actor(user_id=world.user.id, can_write=True)
    assert world.repositories(actor, Action.READ) == {"private", "public"}
    assert world.repositories(actor, Action.WRITE) == set()


def test_a_personal_token_has_no_rights_of_its_own(world):
    token = world.token(TokenKind.PERSONAL, can_write=True, owner=world.user)
    world.session.add(
        Grant(token_id=token.id, repository_id=world.repository("private").id, can_read=True)
    )
    world.session.flush()
    assert world.packages(actor_of(token, world.user), Action.READ) == PUBLIC


def test_the_grant_of_one_user_is_no_right_of_another(world):
    world.session.add(
        Grant(user_id=world.admin.id, repository_id=world.repository("private").id, can_read=True)
    )
    world.session.flush()
    assert world.packages(Actor(user_id=world.user.id), Action.READ) == PUBLIC


def test_a_user_and_a_token_of_the_same_number_are_two(world):
    token = world.token(TokenKind.DEPLOY, can_write=False)
    world.session.add(
        Grant(user_id=world.user.id, repository_id=world.repository("private").id, can_read=True)
    )
    world.session.flush()
    actor = Actor(token_id=token.id, deploy_token_id=world.user.id)
    assert world.packages(actor, Action.READ) == PUBLIC
