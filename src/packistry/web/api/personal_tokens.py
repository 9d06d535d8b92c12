"""One's own tokens, in the API. A token's text is told once."""

from pydantic import Field

from packistry.inputs import read
from packistry.inputs.rights import TokenChange
from packistry.models import Token, TokenKind
from packistry.services import Services
from packistry.services.access import Permission
from packistry.web.api import tokens
from packistry.web.api.call import ApiVisit, calls_below
from packistry.web.api.shapes import Body, Paged, Shape, Words
from packistry.web.api.tokens import EXPIRES, Ability, RotateBody, TokenList, TokenShape
from packistry.web.visit import Visit

TAG = "Personal tokens"


class PersonalTokenShape(TokenShape):
    """A token with the rights of its user."""


class NewPersonalTokenShape(Shape):
    """A new token, and its text, which is told this once."""

    token: PersonalTokenShape
    plain_text: str


class PersonalTokenBody(Body):
    """A token for oneself."""

    name: Words
    abilities: list[Ability] = Field([Ability.READ], min_length=1)
    expires_at: str | None = EXPIRES


class PersonalTokenPatch(Body):
    """What changes about one's token; what is not sent stays."""

    name: Words | None = None


def find(visit: Visit, services: Services) -> Token:
    """One's own token of the path. Raises NotFound."""
    found = tokens.at(services, visit.number("id"), TokenKind.PERSONAL)
    if found.user_id != visit.actor.user_id:
        raise tokens.absent()
    return found


def shape(token: Token) -> PersonalTokenShape:
    """A token as it is answered."""
    return PersonalTokenShape(**tokens.facts(token))


def index(visit: ApiVisit, services: Services) -> Paged[PersonalTokenShape]:
    """One's own that are not revoked."""
    return page_of(visit, services, visit.user_id)


def page_of(visit: ApiVisit, services: Services, user_id: int) -> Paged[PersonalTokenShape]:
    """The page that was asked for of a user's tokens."""
    theirs = Token.user_id == user_id
    return tokens.page(
        visit, services, TokenKind.PERSONAL, theirs, lambda found: [shape(each) for each in found]
    )


def show(visit: ApiVisit, services: Services) -> PersonalTokenShape:
    """One of them."""
    return shape(find(visit, services))


def add(visit: ApiVisit) -> NewPersonalTokenShape:
    """Another one."""
    sent = visit.body(PersonalTokenBody)
    new = tokens.new_token(sent.name, sent.abilities, sent.expires_at)
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
        return NewPersonalTokenShape(token=shape(token), plain_text=text)


def edit(visit: ApiVisit) -> PersonalTokenShape:
    """What it is called."""
    change = read(TokenChange, name=visit.body(PersonalTokenPatch).name)
    with visit.change() as services:
        token = find(visit, services)
        services.tokens.edit(token, change)
        services.session.flush()
        return shape(token)


def rotate(visit: ApiVisit) -> NewPersonalTokenShape:
    """Its successor."""
    with visit.change() as services:
        token, text = tokens.rotated(visit, services, find(visit, services))
        return NewPersonalTokenShape(token=shape(token), plain_text=text)


def remove(visit: ApiVisit) -> PersonalTokenShape:
    """Nobody gets in with it any more."""
    with visit.change() as services:
        token = find(visit, services)
        services.tokens.revoke(token)
        services.session.flush()
        return shape(token)


_call = calls_below("/personal-tokens", tag=TAG, permission=Permission.PERSON, target=find)

CALLS = (
    _call(
        "personal-tokens",
        "GET",
        "",
        "Your own tokens",
        query=TokenList,
        returns=Paged[PersonalTokenShape],
        show=index,
    ),
    _call(
        "personal-token-add",
        "POST",
        "",
        "Make a token of your own; its text is told this once",
        body=PersonalTokenBody,
        returns=NewPersonalTokenShape,
        status=201,
        do=add,
    ),
    _call(
        "personal-token",
        "GET",
        "/{id}",
        "One of your tokens",
        returns=PersonalTokenShape,
        show=show,
    ),
    _call(
        "personal-token-edit",
        "PATCH",
        "/{id}",
        "Rename one of your tokens",
        also=("PUT",),
        body=PersonalTokenPatch,
        returns=PersonalTokenShape,
        do=edit,
    ),
    _call(
        "personal-token-rotate",
        "POST",
        "/{id}/rotate",
        "Have another token take the place of one of yours",
        body=RotateBody,
        returns=NewPersonalTokenShape,
        status=201,
        do=rotate,
    ),
    _call(
        "personal-token-remove",
        "DELETE",
        "/{id}",
        "Revoke one of your tokens",
        returns=PersonalTokenShape,
        do=remove,
    ),
)
