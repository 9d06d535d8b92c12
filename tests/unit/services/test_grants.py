from typing import Any

import pytest

from packistry.errors import Invalid, NotFound
from packistry.inputs import NewRepository, NewUser, read
from packistry.models import Grant, Package, TokenKind
from packistry.services.grants import Rights, describe

READ, WRITE = Rights(read=True), Rights(write=True)
BOTH = Rights(read=True, write=True)


@pytest.fixture
def repository(services):
    return services.repositories.add(read(NewRepository, name="main"))


@pytest.fixture
def user(services):
    return services.users.add(read(NewUser, email="jo@x.org", name="Jo"))


def rights(services: Any, owner: Any) -> Any:
    return [(each.can_read, each.can_write) for each in services.grants.of(owner)]


def test_reading_is_not_writing(services, user, repository):
    services.grants.grant(user, repository, READ)
    assert rights(services, user) == [(True, False)]


def test_writing_is_not_reading(services, user, repository):
    services.grants.grant(user, repository, WRITE)
    assert rights(services, user) == [(False, True)]


def test_a_second_grant_adds_to_the_first(services, user, repository):
    services.grants.grant(user, repository, READ)
    services.grants.grant(user, repository, WRITE)
    assert rights(services, user) == [(True, True)]


def test_one_right_is_revoked_and_the_other_stays(services, user, repository):
    services.grants.grant(user, repository, BOTH)
    services.grants.revoke(user, repository, WRITE)
    assert rights(services, user) == [(True, False)]


def test_a_grant_without_rights_is_gone(services, user, repository):
    services.grants.grant(user, repository, READ)
    services.grants.revoke(user, repository, BOTH)
    assert rights(services, user) == []


def test_what_two_processes_granted_at_once_is_revoked_together(services, user, repository):
    for _ in range(2):
        services.session.add(Grant(user_id=user.id, repository_id=repository.id, can_read=True))
    services.session.flush()
    services.grants.revoke(user, repository, READ)
    assert rights(services, user) == []


def test_what_was_never_granted_cannot_be_revoked(services, user, repository):
    with pytest.raises(NotFound, match="no right"):
        services.grants.revoke(user, repository, READ)


def test_a_grant_on_a_package_is_not_one_on_its_repository(services, user, repository):
    package = Package(repository=repository, name="acme/lib")
    services.session.add(package)
    services.session.flush()
    services.grants.grant(user, package, READ)
    with pytest.raises(NotFound):
        services.grants.revoke(user, repository, READ)
    assert describe(package) == "the package acme/lib"


def test_a_deploy_token_that_is_given_writing_can_write(services, repository):
    token, _ = services.tokens.add(TokenKind.DEPLOY, "ci")
    services.grants.grant(token, repository, WRITE)
    assert token.can_write


def test_a_deploy_token_that_is_given_reading_cannot_write(services, repository):
    token, _ = services.tokens.add(TokenKind.DEPLOY, "ci")
    services.grants.grant(token, repository, READ)
    assert not token.can_write


def test_a_personal_token_is_granted_nothing(services, user, repository):
    token, _ = services.tokens.add(TokenKind.PERSONAL, "mine", user=user)
    with pytest.raises(Invalid, match="personal token"):
        services.grants.grant(token, repository, READ)


def test_grants_go_with_their_owner(services, user, repository):
    services.grants.grant(user, repository, READ)
    services.users.remove(user)
    assert services.session.query(Grant).count() == 0
