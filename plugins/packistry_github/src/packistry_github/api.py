"""GitHub's REST API, as one source's credentials may use it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from packistry.plugin import CredentialsError, HttpClient, HttpResponse, Unavailable
from packistry_github.config import GitHubConfig

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class Api:
    """Sends requests with the source's token, and says in words why one was refused."""

    def __init__(self, config: GitHubConfig, http: HttpClient) -> None:
        self._token = config.token.get_secret_value()
        bearer = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._http = http.at(config.api_url, {**HEADERS, **bearer})

    def token(self) -> str:
        """What git shows as a password; "" without credentials."""
        return self._token

    def get(self, path: str, *, follow: bool = False, **params: str) -> HttpResponse:
        with explained():
            return self._http.get(path, params=params or None, follow=follow)

    def pages(self, path: str, **params: str) -> Iterator[HttpResponse]:
        with explained():
            yield from self._http.pages(path, params={"per_page": "100", **params})


@contextmanager
def explained() -> Iterator[None]:
    """Says of a refusal what is missing; GitHub tells it in headers."""
    try:
        yield
    except CredentialsError as error:
        if error.response is None:
            raise
        raise CredentialsError(_remedy(error.response, str(error)), response=error.response) from (
            error
        )


def _remedy(response: HttpResponse, said: str) -> str:
    if response.status == 401:
        return "GitHub does not know this token: it is wrong, was revoked or expired. Make another."
    if response.header("X-GitHub-SSO").startswith("required"):
        return (
            "The organisation asks for single sign-on: at GitHub, under Settings, Developer "
            "settings, Personal access tokens, choose Configure SSO and authorise this token."
        )
    needed = response.header("X-Accepted-GitHub-Permissions")
    if needed:
        return f"The token lacks a permission, {needed}. {said}"
    return said


def listed(document: object, response: HttpResponse) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; Unavailable when it is none."""
    if not isinstance(document, list):
        raise Unavailable("GitHub answered with something else than a list.", response=response)
    return [each for each in document if isinstance(each, dict)]
