"""Whether a source's credentials do what Packistry needs of them, and what is missing."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from packistry.plugin import CredentialsError, HttpResponse, NotFound, Rejected, wrong_address
from packistry_github.api import Api, an_object, objects
from packistry_github.refusals import scopes

_SOON = timedelta(days=14)
_HOOK_SCOPES = {"admin:repo_hook", "write:repo_hook", "repo", "public_repo"}
_NO_HOOKS = (
    "Packistry cannot make webhooks with it, so that pushes are noticed late: give it {} as well."
)


def notes(api: Api, api_url: str) -> Iterator[str]:
    """What an administrator should know. Raises what makes the credentials useless."""
    missing = f"There is no API of GitHub at {api_url}."
    with wrong_address(missing, "Check the address of the source."):
        yield from _notes(api)


def _notes(api: Api) -> Iterator[str]:
    try:
        if api.anonymous:
            api.get("/rate_limit").json()
            yield "Without a token, only public repositories and few requests an hour are possible."
        elif api.of_an_app:
            yield from _of_an_app(api)
        else:
            yield from _of_a_user(api)
    except CredentialsError as error:
        if not api.anonymous:
            raise
        words = "This GitHub is read with a token only: make one and enter it."
        raise CredentialsError(words, response=error.response) from error
    except NotFound as error:
        # A GitHub Enterprise without rate limits says so, with 404.
        if api.anonymous and "rate limit" in str(error).lower():
            return
        raise


def _of_a_user(api: Api) -> Iterator[str]:
    user = api.get("/user")
    an_object(user.json())
    yield from _expiry(user)
    page = api.get("/user/repos", per_page="10", sort="pushed")
    found = objects(page.json())
    if page.header("X-GitHub-SSO").startswith("partial-results"):
        yield (
            "Some organisations ask for single sign-on and are left out: authorise the token for "
            "them by Configure SSO, on GitHub's page of your tokens."
        )
    if "X-OAuth-Scopes" in user.headers:
        yield from _scopes(scopes(user))
    elif found:
        yield from _permissions(api, found)
    if not found:
        yield "The token reaches no repository yet."


def _scopes(given: set[str]) -> Iterator[str]:
    if "repo" not in given:
        yield "The token reads public repositories only: private ones need the scope repo."
    if not given & _HOOK_SCOPES:
        yield _NO_HOOKS.format("the scope admin:repo_hook")


def _permissions(api: Api, found: list[Mapping[str, Any]]) -> Iterator[str]:
    """A fine-grained token does not say what it may do, so it is tried on one repository."""
    mine = next((each for each in found if _is_admin(each)), found[0])
    place = f"/repos/{mine.get('full_name')}"
    try:
        api.get(f"{place}/contents/composer.json", follow=True)
    except (NotFound, Rejected):
        pass  # It may look, and there is none.
    except CredentialsError as error:
        raise CredentialsError(
            f"The token cannot read code: give it the repository permission Contents: read. "
            f"{error}",
            response=error.response,
        ) from error
    if not _is_admin(mine):
        return
    try:
        api.get(f"{place}/hooks", per_page="1")
    except (CredentialsError, NotFound):
        yield _NO_HOOKS.format("the repository permission Webhooks: read and write")


def _of_an_app(api: Api) -> Iterator[str]:
    found = an_object(api.get("/installation/repositories", per_page="1").json())
    if found.get("total_count") == 0:
        yield "The installation reaches no repository yet: choose some on its page at GitHub."
    if api.app is None:
        yield "This is a token of an installation, which expires within the hour."
        return
    given = api.app.current().permissions
    if "contents" not in given:
        raise CredentialsError("The App cannot read code: give it the permission Contents: read.")
    if given.get("repository_hooks") not in ("write", "admin"):
        yield _NO_HOOKS.format("the repository permission Webhooks: read and write")


def _expiry(user: HttpResponse) -> Iterator[str]:
    """What the header says as "2027-01-31 12:00:00 UTC" or with an offset."""
    told = user.header("GitHub-Authentication-Token-Expiration").replace("UTC", "+0000")
    try:
        expires = datetime.strptime(told, "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return
    if expires - datetime.now(UTC) < _SOON:
        yield f"The token expires on {expires:%Y-%m-%d}: make another in time."


def _is_admin(repository: Mapping[str, Any]) -> bool:
    permissions = repository.get("permissions")
    return isinstance(permissions, dict) and permissions.get("admin") is True
