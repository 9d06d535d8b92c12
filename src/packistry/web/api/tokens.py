"""Tokens, in the API: one's own, and those of deployments. A token's text is told once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import Field
from sqlalchemy import Select, func, literal, select

from packistry.errors import Invalid, NotFound
from packistry.inputs import NewToken, expiry, read
from packistry.inputs.rights import TokenChange
from packistry.models import Token, TokenKind
from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission, token_predicate
from packistry.services.grants import Rights
from packistry.services.reach import Reach
from packistry.web.api import granting
from packistry.web.api.call import ApiVisit, Call
from packistry.web.api.paging import paged
from packistry.web.api.people import Named, NamedPackage, granted
from packistry.web.api.shapes import Body, ListQuery, Moment, Number, Paged, Shape, list_query
from packistry.web.listing import mentions
from packistry.web.visit import Visit

S = TypeVar("S")

PERSONAL, DEPLOY = "Personal tokens", "Deploy tokens"
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_KEPT_HOURS = 30 * 24

TokenList = list_query("TokenList", "name", "expires_at", "last_used_at")


class Ability(StrEnum):
    """What a token opens: packages for composer, uploads, and this API."""

    READ = "repository:read"
    WRITE = "repository:write"
    API = "api"


class DeployAbility(StrEnum):
    """What a deploy token opens. It stands for nobody, so this API is not among it."""

    READ = "repository:read"
    WRITE = "repository:write"


class PersonalTokenShape(Shape):
    """A token with the rights of its user."""

    id: int
    name: str
    abilities: list[Ability]
    last_used_at: Moment | None
    expires_at: Moment | None
    created_at: Moment
    updated_at: Moment


class DeployTokenShape(PersonalTokenShape):
    """A token with rights of its own."""

    repositories: list[Named]
    packages: list[NamedPackage]


class NewPersonalTokenShape(Shape):
    """A new token, and its text, which is told this once."""

    token: PersonalTokenShape
    plain_text: str


class NewDeployTokenShape(Shape):
    """A new token, and its text, which is told this once."""

    token: DeployTokenShape
    plain_text: str


EXPIRES = Field(
    None, max_length=40, description='"90d", "12h", "6w", or a date or moment; null: never'
)


class PersonalTokenBody(Body):
    """A token for oneself."""

    name: str
    abilities: list[Ability] = Field([Ability.READ], min_length=1)
    expires_at: str | None = EXPIRES


class DeployTokenBody(Body):
    """A token for a server or for CI; beside what it lists it reads what is public."""

    name: str
    abilities: list[DeployAbility] = Field([DeployAbility.READ], min_length=1)
    expires_at: str | None = EXPIRES
    repositories: list[Number] = []
    packages: list[Number] = []


class PersonalTokenPatch(Body):
    """What changes about one's token; what is not sent stays."""

    name: str | None = None


class DeployTokenPatch(PersonalTokenPatch):
    """What changes about a deploy token. A list replaces what the token reached by that kind."""

    repositories: list[Number] | None = None
    packages: list[Number] | None = None


class RotateBody(Body):
    """For how many hours the old token works on."""

    keep_hours: int = Field(0, ge=0, le=LONGEST_KEPT_HOURS)


def own(visit: Visit, services: Services) -> Token:
    """One's own token of the path. Raises NotFound."""
    found = _at(services, visit.number("id"), TokenKind.PERSONAL)
    if found.user_id != visit.actor.user_id:
        raise _absent()
    return found


def deploy(visit: Visit, services: Services) -> Token:
    """The deploy token of the path. Raises NotFound."""
    return _at(services, visit.number("id"), TokenKind.DEPLOY)


def _at(services: Services, number: int, kind: TokenKind) -> Token:
    found = services.tokens.get(number)
    if found.kind != kind or found.revoked_at is not None:
        raise _absent()
    return found


def _absent() -> NotFound:
    return NotFound("There is no such token.", noun="token")


def personal_shape(token: Token) -> PersonalTokenShape:
    """One's token as it is answered."""
    return PersonalTokenShape(**_facts(token))


def deploy_shape(services: Services, token: Token) -> DeployTokenShape:
    """A deploy token as it is answered."""
    repositories, packages, _ = granted(services, token)
    return DeployTokenShape(**_facts(token), repositories=repositories, packages=packages)


