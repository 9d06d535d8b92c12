"""The statements of the hot path: `services.access`'s rules with a token's columns as subject.

Each first says who asks (`WHO`), then what they asked for, in one row whatever does not exist.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    select,
    true,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from packistry.database import GENERATION
from packistry.models import (
    Counter,
    Dist,
    Document,
    Package,
    Repository,
    Role,
    Token,
    TokenKind,
    User,
    Version,
)
from packistry.services.access import Action, Subject, package_predicate, repository_predicate

Column = ColumnElement[Any] | InstrumentedAttribute[Any]

_SUBJECT = Subject(
    admin=User.role == Role.ADMIN,
    allowed=Token.can_read.expression,
    user_id=User.id,
    deploy_token_id=case((Token.kind == TokenKind.DEPLOY, Token.id)),
)
_VISIBLE = package_predicate(_SUBJECT, Action.READ)
_ENTERS = repository_predicate(_SUBJECT, Action.READ)
_NOTHING_RESERVED = type_coerce(Repository.reserved_vendors, Text) == "[]"

WHO: tuple[Column, ...] = (
    Counter.value,
    Token.id,
    Token.kind,
    Token.revoked_at,
    Token.expires_at,
    User.active,
    Repository.public,
)


def _whose(*columns: Column) -> tuple[Select[Any], Any]:
    """Columns and the joins they need: always one row, whatever does not exist."""
    joins = (
        Counter.__table__.outerjoin(
            Token, and_(Token.hash == bindparam("hash"), Token.kind == bindparam("kind"))
        )
        .outerjoin(User, User.id == Token.user_id)
        .outerjoin(Repository, Repository.path == bindparam("repository"))
    )
    return select(*WHO, *columns).where(Counter.name == GENERATION), joins


def _of_package(*columns: Column) -> tuple[Select[Any], Any]:
    statement, joins = _whose(_VISIBLE, *columns)
    return statement, joins.outerjoin(
        Package,
        and_(Package.repository_id == Repository.id, Package.name == bindparam("name")),
    )


def p2() -> Select[Any]:
    """The document of a package, in a repository given by path."""
    # Who may enter matters only where a name can be reserved: this is not worked out elsewhere.
    reserved = case(
        (Repository.id.is_(None), false()),
        (_NOTHING_RESERVED, false()),
        (Repository.public, true()),
        else_=_ENTERS,
    )
    statement, joins = _of_package(
        reserved, Repository.reserved_vendors, Package.id, Document.body, Document.modified
    )
    document = and_(Document.package_id == Package.id, Document.channel == bindparam("channel"))
    return statement.select_from(joins.outerjoin(Document, document))


def entrance() -> Select[Any]:
    """A repository given by path, and the token's rights in terms of an actor."""
    statement, joins = _whose(
        _ENTERS,
        Repository.id,
        Repository.reserved_vendors,
        User.id,
        User.role,
        Token.can_read,
        Token.can_write,
        Token.name,
    )
    return statement.select_from(joins)


_DIST = (Package.id, Dist.id, Dist.storage_key, Dist.size, Dist.sha256, Dist.failure)


def dist() -> Select[Any]:
    """The dist of a package and a reference."""
    statement, joins = _of_package(*_DIST)
    dist = and_(Dist.package_id == Package.id, Dist.reference == bindparam("reference"))
    return statement.select_from(joins.outerjoin(Dist, dist))


def version_dist() -> Select[Any]:
    """The dist that a version has now."""
    statement, joins = _of_package(*_DIST)
    version = and_(Version.package_id == Package.id, Version.normalized == bindparam("normalized"))
    return statement.select_from(
        joins.outerjoin(Version, version).outerjoin(Dist, Dist.id == Version.dist_id)
    )


def names() -> Select[Any]:
    """Names whose p2 answers, to an actor given by values."""
    subject = Subject(
        admin=bindparam("admin", type_=Token.can_read.type),
        allowed=bindparam("allowed", type_=Token.can_read.type),
        user_id=bindparam("user_id", type_=User.id.type),
        deploy_token_id=bindparam("deploy_token_id", type_=Token.id.type),
    )
    return (
        select(Package.name)
        .join(Repository, Repository.id == Package.repository_id)
        .where(
            Repository.id == bindparam("repository_id"),
            published(),
            package_predicate(subject, Action.READ),
        )
        .order_by(Package.name)
    )


def published() -> ColumnElement[bool]:
    """Whether the Package at hand has a name and documents: what every list of packages shows."""
    return and_(Package.name.is_not(None), exists().where(Document.package_id == Package.id))


def generation() -> Select[Any]:
    """The number that rises with every commit that can change an answer."""
    return select(Counter.value).where(Counter.name == GENERATION)
