"""The tokens of servers and of CI, in the API. A token's text is told once."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field

from packistry.errors import Invalid
from packistry.inputs import read
from packistry.inputs.rights import TokenChange
from packistry.models import Grant, Token, TokenKind
from packistry.services import Services
from packistry.services.access import Permission, token_predicate
from packistry.services.grants import Rights
from packistry.services.reach import Reach
from packistry.web.api import granting, tokens
from packistry.web.api.call import ApiVisit, calls_below
from packistry.web.api.people import Granted, NamedPackage, NamedRepository
from packistry.web.api.shapes import Body, Number, Paged, Shape, Words
from packistry.web.api.tokens import EXPIRES, Ability, RotateBody, TokenList, TokenShape
from packistry.web.visit import Visit

TAG = "Deploy tokens"


class DeployAbility(StrEnum):
    """What a deploy token opens. It stands for nobody, so this API is not among it."""

    READ = "repository:read"
    WRITE = "repository:write"


class DeployTokenShape(TokenShape):
    """A token with rights of its own."""

    repositories: list[NamedRepository]
    packages: list[NamedPackage]


class NewDeployTokenShape(Shape):
    """A new token, and its text, which is told this once."""

    token: DeployTokenShape
    plain_text: str


class DeployTokenBody(Body):
    """A token for a server or for CI; beside what it lists it reads what is public."""

    name: Words
    abilities: list[DeployAbility] = Field([DeployAbility.READ], min_length=1)
    expires_at: str | None = EXPIRES
    repositories: list[Number] | None = None
    packages: list[Number] | None = None


class DeployTokenPatch(Body):
    """What changes about a deploy token. A list replaces what the token reached by that kind."""

    name: Words | None = None
    repositories: list[Number] | None = None
    packages: list[Number] | None = None


def find(visit: Visit, services: Services) -> Token:
    """The deploy token of the path. Raises NotFound."""
    return tokens.at(services, visit.number("id"), TokenKind.DEPLOY)


def shape(services: Services, token: Token) -> DeployTokenShape:
    """A token as it is answered."""
    return shapes(services, [token])[0]


def shapes(services: Services, found: Sequence[Token]) -> list[DeployTokenShape]:
    """Tokens, each with what it reaches, in the same order."""
    granted = Granted(services, Grant.token_id, [token.id for token in found])
    return [
        DeployTokenShape(
            **tokens.facts(token),
            repositories=granted.repositories(token.id),
            packages=granted.packages(token.id),
        )
        for token in found
    ]


def index(visit: ApiVisit, services: Services) -> Paged[DeployTokenShape]:
    """Those that they manage and that are not revoked."""
    return tokens.page(
        visit,
        services,
        TokenKind.DEPLOY,
        token_predicate(visit.actor),
        lambda found: shapes(services, found),
    )


def show(visit: ApiVisit, services: Services) -> DeployTokenShape:
    """One of them."""
    return shape(services, find(visit, services))


def add(visit: ApiVisit) -> NewDeployTokenShape:
    """Another one. Who maintains repositories makes them for these alone."""
    sent = visit.body(DeployTokenBody)
    new = tokens.new_token(sent.name, [Ability(each) for each in sent.abilities], sent.expires_at)
    rights = Rights(read=new.can_read, write=new.can_write)
    wanted = granting.listed(sent.repositories or (), sent.packages or (), rights)
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
        return NewDeployTokenShape(token=shape(services, token), plain_text=text)


def edit(visit: ApiVisit) -> DeployTokenShape:
    """What it is called, and what it reaches."""
    sent = visit.body(DeployTokenPatch)
    change = read(TokenChange, name=sent.name)
    with visit.change() as services:
        token = find(visit, services)
        services.tokens.edit(token, change)
        if sent.repositories is not None or sent.packages is not None:
            wanted = granting.kept(services, token, sent.repositories, sent.packages)
            Reach(services.session, visit.actor).grant(token, wanted)
        services.session.flush()
        return shape(services, token)


def rotate(visit: ApiVisit) -> NewDeployTokenShape:
    """Its successor."""
    with visit.change() as services:
        token, text = tokens.rotated(visit, services, find(visit, services))
        return NewDeployTokenShape(token=shape(services, token), plain_text=text)


def remove(visit: ApiVisit) -> DeployTokenShape:
    """Nobody gets in with it any more."""
    with visit.change() as services:
        token = find(visit, services)
        services.tokens.revoke(token)
        services.session.flush()
        return shape(services, token)


_call = calls_below("/deploy-tokens", tag=TAG, permission=Permission.MAINTAIN, target=find)

CALLS = (
    _call(
        "deploy-tokens",
        "GET",
        "",
        "The deploy tokens that you manage",
        query=TokenList,
        returns=Paged[DeployTokenShape],
        show=index,
    ),
    _call(
        "deploy-token-add",
        "POST",
        "",
        "Make a deploy token; its text is told this once",
        body=DeployTokenBody,
        returns=NewDeployTokenShape,
        status=201,
        do=add,
    ),
    _call("deploy-token", "GET", "/{id}", "One deploy token", returns=DeployTokenShape, show=show),
    _call(
        "deploy-token-edit",
        "PATCH",
        "/{id}",
        "Change the name or the reach of a deploy token",
        also=("PUT",),
        body=DeployTokenPatch,
        returns=DeployTokenShape,
        do=edit,
    ),
    _call(
        "deploy-token-rotate",
        "POST",
        "/{id}/rotate",
        "Have another token take the place of a deploy token",
        body=RotateBody,
        returns=NewDeployTokenShape,
        status=201,
        do=rotate,
    ),
    _call(
        "deploy-token-remove",
        "DELETE",
        "/{id}",
        "Revoke a deploy token",
        returns=DeployTokenShape,
        do=remove,
    ),
)
