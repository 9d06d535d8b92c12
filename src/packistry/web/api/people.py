"""A user, as the API tells of them, and what they may do there."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from packistry.models import (
    AuthenticationSource,
    Grant,
    IdentityLink,
    Package,
    Repository,
    Role,
    User,
)
from packistry.services import Services
from packistry.services.access import maintainers
from packistry.services.second_factors import Standing
from packistry.web.api.shapes import Moment, Shape

_NOUNS = (
    "repository",
    "package",
    "user",
    "source",
    "deploy_token",
    "personal_token",
    "authentication_source",
)
_DEEDS = ("create", "read", "update", "delete")
_ALL = (
    "dashboard",
    "unscoped",
    *(f"{noun}_{deed}" for noun in _NOUNS for deed in _DEEDS),
    "batch_read",
    "batch_delete",
)
_EVERYBODY = (
    "dashboard",
    "repository_read",
    "package_read",
    *(f"personal_token_{deed}" for deed in _DEEDS),
)
_MAINTAINERS = (
    "package_create",
    "package_update",
    "package_delete",
    *(f"deploy_token_{deed}" for deed in _DEEDS),
    "batch_read",
)


class Named(Shape):
    """A thing that something refers to."""

    id: int
    name: str


class NamedRepository(Named):
    """A repository that something refers to; `path` is null for the one at the root."""

    path: str | None


class NamedPackage(Shape):
    """A package that something refers to; it has no name before its first import."""

    id: int
    name: str | None
    repository_id: int


class GrantShape(Shape):
    """A right on a repository, or on one package."""

    repository_id: int | None
    package_id: int | None
    read: bool
    write: bool
    manage: bool


class UserShape(Shape):
    """A person. `permissions` are the words of the PHP Packistry."""

    id: int
    name: str
    email: str | None
    role: Role
    active: bool
    second_factor: bool = Field(description="Whether a code is asked for beside the password")
    second_factor_state: Standing = Field(
        description='"missing": their role needs one and they have not set it up; "none": they '
        "have no password"
    )
    authentication_source: Named | None
    permissions: list[str]
    repositories: list[NamedRepository]
    packages: list[NamedPackage]
    grants: list[GrantShape]
    created_at: Moment
    updated_at: Moment


class Granted:
    """What users or deploy tokens, by their ids, were granted: all by one statement."""

    def __init__(
        self, services: Services, owner: InstrumentedAttribute[Any], ids: Collection[int]
    ) -> None:
        query = (
            select(owner.label("owner"), Grant, Repository, Package)
            .outerjoin(Repository, Repository.id == Grant.repository_id)
            .outerjoin(Package, Package.id == Grant.package_id)
            .where(owner.in_(ids))
            .order_by(Grant.id)
        )
        self._rows: dict[int, list[Any]] = defaultdict(list)
        for row in services.session.execute(query):
            self._rows[row.owner].append(row)

    def repositories(self, owner_id: int) -> list[NamedRepository]:
        """The repositories on which there is a right."""
        rows = (row.Repository for row in self._rows[owner_id])
        found = {each.id: each for each in rows if each is not None}
        return [
            NamedRepository(id=each.id, name=each.name, path=each.path or None)
            for each in found.values()
        ]

    def packages(self, owner_id: int) -> list[NamedPackage]:
        """The packages on which there is a right."""
        rows = (row.Package for row in self._rows[owner_id])
        found = {each.id: each for each in rows if each is not None}
        return [
            NamedPackage(id=each.id, name=each.name, repository_id=each.repository_id)
            for each in found.values()
        ]

    def grants(self, owner_id: int) -> list[GrantShape]:
        """Each right by itself."""
        return [
            GrantShape(
                repository_id=each.Grant.repository_id,
                package_id=each.Grant.package_id,
                read=each.Grant.can_read,
                write=each.Grant.can_write,
                manage=each.Grant.can_manage,
            )
            for each in self._rows[owner_id]
        ]


def user_shape(services: Services, user: User) -> UserShape:
    """A user with what they were granted."""
    return user_shapes(services, [user])[0]


def user_shapes(services: Services, users: Sequence[User]) -> list[UserShape]:
    """Users, each with what they were granted, in the same order."""
    ids = [user.id for user in users]
    granted = Granted(services, Grant.user_id, ids)
    places = _signs_in_at(services, ids)
    maintain = maintainers(services.session, ids)
    standings = services.second_factors.standings(users)
    return [
        UserShape(
            id=user.id,
            name=user.name,
            email=user.email,
            role=user.role,
            active=user.active,
            second_factor=standings[user.id] is Standing.ON,
            second_factor_state=standings[user.id],
            authentication_source=places.get(user.id),
            permissions=list(_permissions(user, maintain)),
            repositories=granted.repositories(user.id),
            packages=granted.packages(user.id),
            grants=granted.grants(user.id),
            created_at=user.created_at,
            updated_at=user.updated_at,
        )
        for user in users
    ]


def _signs_in_at(services: Services, ids: Collection[int]) -> dict[int, Named]:
    """By user: where they signed in last, if it was not with a password."""
    query = (
        select(IdentityLink.user_id, AuthenticationSource.id, AuthenticationSource.name)
        .join(AuthenticationSource, AuthenticationSource.id == IdentityLink.source_id)
        .where(IdentityLink.user_id.in_(ids))
        .order_by(
            func.coalesce(IdentityLink.used_at, IdentityLink.created_at), IdentityLink.id.desc()
        )
    )
    return {row.user_id: Named(id=row.id, name=row.name) for row in services.session.execute(query)}


def _permissions(user: User, maintain: Collection[int]) -> tuple[str, ...]:
    if user.role is Role.ADMIN:
        return _ALL
    return (*_EVERYBODY, *_MAINTAINERS) if user.id in maintain else _EVERYBODY
