"""Who may read and write what. This module alone decides; every query and page asks it.

A right is the token's ability, and its owner's (or its own) grant *now*, or that the repository is
public (reading only). An admin's rights need no grant. A grant on a repository covers its packages;
a grant on a package covers that package alone and lets its repository be entered. Who maintains a
repository manages its packages and the deploy tokens that reach nothing beyond it, and may import
from every source: its name and what projects it has are theirs to know, what opens it is not.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from packistry.models import Base, Grant, Package, Repository, Source, Token, TokenKind


class Action(StrEnum):
    """What someone wants to do with a package or a repository's packages."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"


class Permission(StrEnum):
    """What an address of the web needs of whoever asks for it. Every route names one."""

    TOKEN = "token"  # noqa: S105 - a word
    """Composer's own: the token in the request is decided about, package by package."""
    OPEN = "open"
    """Everybody may: it tells nothing, or checks something else, such as a link."""
    PERSON = "person"
    """Whoever is signed in."""
    READ = "read"
    """Who may read the repository or package at hand."""
    MAINTAIN = "maintain"
    """Who maintains the repository, package or token at hand; without one, or with a source, any
    repository."""
    ADMINISTER = "administer"
    """Administrators."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who asks. The anonymous actor has neither user nor token.

    `can_read` and `can_write` are the abilities of the token used; a person signed in has both.
    """

    user_id: int | None = None
    token_id: int | None = None
    # The deploy token whose own grants count; None for a personal token or a person.
    deploy_token_id: int | None = None
    admin: bool = False
    can_read: bool = True
    can_write: bool = False
    # Whether it is a token that opens the JSON API: there it stands for its user.
    can_call_api: bool = False
    label: str = "anonymous"

    @property
    def anonymous(self) -> bool:
        return self.user_id is None and self.token_id is None

    @property
    def manages(self) -> bool:
        """Whether it is a person, or a token that stands for one."""
        return self.token_id is None or self.can_call_api


ANONYMOUS = Actor()

SYSTEM = Actor(admin=True, can_write=True, label="system")
"""The CLI and the jobs: whoever runs them owns the installation."""

Target = Base | None
"""A row that a permission is about. Of those that are none of the four below, and of the system as
a whole, only administrators know."""
Bool = ColumnElement[bool] | bool
Number = ColumnElement[int | None] | InstrumentedAttribute[Any] | int | None
Covers = Callable[[type[Grant]], ColumnElement[bool]]
"""Whether a grant is one on what is at hand."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An actor in the terms of SQL: plain values, or the columns of a statement that finds them."""

    admin: Bool
    allowed: Bool
    user_id: Number
    deploy_token_id: Number

    @classmethod
    def of(cls, actor: Actor, action: Action) -> "Subject":
        return cls(
            admin=actor.admin,
            allowed=_ability(actor, action),
            user_id=actor.user_id,
            deploy_token_id=actor.deploy_token_id,
        )


def permits(session: Session, actor: Actor, permission: Permission, target: Target = None) -> bool:
    """Whether `actor` may do what needs `permission`, with the row it is about.

    For TOKEN and OPEN that is everybody, as far as this can tell.
    """
    if permission in (Permission.TOKEN, Permission.OPEN):
        return True
    if actor.anonymous:
        return False
    if actor.admin or permission is Permission.PERSON:
        return True
    if permission is Permission.READ and target is not None:
        return _may(session, actor, Action.READ, target)
    if permission is Permission.MAINTAIN:
        return _may(session, actor, Action.MANAGE, target)
    return False


def knows(session: Session, actor: Actor, target: Target) -> bool:
    """Whether `actor` may know that the row exists. To whom it is hidden, it does not."""
    if actor.admin or actor.anonymous:
        return actor.admin
    action = Action.READ if isinstance(target, Repository | Package) else Action.MANAGE
    return _may(session, actor, action, target)


def maintainers(session: Session, user_ids: Collection[int]) -> set[int]:
    """Which of these users maintain a repository, by a grant."""
    query = select(Grant.user_id).where(
        Grant.user_id.in_(user_ids), Grant.can_manage, Grant.repository_id.is_not(None)
    )
    return {number for number in session.scalars(query) if number is not None}


def token_predicate(actor: Actor) -> ColumnElement[bool]:
    """Whether `actor` may see and manage the Token at hand: deploy tokens within what they manage.

    A person's own personal tokens are theirs alone.
    """
    if actor.admin:
        return true()
    grant, inside = aliased(Grant), aliased(Package)
    mine = manages(actor)
    within = exists().where(Repository.id == grant.repository_id, mine).correlate(grant)
    part = (
        exists()
        .where(inside.id == grant.package_id, Repository.id == inside.repository_id, mine)
        .correlate(grant)
    )
    its = grant.token_id == Token.id
    covered = or_(
        and_(grant.repository_id.is_not(None), within), and_(grant.package_id.is_not(None), part)
    )
    some = exists().where(its, covered).correlate(Token)
    beyond = exists().where(its, not_(covered)).correlate(Token)
    personal = and_(Token.kind == TokenKind.PERSONAL, Token.user_id == actor.user_id)
    return or_(personal, and_(Token.kind == TokenKind.DEPLOY, some, not_(beyond)))