def _facts(token: Token) -> dict[str, Any]:
    abilities = [
        ability
        for ability, given in (
            (Ability.READ, token.can_read),
            (Ability.WRITE, token.can_write),
            (Ability.API, token.can_call_api),
        )
        if given
    ]
    names = ("id", "name", "last_used_at", "expires_at", "created_at", "updated_at")
    return {"abilities": abilities, **{name: getattr(token, name) for name in names}}


def index_own(visit: ApiVisit, services: Services) -> Paged[PersonalTokenShape]:
    """One's own that are not revoked."""
    query = select(Token).where(Token.kind == TokenKind.PERSONAL, Token.user_id == visit.user_id)
    return _page(visit, services, query, lambda row: personal_shape(row.Token))


def index_deploy(visit: ApiVisit, services: Services) -> Paged[DeployTokenShape]:
    """Those of deployments that they manage and that are not revoked."""
    query = select(Token).where(Token.kind == TokenKind.DEPLOY, token_predicate(visit.actor))
    return _page(visit, services, query, lambda row: deploy_shape(services, row.Token))


def _page(
    visit: ApiVisit, services: Services, query: Select[Any], shape: Callable[[Any], S]
) -> Paged[S]:
    asked = visit.narrowed(ListQuery)
    when = Token.created_at.type
    return paged(
        visit,
        services.session,
        query.where(Token.revoked_at.is_(None), *mentions(asked.search, Token.name)),
        sorts={
            "name": func.lower(Token.name),
            "expires_at": func.coalesce(Token.expires_at, literal(NEVER, when)),
            "last_used_at": func.coalesce(Token.last_used_at, literal(LONG_AGO, when)),
        },
        unique=Token.id,
        shape=shape,
    )


def show_own(visit: ApiVisit, services: Services) -> PersonalTokenShape:
    """One of one's own."""
    return personal_shape(own(visit, services))


def show_deploy(visit: ApiVisit, services: Services) -> DeployTokenShape:
    """One of a deployment."""
    return deploy_shape(services, deploy(visit, services))


def add_own(visit: ApiVisit) -> NewPersonalTokenShape:
    """A token for oneself."""
    sent = visit.body(PersonalTokenBody)
    new = _new(sent.name, {Ability(each) for each in sent.abilities}, sent.expires_at)
    with visit.change() as services:
        token, text = services.tokens.add(
            TokenKind.PERSONAL,
            new.name,
            user=services.users.at(visit.user_id),
            can_read=new.can_read,
            can_write=new.can_write,
            can_call_api=new.can_call_api,
            expires_at=new.expires_at,
        )
        return NewPersonalTokenShape(token=personal_shape(token), plain_text=text)


def add_deploy(visit: ApiVisit) -> NewDeployTokenShape:
    """A token for a deployment. Who maintains repositories makes them for these alone."""
    sent = visit.body(DeployTokenBody)
    abilities = {Ability(each) for each in sent.abilities}
    new = _new(sent.name, abilities, sent.expires_at)
    rights = Rights(read=new.can_read, write=new.can_write)
    wanted = granting.listed(sent.repositories, sent.packages, rights)
    if not wanted.rights and not visit.actor.admin:
        raise Invalid("Name repositories or packages that it may reach.", field="repositories")
    with visit.change() as services:
        token, text = services.tokens.add(
            TokenKind.DEPLOY,
            new.name,
            can_read=new.can_read,
            can_write=new.can_write,
            expires_at=new.expires_at,
        )
        Reach(services.session, visit.actor).grant(token, wanted)
        return NewDeployTokenShape(token=deploy_shape(services, token), plain_text=text)


def _new(name: str, abilities: set[Ability], expires_at: str | None) -> NewToken:
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


def edit_own(visit: ApiVisit) -> PersonalTokenShape:
    """What it is called."""
    change = read(TokenChange, name=visit.body(PersonalTokenPatch).name)
    with visit.change() as services:
        token = own(visit, services)
        services.tokens.edit(token, change)
        services.session.flush()
        return personal_shape(token)


def edit_deploy(visit: ApiVisit) -> DeployTokenShape:
    """What it is called, and what it reaches."""
    sent = visit.body(DeployTokenPatch)
    change = read(TokenChange, name=sent.name)
    with visit.change() as services:
        token = deploy(visit, services)
        services.tokens.edit(token, change)
        if sent.repositories is not None or sent.packages is not None:
            wanted = granting.kept(services, token, sent.repositories, sent.packages)
            Reach(services.session, visit.actor).grant(token, wanted)
        services.session.flush()
        return deploy_shape(services, token)


