"""Whether a source's token does what Packistry needs of it, and what is missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from packistry.plugin import CredentialsError, NotFound, Unavailable, wrong_address
from packistry_gitea.api import Api, an_object, objects, text

_REMEDY = "Check the address of the source."
_NO_HOOKS = "Packistry cannot make webhooks, so that pushes are noticed late: {}."


def notes(api: Api, api_url: str) -> Iterator[str]:
    """What an administrator should know. Raises what makes the token useless."""
    with wrong_address(f"There is no API of Gitea or Forgejo at {api_url}.", _REMEDY):
        found = _sample(api)
    if not found:
        yield "The token reaches no repository yet."
    elif not any(_is_admin(each) for each in found):
        yield _NO_HOOKS.format(
            "the token's user is an administrator of none of the repositories it reaches"
        )
    scopes = _scopes(api)
    if "public-only" in scopes:
        yield "The token sees public repositories only: make another that has access to all."
    if scopes and not scopes & {"all", "write:repository"}:
        yield _NO_HOOKS.format("the token has not the scope write:repository")


def _sample(api: Api) -> list[Mapping[str, Any]]:
    """Some repositories. A token for repositories alone has no user to list them by."""
    try:
        an_object(api.get("/user").json())
        return objects(api.get("/user/repos", limit="10").json())
    except CredentialsError as error:
        if error.response is None or error.response.status != 403:
            raise
        return objects(an_object(api.get("/repos/search", limit="10").json()).get("data"))


def _scopes(api: Api) -> set[str]:
    """Those of the token; none where the host does not say, as only newer versions do."""
    try:
        told = api.get("/token").json()
    except (NotFound, CredentialsError, Unavailable):
        return set()
    scopes = told.get("scopes") if isinstance(told, dict) else None
    return {str(scope) for scope in scopes} if isinstance(scopes, list) else set()


def _is_admin(repository: Mapping[str, Any]) -> bool:
    permissions = repository.get("permissions")
    return (
        isinstance(permissions, dict)
        and permissions.get("admin") is True
        and bool(text(repository, "full_name"))
    )
