"""The token in an Authorization header, in every form that Composer sends one."""

import base64
import binascii

from packistry.models import TokenKind
from packistry.services import tokens
from packistry.services.tokens import TokenText

NO_TOKEN = TokenText(kind=TokenKind.DEPLOY, hash="")
"""What credentials without a well-formed token are looked up as: they cost what wrong ones do."""

_LONGEST = 2048


def token_of(authorization: str | None) -> TokenText | None:
    """The token claimed; None when the client says nothing, `NO_TOKEN` when it says no token.

    Bearer; or Basic, with the token as password and any user name, or as user name.
    """
    if not authorization:
        return None
    if len(authorization) > _LONGEST:
        return NO_TOKEN
    scheme, _, rest = authorization.partition(" ")
    kind = scheme.lower()
    if kind == "bearer":
        return tokens.parse(rest.strip()) or NO_TOKEN
    if kind == "basic":
        user, password = _basic(rest.strip())
        return tokens.parse(password) or tokens.parse(user) or NO_TOKEN
    return NO_TOKEN


def _basic(encoded: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return "", ""
    user, _, password = text.partition(":")
    return user, password
