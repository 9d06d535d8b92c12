"""The API of Gitea and Forgejo, as one source's token may use it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from packistry.plugin import (
    CredentialsError,
    HttpClient,
    HttpResponse,
    Unavailable,
    linked_next,
)
from packistry_gitea.config import GiteaConfig

# Gitea says "… required scope(s): [write:repository]", later "… required=[write:repository], …".
_SCOPES = re.compile(r"required(?: scope\(s\):|=)\s*\[([a-z:, ]+)\]")


class Api:
    """Sends requests with the source's token, and says in words why one was refused."""

    def __init__(self, config: GiteaConfig, http: HttpClient) -> None:
        token = config.token.get_secret_value()
        # Unlike Bearer, all versions know this form.
        self._http = http.at(config.api_url, {"Authorization": f"token {token}"})

    def get(self, path: str, *, follow: bool = False, **params: str) -> HttpResponse:
        with _explained():
            return self._http.get(path, params=params or None, follow=follow)

    def pages(self, path: str, **params: str) -> Iterator[HttpResponse]:
        """All pages of a list; the host may give fewer entries a page than it is asked for."""
        first = {"limit": "50", "page": "1", **params}
        with _explained():
            yield from self._http.pages(f"{path}?{urlencode(first)}", next_page=_next_page)

    def post(self, path: str, document: object) -> HttpResponse:
        with _explained():
            return self._http.post(path, json=document)

    def delete(self, path: str) -> HttpResponse:
        with _explained():
            return self._http.delete(path)


def _next_page(response: HttpResponse) -> str | None:
    """The same address with the next number, when the host says that there is a next page.

    Its own link is made of ROOT_URL, which behind a proxy is often another host.
    """
    if linked_next(response) is None or response.body.strip() in (b"[]", b"null"):
        return None
    parts = urlsplit(response.url)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    asked["page"] = str(int(asked["page"]) + 1)
    return parts._replace(query=urlencode(asked)).geturl()


@contextmanager
def _explained() -> Iterator[None]:
    """Gives a refusal the words for what is missing."""
    try:
        yield
    except CredentialsError as error:
        if error.response is None:
            raise
        told = _remedy(error.response, str(error))
        raise CredentialsError(told, response=error.response) from error


def _remedy(response: HttpResponse, said: str) -> str:
    if response.status == 401:
        return (
            "The host does not accept the token: it is wrong or was deleted. Make another and "
            "enter it."
        )
    scopes = _SCOPES.search(said)
    if scopes:
        return f"The token has not the scope {scopes[1]}: make another that has it."
    return said


def objects(found: object) -> list[Mapping[str, Any]]:
    """The objects of a JSON list, null being an empty one; Unavailable for anything else."""
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unavailable("The host answered with something else than a list.")
    return [each for each in found if isinstance(each, dict)]


def an_object(found: object) -> Mapping[str, Any]:
    """The JSON object; Unavailable when it is none."""
    if not isinstance(found, dict):
        raise Unavailable("The host answered with something else than an object.")
    return found


def text(document: Mapping[str, Any], key: str) -> str:
    """The string under the key; "" when it is none."""
    value = document.get(key)
    return value if isinstance(value, str) else ""
