"""Who may use what: rights of users and deploy tokens on repositories and packages."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from packistry.errors import Invalid, NotFound
from packistry.models import (
    AuthenticationSource,
    Grant,
    Package,
    Repository,
    Token,
    TokenKind,
    User,
)

Owner = User | Token
Target = Repository | Package


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Reading (composer install) and writing (uploading) are separate: neither gives the other.

    Who manages a repository, its maintainer, has both besides.
    """

    read: bool = False
    write: bool = False
    manage: bool = False


class Grants:
    """Gives rights and takes them away."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, owner: Owner) -> list[Grant]:
        return list(self._session.scalars(select(Grant).where(owned(owner)).order_by(Grant.id)))

    def maintainers(self, repository: Repository) -> list[tuple[User, list[Grant]]]:
        """Who manages it by a grant, by name; with the grants that say so."""
        query = (
            select(User, Grant)
            .join(Grant, Grant.user_id == User.id)
            .where(Grant.repository_id == repository.id, Grant.can_manage)
            .order_by(func.lower(User.name), User.id, Grant.id)
        )
        found: dict[User, list[Grant]] = {}
        for user, grant in self._session.execute(query):
            found.setdefault(user, []).append(grant)
        return list(found.items())

    def grant(self, owner: Owner, target: Target, rights: Rights) -> Grant:
        """Adds `rights` to those they have.

        Raises Invalid for a personal token, and for managing unless a user shall manage a
        repository.

        A deploy token that is given writing gets the ability too: without it the grant would be
        without effect.
        """
        if rights.manage and not (isinstance(owner, User) and isinstance(target, Repository)):
            raise Invalid("Only a user can be a maintainer, and only of a repository.")
        if isinstance(owner, Token):
            if owner.kind != TokenKind.DEPLOY:
                raise Invalid(
                    f'"{owner.name}" is a personal token: it has the rights of its user. '
                    "Grant them to the user."
                )
            owner.can_write = owner.can_write or rights.write
        by_hand = (each for each in self._between(owner, target) if each.given_by is None)
        grant = next(by_hand, None) or self._new(owner, target)
        grant.can_manage = grant.can_manage or rights.manage
        grant.can_read = grant.can_read or rights.read or rights.manage
        grant.can_write = grant.can_write or rights.write or rights.manage
        self._session.flush()
        return grant

    def revoke(self, owner: Owner, target: Target, rights: Rights) -> None:
        """Takes `rights` away. Raises NotFound when they were never given.

        Who may not read or write any more does not maintain either.
        """
        grants = self._between(owner, target)
        if not grants:
            raise NotFound(f"{describe(owner)} has no right on {describe(target)} to revoke.")
        for grant in grants:
            grant.can_read = grant.can_read and not rights.read
            grant.can_write = grant.can_write and not rights.write
            grant.can_manage = grant.can_manage and not (
                rights.manage or rights.read or rights.write
            )
            if not (grant.can_read or grant.can_write):
                self._session.delete(grant)
        self._session.flush()

    def replace(self, owner: Owner, wanted: Mapping[Target, Rights]) -> None:
        """Has `owner` have these rights and no others, but for those a sign-in source gave.

        Raises what `grant` raises.
        """
        for grant in self.of(owner):
            target = grant.repository or grant.package
            if grant.given_by is None and target is not None:
                kept = wanted.get(target, Rights())
                grant.can_read, grant.can_write = kept.read, kept.write
                grant.can_manage = kept.manage
                if kept == Rights():
                    self._session.delete(grant)
        if isinstance(owner, Token):
            owner.can_write = False
        for target, rights in wanted.items():
            if rights != Rights():
                self.grant(owner, target, rights)
        self._session.flush()

    def _between(self, owner: Owner, target: Target) -> list[Grant]:
        query = select(Grant).where(owned(owner), _covers(target)).order_by(Grant.id)
        return list(self._session.scalars(query))

    def _new(self, owner: Owner, target: Target) -> Grant:
        grant = Grant(
            user_id=owner.id if isinstance(owner, User) else None,
            token_id=owner.id if isinstance(owner, Token) else None,
            repository_id=target.id if isinstance(target, Repository) else None,
            package_id=target.id if isinstance(target, Package) else None,
            can_read=False,
            can_write=False,
            can_manage=False,
        )
        self._session.add(grant)
        return grant


def describe(thing: Owner | Target | AuthenticationSource) -> str:
    """What people call it, as part of a sentence."""
    if isinstance(thing, User):
        return thing.label
    if isinstance(thing, AuthenticationSource):
        return thing.name
    if isinstance(thing, Token):
        return f'the token "{thing.name}"'
    if isinstance(thing, Package):
        return f"the package {thing.name or f'number {thing.id}'}"
    return f'the repository "{thing.name}"'


def owned(owner: Owner) -> ColumnElement[bool]:
    """Whether the Grant at hand is the owner's."""
    return Grant.user_id == owner.id if isinstance(owner, User) else Grant.token_id == owner.id


def _covers(target: Target) -> ColumnElement[bool]:
    if isinstance(target, Repository):
        return Grant.repository_id == target.id
    return Grant.package_id == target.id
