"""A user, as the API tells of them, and what they may do there."""

from pydantic import Field
from sqlalchemy import select

from packistry.models import (
    AuthenticationSource,
    Grant,
    IdentityLink,
    Package,
    Repository,
    Role,
    Token,
    User,
)
from packistry.services import Services
from packistry.services.access import Permission, permits
from packistry.services.sessions import actor_of
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
    authentication_source: Named | None
    permissions: list[str]
    repositories: list[Named]
    packages: list[NamedPackage]
    grants: list[GrantShape]
    created_at: Moment
    updated_at: Moment


def user_shape(services: Services, user: User) -> UserShape:
    """A user with what they were granted."""
    repositories, packages, grants = granted(services, user)
    return UserShape(
        id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        active=user.active,
        second_factor=services.second_factors.of(user) is not None,
        authentication_source=_signs_in_at(services, user),
        permissions=list(_permissions(services, user)),
        repositories=repositories,
        packages=packages,
        grants=grants,
        created_at=user.created_at,
        updated_at=user.updated_at,
    )


def granted(
    services: Services, owner: User | Token
) -> tuple[list[Named], list[NamedPackage], list[GrantShape]]:
    """(repositories, packages, each right on one of them) of a user or a deploy token."""
    owned = Grant.user_id if isinstance(owner, User) else Grant.token_id
    rows = services.session.execute(
        select(Grant, Repository, Package)
        .outerjoin(Repository, Repository.id == Grant.repository_id)
        .outerjoin(Package, Package.id == Grant.package_id)
        .where(owned == owner.id)
        .order_by(Grant.id)
    ).all()
    repositories = {each.id: Named(id=each.id, name=each.name) for _, each, _ in rows if each}
    packages = {
        each.id: NamedPackage(id=each.id, name=each.name, repository_id=each.repository_id)
        for _, _, each in rows
        if each
    }
    grants = [
        GrantShape(
            repository_id=grant.repository_id,
            package_id=grant.package_id,
            read=grant.can_read,
            write=grant.can_write,
            manage=grant.can_manage,
        )
        for grant, _, _ in rows
    ]
    return list(repositories.values()), list(packages.values()), grants


def _signs_in_at(services: Services, user: User) -> Named | None:
    """Where they signed in last, if it was not with a password."""
    row = services.session.execute(
        select(AuthenticationSource.id, AuthenticationSource.name)
        .join(IdentityLink, IdentityLink.source_id == AuthenticationSource.id)
        .where(IdentityLink.user_id == user.id)
        .order_by(IdentityLink.used_at.desc(), IdentityLink.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else Named(id=row.id, name=row.name)


def _permissions(services: Services, user: User) -> tuple[str, ...]:
    if user.role is Role.ADMIN:
        return _ALL
    if permits(services.session, actor_of(user), Permission.MAINTAIN):
        return (*_EVERYBODY, *_MAINTAINERS)
    return _EVERYBODY
