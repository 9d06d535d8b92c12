"""The personal tokens of others, in the API: for whoever has to shut somebody out."""

from packistry.models import Token, TokenKind
from packistry.services import Services
from packistry.services.access import Permission
from packistry.web.api import personal_tokens, tokens
from packistry.web.api.call import ApiVisit, calls_below
from packistry.web.api.personal_tokens import PersonalTokenShape
from packistry.web.api.shapes import Paged
from packistry.web.api.tokens import TokenList
from packistry.web.api.users import TAG


def index(visit: ApiVisit, services: Services) -> Paged[PersonalTokenShape]:
    """A user's that are not revoked."""
    return personal_tokens.page_of(visit, services, services.users.at(visit.number("id")).id)


def remove(visit: ApiVisit) -> PersonalTokenShape:
    """Nobody gets in with it any more."""
    with visit.change() as services:
        token = _find(visit, services)
        services.tokens.revoke(token)
        services.session.flush()
        return personal_tokens.shape(token)


def _find(visit: ApiVisit, services: Services) -> Token:
    found = tokens.at(services, visit.number("token"), TokenKind.PERSONAL)
    if found.user_id != visit.number("id"):
        raise tokens.absent()
    return found


_call = calls_below("/users/{id}/personal-tokens", tag=TAG, permission=Permission.ADMINISTER)

CALLS = (
    _call(
        "user-tokens",
        "GET",
        "",
        "The personal tokens of a user",
        query=TokenList,
        returns=Paged[PersonalTokenShape],
        show=index,
    ),
    _call(
        "user-token-remove",
        "DELETE",
        "/{token}",
        "Revoke a personal token of a user",
        returns=PersonalTokenShape,
        do=remove,
        proof=True,
    ),
)