def rotate_own(visit: ApiVisit) -> NewPersonalTokenShape:
    """Its successor."""
    with visit.change() as services:
        token, text = _rotated(visit, services, own(visit, services))
        return NewPersonalTokenShape(token=personal_shape(token), plain_text=text)


def rotate_deploy(visit: ApiVisit) -> NewDeployTokenShape:
    """Its successor."""
    with visit.change() as services:
        token, text = _rotated(visit, services, deploy(visit, services))
        return NewDeployTokenShape(token=deploy_shape(services, token), plain_text=text)


def _rotated(visit: ApiVisit, services: Services, token: Token) -> tuple[Token, str]:
    keep = timedelta(hours=visit.body(RotateBody).keep_hours)
    made, text = services.tokens.rotate(token, keep)
    services.audit.note("token.rotated", made)
    services.session.flush()
    return made, text


def remove_own(visit: ApiVisit) -> None:
    """Nobody gets in with it any more."""
    with visit.change() as services:
        services.tokens.revoke(own(visit, services))


def remove_deploy(visit: ApiVisit) -> None:
    """Nobody gets in with it any more."""
    with visit.change() as services:
        services.tokens.revoke(deploy(visit, services))


def _call(name: str, method: str, path: str, summary: str, **rest: Any) -> Call:
    personal = name.startswith("personal")
    return Call(
        name=name,
        method=method,
        path=f"/{'personal' if personal else 'deploy'}-tokens{path}",
        permission=Permission.PERSON if personal else Permission.MAINTAIN,
        tag=PERSONAL if personal else DEPLOY,
        summary=summary,
        target=(own if personal else deploy) if "{id}" in path else None,
        **rest,
    )


CALLS = (
    _call(
        "personal-tokens",
        "GET",
        "",
        "Your own tokens",
        query=TokenList,
        returns=Paged[PersonalTokenShape],
        show=index_own,
    ),
    _call(
        "personal-token-add",
        "POST",
        "",
        "Make a token of your own; its text is told this once",
        body=PersonalTokenBody,
        returns=NewPersonalTokenShape,
        status=201,
        do=add_own,
    ),
    _call(
        "personal-token",
        "GET",
        "/{id}",
        "One of your tokens",
        returns=PersonalTokenShape,
        show=show_own,
    ),
    _call(
        "personal-token-edit",
        "PATCH",
        "/{id}",
        "Rename one of your tokens",
        also=("PUT",),
        body=PersonalTokenPatch,
        returns=PersonalTokenShape,
        do=edit_own,
    ),
    _call(
        "personal-token-rotate",
        "POST",
        "/{id}/rotate",
        "Have another token take the place of one of yours",
        body=RotateBody,
        returns=NewPersonalTokenShape,
        status=201,
        do=rotate_own,
    ),
    _call("personal-token-remove", "DELETE", "/{id}", "Revoke one of your tokens", do=remove_own),
    _call(
        "deploy-tokens",
        "GET",
        "",
        "The deploy tokens that you manage",
        query=TokenList,
        returns=Paged[DeployTokenShape],
        show=index_deploy,
    ),
    _call(
        "deploy-token-add",
        "POST",
        "",
        "Make a deploy token; its text is told this once",
        body=DeployTokenBody,
        returns=NewDeployTokenShape,
        status=201,
        do=add_deploy,
    ),
    _call(
        "deploy-token",
        "GET",
        "/{id}",
        "One deploy token",
        returns=DeployTokenShape,
        show=show_deploy,
    ),
    _call(
        "deploy-token-edit",
        "PATCH",
        "/{id}",
        "Change the name or the reach of a deploy token",
        also=("PUT",),
        body=DeployTokenPatch,
        returns=DeployTokenShape,
        do=edit_deploy,
    ),
    _call(
        "deploy-token-rotate",
        "POST",
        "/{id}/rotate",
        "Have another token take the place of a deploy token",
        body=RotateBody,
        returns=NewDeployTokenShape,
        status=201,
        do=rotate_deploy,
    ),
    _call("deploy-token-remove", "DELETE", "/{id}", "Revoke a deploy token", do=remove_deploy),
)
