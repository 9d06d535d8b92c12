"""What the API asks and answers about tokens, as far as both kinds share it."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import Field
from sqlalchemy import ColumnElement, func, literal, select

from packistry.errors import Invalid, NotFound
from packistry.inputs import NewToken, read
from packistry.inputs.times import expiry
from packistry.models import Token, TokenKind
from packistry.models.base import now
from packistry.services import Services
from packistry.web.api.call import ApiVisit
from packistry.web.api.paging import paged
from packistry.web.api.shapes import Body, ListQuery, Moment, Paged, Shape, list_query
from packistry.web.listing import mentions

S = TypeVar("S")

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_KEPT_HOURS = 30 * 24

EXPIRES = Field(
    None, max_length=40, description='"90d", "12h", "6w", or a date or moment; null: never'
)

TokenList = list_query("TokenList", "name", "expires_at", "last_used_at")


class Ability(StrEnum):
    """What a token opens: packages for composer, uploads, and this API."""

    READ = "repository:read"
    WRITE = "repository:write"
    API = "api"


class TokenShape(Shape):
    """What is told of every token."""

    id: int
    name: str
    abilities: list[Ability]
    last_used_at: Moment | None
    expires_at: Moment | None
    created_at: Moment
    updated_at: Moment


class RotateBody(Body):
    """For how many hours the old token works on."""

    keep_hours: int = Field(0, ge=0, le=LONGEST_KEPT_HOURS)


def facts(token: Token) -> dict[str, Any]:
    """The fields of a TokenShape."""
    given = {
        Ability.READ: token.can_read,
        Ability.WRITE: token.can_write,
        Ability.API: token.can_call_api,
    }
    names = ("id", "name", "last_used_at", "expires_at", "created_at", "updated_at")
    return {
        "abilities": [ability for ability, has in given.items() if has],
        **{name: getattr(token, name) for name in names},
    }


def new_token(name: str, abilities: Collection[Ability], expires_at: str | None) -> NewToken:
    """What was sent, as an input. Raises Invalid."""
    return read(
        NewToken,
        name=name,
        can_read=Ability.READ in abilities,
        can_write=Ability.WRITE in abilities,
        can_call_api=Ability.API in abilities,
        expires_at=_expiry(expires_at),
    )


def _expiry(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return expiry(text, now())
    except Invalid as error:
        raise Invalid(str(error), field="expires_at") from None


def at(services: Services, number: int, kind: TokenKind) -> Token:
    """The token of this kind that is not revoked. Raises NotFound."""
    found = services.tokens.get(number)
    if found.kind != kind or found.revoked_at is not None:
        raise absent()
    return found


def absent() -> NotFound:
    """What is raised about a token that is not there, or somebody else's."""
    return NotFound("There is no such token.", noun="token")


def page(
    visit: ApiVisit,
    services: Services,
    kind: TokenKind,
    mine: ColumnElement[bool],
    shapes: Callable[[Sequence[Token]], Sequence[S]],
) -> Paged[S]:
    """The page that was asked for of those of this kind that are `mine` and not revoked."""
    asked = visit.narrowed(ListQuery)
    when = Token.created_at.type
    return paged(
        visit,
        services.session,
        select(Token).where(
            Token.kind == kind,
            Token.revoked_at.is_(None),
            mine,
            *mentions(asked.search, Token.name),
        ),
        sorts={
            "name": func.lower(Token.name),
            "expires_at": func.coalesce(Token.expires_at, literal(NEVER, when)),
            "last_used_at": func.coalesce(Token.last_used_at, literal(LONG_AGO, when)),
        },
        unique=Token.id,
        shapes=lambda rows: shapes([row.Token for row in rows]),
    )


def rotated(visit: ApiVisit, services: Services, token: Token) -> tuple[Token, str]:
    """(its successor, the successor's text)."""
    keep = timedelta(hours=visit.body(RotateBody).keep_hours)
    made, text = services.tokens.rotate(token, keep)
    services.audit.note("token.rotated", made)
    services.session.flush()
    return made, text
