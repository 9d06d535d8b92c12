"""Why GitHub refused a request, in words that name the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from packistry.plugin import CredentialsError, HttpResponse, NotFound

_PERMISSIONS = {"repository_hooks": "Webhooks", "organization_hooks": "Organization webhooks"}


@contextmanager
def explained() -> Iterator[None]:
    """Gives a refusal the words for it. What is missing, GitHub says in headers."""
    try:
        yield
    except (CredentialsError, NotFound) as error:
        if error.response is None:
            raise
        told = _remedy(error.response, str(error))
        raise type(error)(told, response=error.response) from error


def _remedy(response: HttpResponse, said: str) -> str:
    if response.status == 401:
        return (
            "GitHub does not accept the token: it is wrong, was revoked or has expired. Make "
            "another and enter it."
        )
    if response.header("X-GitHub-SSO").startswith("required"):
        return (
            "The organisation asks for single sign-on: open Settings, Developer settings, "
            "Personal access tokens at GitHub, choose Configure SSO and authorise the token."
        )
    missing = missing_scope(response)
    if missing:
        return f"{said} The token has not the scope {missing}."
    # On a 404 the header is there whether or not a permission is what is missing.
    needed = response.header("X-Accepted-GitHub-Permissions")
    if needed and response.status == 403:
        return f"The token lacks the permission {_permissions(needed)}. {said}"
    return said


def missing_scope(response: HttpResponse) -> str:
    """Which of the scopes that the request asks for the token would need; "" for none.

    Only classic and OAuth tokens have scopes.
    """
    if "X-OAuth-Scopes" not in response.headers:
        return ""
    accepted = _words(response.header("X-Accepted-OAuth-Scopes"))
    given = scopes(response)
    return "" if not accepted or given & set(accepted) else " or ".join(accepted)


def scopes(response: HttpResponse) -> set[str]:
    """The scopes of a classic or OAuth token."""
    return set(_words(response.header("X-OAuth-Scopes")))


def _words(header: str) -> list[str]:
    return [word.strip() for word in header.split(",") if word.strip()]


def _permissions(header: str) -> str:
    """What "contents=read,repository_hooks=write; …" is called on the page of a token."""
    sets = []
    for alternative in header.split(";"):
        pairs = [pair.strip().partition("=") for pair in alternative.split(",") if pair.strip()]
        sets.append(", ".join(f"{_permission(name)}: {level}" for name, _, level in pairs))
    return " or ".join(filter(None, sets))


def _permission(name: str) -> str:
    return _PERMISSIONS.get(name, name.replace("_", " ").capitalize())
