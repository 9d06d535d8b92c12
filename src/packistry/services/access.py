"""Who may read and write what. This module alone decides; every query and page asks it.

A right is the token's ability, and its owner's (or its own) grant *now*, or that the repository is
public (reading only). An admin's rights need no grant. A grant on a repository covers its packages;
a grant on a package covers that package alone and lets its repository be entered.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from packistry.models import Grant, Package, Repository


class Action(StrEnum):
    """What someone wants to do with a package or a repository's packages."""

    READ = "read"
    WRITE = "write"


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
    label: str = "anonymous"

    @property
    def anonymous(self) -> bool:
        return self.user_id is None and self.token_id is None


ANONYMOUS = Actor()

SYSTEM = Actor(admin=True, can_write=True, label="system")
"""The CLI and the jobs: whoever runs them owns the installation."""

Bool = ColumnElement[bool] | bool
Number = ColumnElement[int | None] | InstrumentedAttribute[Any] | int | None


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
            allowed=actor.can_read if action is Action.READ else actor.can_write,
            user_id=actor.user_id,
            deploy_token_id=actor.deploy_token_id,
        )


def package_predicate(subject: Subject, action: Action) -> ColumnElement[bool]:
    """Whether `subject` may do `action` with the Package (joined to its Repository) at hand."""
    granted = _granted(
        subject,
        action,
        lambda grant: or_(
            grant.repository_id == Repository.id,
            and_(grant.package_id.is_not(None), grant.package_id == Package.id),
        ),
    )
    return _decide(subject, action, granted)


def repository_predicate(subject: Subject, action: Action) -> ColumnElement[bool]:
    """Whether `subject` may enter the Repository at hand.

    Entering for reading needs a right on the repository or on one package in it; for writing
    (making a package) a write grant on the repository itself.
    """
    inside = aliased(Package)

    def covers(grant: type[Grant]) -> ColumnElement[bool]:
        whole = grant.repository_id == Repository.id
        if action is Action.WRITE:
            return whole
        # Named, since a statement two levels up is not correlated by itself: without it every
        # repository would be the one the granted package is in.
        part = (
            exists()
            .where(inside.id == grant.package_id, inside.repository_id == Repository.id)
            .correlate(grant, Repository)
        )
        return or_(whole, and_(grant.package_id.is_not(None), part))

    return _decide(subject, action, _granted(subject, action, covers))


def _decide(subject: Subject, action: Action, granted: ColumnElement[bool]) -> ColumnElement[bool]:
    right = and_(_clause(subject.allowed), or_(_clause(subject.admin), granted))
    return or_(Repository.public, right) if action is Action.READ else right


def _granted(subject: Subject, action: Action, covers: Any) -> ColumnElement[bool]:
    grant = aliased(Grant)
    owners = [
        column == value
        for column, value in (
            (grant.user_id, subject.user_id),
            (grant.token_id, subject.deploy_token_id),
        )
        if value is not None
    ]
    if not owners:
        return false()
    right = grant.can_read if action is Action.READ else grant.can_write
    return exists().where(or_(*owners), right, covers(grant))


def _clause(value: Bool) -> ColumnElement[bool]:
    if isinstance(value, bool):
        return true() if value else false()
    return value
