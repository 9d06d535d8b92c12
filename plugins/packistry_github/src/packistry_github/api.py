"""GitHub's REST API, as one source's credentials may use it."""

from collections.abc import Iterator, Mapping
from typing import Any

from packistry.plugin import CredentialsError, HttpClient, HttpResponse, Unavailable
from packistry_github.app import App
from packistry_github.config import HEADERS, GitHubConfig
from packistry_github.refusals import explained

_OF_AN_APP = "ghs_"


class Api:
    """Sends requests with the source's token, and says in words why one was refused."""

    def __init__(self, config: GitHubConfig, http: HttpClient) -> None:
        self._http = http.at(config.api_url, HEADERS)
        self._base_url = config.api_url
        self._token = config.token.get_secret_value()
        self.app = App(config, self._http) if config.app_id else None

    @property
    def anonymous(self) -> bool:
        return not (self._token or self.app)

    @property
    def of_an_app(self) -> bool:
        """Whether the token is an App's, which has no user."""
        return self.app is not None or self._token.startswith(_OF_AN_APP)

    def token(self) -> str:
        """What git shows as a password now; "" without credentials."""
        return self.app.token() if self.app else self._token

    def get(self, path: str, *, follow: bool = False, **params: str) -> HttpResponse:
        """An App's token that is refused is made anew, once: an administrator can revoke it."""
        client = self._client()
        try:
            with explained():
                return client.get(path, params=params or None, follow=follow)
        except CredentialsError as error:
            if not (self.app and error.response and error.response.status == 401):
                raise
        self.app.forget()
        client = self._client()
        with explained():
            return client.get(path, params=params or None, follow=follow)

    def pages(self, path: str, **params: str) -> Iterator[HttpResponse]:
        client = self._client()
        with explained():
            yield from client.pages(path, params={"per_page": "100", **params})

    def post(self, path: str, document: object) -> HttpResponse:
        client = self._client()
        with explained():
            return client.post(path, json=document)

    def patch(self, path: str, document: object) -> HttpResponse:
        client = self._client()
        with explained():
            return client.patch(path, json=document)

    def delete(self, path: str) -> HttpResponse:
        client = self._client()
        with explained():
            return client.delete(path)

    def _client(self) -> HttpClient:
        """With a token that lasts. What is wrong with an App is told in the App's own words."""
        token = self.token()
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        return self._http.at(self._base_url, {**HEADERS, **bearer})


def objects(found: object) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; Unavailable when it is none."""
    if not isinstance(found, list):
        raise Unavailable("GitHub answered with something else than a list.")
    return [each for each in found if isinstance(each, dict)]


def an_object(found: object) -> Mapping[str, Any]:
    """The JSON object; Unavailable when it is none."""
    if not isinstance(found, dict):
        raise Unavailable("GitHub answered with something else than an object.")
    return found


def text(document: Mapping[str, Any], key: str) -> str:
    """The string under the key; "" when it is none."""
    value = document.get(key)
    return value if isinstance(value, str) else ""