def manages(actor: Actor) -> ColumnElement[bool]:
    """Whether `actor` maintains the Repository at hand."""
    return repository_predicate(Subject.of(actor, Action.MANAGE), Action.MANAGE)


def readable(actor: Actor) -> ColumnElement[bool]:
    """Whether `actor` may read the Package at hand: as `package_predicate` says it.

    In terms of what is found out once, not anew for each of many packages.
    """
    if actor.admin and actor.can_read:
        return true()
    return or_(
        Package.repository_id.in_(wholly_readable(actor)), Package.id.in_(singly_readable(actor))
    )


def wholly_readable(actor: Actor) -> Select[int]:
    """The numbers of the repositories of which `actor` may read every package."""
    home = aliased(Repository)
    if actor.admin and actor.can_read:
        return select(home.id)
    grant = aliased(Grant)
    granted = select(grant.repository_id).where(
        grant.repository_id.is_not(None), _held(grant, actor)
    )
    return select(home.id).where(or_(home.public, home.id.in_(granted)))


def singly_readable(actor: Actor) -> Select[int | None]:
    """The numbers of the packages that `actor` may read by grants on these alone."""
    grant = aliased(Grant)
    return select(grant.package_id).where(grant.package_id.is_not(None), _held(grant, actor))


def _held(grant: type[Grant], actor: Actor) -> ColumnElement[bool]:
    """Whether it lets `actor` read."""
    owners = _owners(grant, Subject.of(actor, Action.READ))
    return and_(or_(*owners), grant.can_read) if owners and actor.can_read else false()


def enterable(actor: Actor) -> ColumnElement[bool]:
    """Whether `actor` may enter the Repository at hand for reading."""
    return repository_predicate(Subject.of(actor, Action.READ), Action.READ)


def package_predicate(subject: Subject, action: Action) -> ColumnElement[bool]:
    """Whether `subject` may do `action` with the Package (joined to its Repository) at hand."""

    def covers(grant: type[Grant]) -> ColumnElement[bool]:
        its_own = and_(grant.package_id.is_not(None), grant.package_id == Package.id)
        return or_(grant.repository_id == Repository.id, its_own)

    return _decide(subject, action, covers)


def repository_predicate(subject: Subject, action: Action) -> ColumnElement[bool]:
    """Whether `subject` may enter the Repository at hand.

    Entering for reading needs a right on the repository or on one package in it; for writing
    (making a package) and managing a grant on the repository itself.
    """
    inside = aliased(Package)

    def covers(grant: type[Grant]) -> ColumnElement[bool]:
        whole = grant.repository_id == Repository.id
        if action is not Action.READ:
            return whole
        # Named, since a statement two levels up is not correlated by itself: without it every
        # repository would be the one the granted package is in.
        part = (
            exists()
            .where(inside.id == grant.package_id, inside.repository_id == Repository.id)
            .correlate(grant, Repository)
        )
        return or_(whole, and_(grant.package_id.is_not(None), part))

    return _decide(subject, action, covers)


def _decide(subject: Subject, action: Action, covers: Covers) -> ColumnElement[bool]:
    if subject.admin is True and subject.allowed is True:
        # Said so, no database need look at every row to find it out.
        return true()
    granted = _granted(subject, action, covers)
    right = and_(_clause(subject.allowed), or_(_clause(subject.admin), granted))
    return or_(Repository.public, right) if action is Action.READ else right


def _granted(subject: Subject, action: Action, covers: Covers) -> ColumnElement[bool]:
    grant = aliased(Grant)
    owners = _owners(grant, subject)
    if not owners:
        return false()
    right = {
        Action.READ: grant.can_read,
        Action.WRITE: grant.can_write,
        Action.MANAGE: grant.can_manage,
    }[action]
    return exists().where(or_(*owners), right, covers(grant))


def _owners(grant: type[Grant], subject: Subject) -> list[ColumnElement[bool]]:
    """Either says that the grant is the subject's; none where it can have no grants."""
    return [
        column == value
        for column, value in (
            (grant.user_id, subject.user_id),
            (grant.token_id, subject.deploy_token_id),
        )
        if value is not None
    ]


def _ability(actor: Actor, action: Action) -> bool:
    if action is Action.READ:
        return actor.can_read
    # A token for composer is never a maintainer: it has the abilities it was given.
    return actor.can_write if action is Action.WRITE else actor.manages


def _may(session: Session, actor: Actor, action: Action, target: Target) -> bool:
    subject = Subject.of(actor, action)
    if isinstance(target, Token):
        statement = select(Token.id).where(Token.id == target.id, token_predicate(actor))
    elif isinstance(target, Package):
        statement = (
            select(Package.id)
            .join(Repository, Repository.id == Package.repository_id)
            .where(Package.id == target.id, package_predicate(subject, action))
        )
    elif target is None or isinstance(target, Repository | Source):
        statement = select(Repository.id).where(repository_predicate(subject, action))
        if isinstance(target, Repository):
            statement = statement.where(Repository.id == target.id)
    else:
        return False
    return session.scalars(statement.limit(1)).first() is not None


def _clause(value: Bool) -> ColumnElement[bool]:
    if isinstance(value, bool):
        return true() if value else false()
    return value
