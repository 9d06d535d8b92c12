"""The one HTTP client a plugin gets: limits, checked addresses, no surprises."""

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.cookies import RequestsCookieJar
from requests.utils import parse_header_links
from urllib3.exceptions import HTTPError

from packistry.git.tls import tls_fault
from packistry.netguard import AddressRefused, HostUnknown
from packistry.plugin.answers import place_of, raise_for_status
from packistry.plugin.errors import CredentialsError, NotFound, Unavailable
from packistry.plugin.transport import Guard, GuardedAdapter

MIB = 1024 * 1024
_CHUNK = 64 * 1024
_REDIRECTS = 5
_PORTS = {"http": 80, "https": 443}
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII | re.IGNORECASE)
_HEADER = re.compile(r"[\x20-\x7e]*")
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """`connect` and `read` are seconds of silence, `total` seconds for a whole answer."""

    connect: float = 10
    read: float = 30
    total: float = 120
    max_bytes: int = 32 * MIB
    max_download_bytes: int = 512 * MIB
    max_pages: int = 1000


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """An answer, read to its end. Header names are case-insensitive."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """The header's value; "" when it was not sent."""
        return self.headers.get(name, "")

    def json(self) -> Any:
        """The body as JSON; Unavailable when it is none, as a proxy's error page is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            words = f"{place_of(self.url)} did not answer with JSON. Is the URL that of its API?"
            raise Unavailable(words, response=self) from None


def linked_next(response: HttpResponse) -> str | None:
    """The address of the next page by the `Link` header; None on the last page."""
    links = parse_header_links(response.header("Link"))
    return next((link["url"] for link in links if link.get("rel") == "next"), None)


class HttpClient:
    """Talks to one base URL with its own headers, which never leave that origin.

    A URL is a path below the base URL ("/user", "user"), sub-path of the base included, or a full
    URL of the same origin. Redirects are answers like any other unless `follow` is set. Neither
    environment, `.netrc`, proxies nor cookies play a part. What is no 2xx raises: 401 and 403
    CredentialsError, 404 and 410 NotFound, rate limits RateLimited, other 4xx Rejected, the rest
    and whatever goes wrong on the way Unavailable.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        base_url: str = "",
        headers: Mapping[str, str] | None = None,
        limits: HttpLimits | None = None,
        ca_file: Path | None = None,
        transport: BaseAdapter | None = None,
    ) -> None:
        """Give the guard that checks addresses, or a test's transport."""
        if transport is None:
            if guard is None:
                raise TypeError("an HttpClient needs a guard or a transport")
            transport = GuardedAdapter(guard)
        self._transport = transport
        self._base_url = base_url.rstrip("/")
        self._headers = _sendable(headers)
        self._limits = limits or HttpLimits()
        self._ca_file = ca_file
        self._session = _session(transport, ca_file)

    def __repr__(self) -> str:
        return f"HttpClient({place_of(self._base_url)!r})"

    def at(self, base_url: str, headers: Mapping[str, str] | None = None) -> "HttpClient":
        """The same client for another base URL and other headers, such as Authorization."""
        return HttpClient(
            base_url=base_url,
            headers=headers,
            limits=self._limits,
            ca_file=self._ca_file,
            transport=self._transport,
        )

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
    ) -> HttpResponse:
        """`follow` goes along with redirects, up to 5, as long as they stay on this origin."""
        target = self._target(url)
        for _ in range(_REDIRECTS):
            response = self._request("GET", target, params=params, headers=headers)
            if not (follow and response.status in _MOVED):
                return self._accepted("GET", response)
            target, params = self._target(_join(target, response.header("Location"))), None
        raise Unavailable(f"{place_of(target)} redirects in circles.")

    def post(
        self, url: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        return self._send("POST", url, json, headers)

    def put(
        self, url: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        return self._send("PUT", url, json, headers)

    def patch(
        self, url: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        return self._send("PATCH", url, json, headers)

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
        return self._send("DELETE", url, None, headers)

    def post_form(
        self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """Sends the fields as a browser's form does."""
        target = self._target(url)
        return self._accepted("POST", self._request("POST", target, form=fields, headers=headers))

    def pages(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        next_page: Callable[[HttpResponse], str | None] = linked_next,
    ) -> Iterator[HttpResponse]:
        """This page and those after it, lazily. `next_page` finds the address of the next.

        Raises Unavailable, rather than end early unseen, when the next page is on another
        origin, when pages repeat and when there are more than `HttpLimits.max_pages`.
        """
        seen: set[str] = set()
        target: str | None = self._target(url)
        while target is not None:
            if target in seen or len(seen) >= self._limits.max_pages:
                raise Unavailable(f"{place_of(target)} does not come to an end of its pages.")
            seen.add(target)
            response = self.get(target, params=params)
            yield response
            following, params = next_page(response), None
            target = self._target(_join(target, following)) if following else None

    @contextmanager
    def download(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
        max_bytes: int | None = None,
    ) -> Iterator[BinaryIO]:
        """The body as a seekable temporary file of at most `max_bytes`.

        With `follow`, redirects may leave this origin, but no header of ours goes with them.
        """
        limit = self._limits.max_download_bytes if max_bytes is None else max_bytes
        with tempfile.TemporaryFile() as file:
            self._fetch(url, headers, follow, limit, file)
            file.seek(0)
            yield file

    def close(self) -> None:
        """Closes kept connections. The client stays usable."""
        self._session.close()

    def _fetch(
        self,
        url: str,
        headers: Mapping[str, str] | None,
        follow: bool,
        limit: int,
        file: BinaryIO,
    ) -> None:
        target, ours = self._target(url), True
        for _ in range(_REDIRECTS):
            sent = {**self._headers, **_sendable(headers)} if ours else {}
            with self._exchange("GET", target, sent) as (answer, deadline):
                if follow and answer.status_code in _MOVED:
                    moved = _join(target, answer.headers.get("Location", ""))
                    ours = ours and _origin(moved) == _origin(target)
                    target = _redirect(target, moved)
                    continue
                if 200 <= answer.status_code < 300:
                    file.writelines(_limited(answer, limit, deadline))
                    return
                self._accepted("GET", _read(answer, self._limits.max_bytes, deadline))
        raise Unavailable(f"{place_of(target)} redirects in circles.")

    def _send(
        self, method: str, url: str, body: object, headers: Mapping[str, str] | None
    ) -> HttpResponse:
        target = self._target(url)
        return self._accepted(method, self._request(method, target, body=body, headers=headers))

    def _request(
        self,
        method: str,
        target: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        sent = {**self._headers, **_sendable(headers)}
        with self._exchange(method, target, sent, params, body, form) as (answer, deadline):
            return _read(answer, self._limits.max_bytes, deadline)

    @contextmanager
    def _exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Iterator[tuple[requests.Response, float]]:
        """(an answer whose body is not read yet, the moment by which it must be)."""
        limits, place = self._limits, place_of(target)
        deadline = time.monotonic() + limits.total
        try:
            answer = self._session.request(
                method,
                target,
                params=params,
                headers={"User-Agent": "Packistry", **headers},
                json=body,
                data=form,
                timeout=(limits.connect, limits.read),
                allow_redirects=False,
                stream=True,
            )
            with closing(answer):
                yield answer, deadline
        except (AddressRefused, HostUnknown) as error:
            raise Unavailable(f"{place} is not contacted: {error}") from error
        except requests.exceptions.SSLError as error:
            raise Unavailable(f"{place} {tls_fault(error)}") from error
        except requests.exceptions.Timeout as error:
            raise Unavailable(f"{place} did not answer in time.") from error
        except requests.exceptions.ConnectionError as error:
            raise Unavailable(
                f"{place} cannot be reached, or hung up. Is it running, and is the way to it open?"
            ) from error
        except (requests.exceptions.RequestException, HTTPError) as error:
            # No cause is kept: some of these quote the headers, credentials and all.
            raise Unavailable(f"{place} cannot be asked ({type(error).__name__}).") from None

    def _accepted(self, method: str, response: HttpResponse) -> HttpResponse:
        raise_for_status(method, place_of(response.url), response, secrets=self._headers.values())
        return response

    def _target(self, url: str) -> str:
        """The full URL, which is on the origin of the base URL."""
        if not _ABSOLUTE.match(url):
            url = f"{self._base_url}/{url.lstrip('/')}"
        elif self._base_url and _origin(url) != _origin(self._base_url):
            raise Unavailable(
                f"{place_of(self._base_url)} refers to another host, {place_of(url)}."
            )
        if _climbs(url):
            raise NotFound("A path with . or .. in it names nothing.")
        return url


def _sendable(headers: Mapping[str, str] | None) -> dict[str, str]:
    for name, value in (headers or {}).items():
        if not _HEADER.fullmatch(name + value):
            words = f"What is sent as {name} holds a character that cannot be. Enter it again."
            raise CredentialsError(words)
    return dict(headers or {})


def _session(transport: BaseAdapter, ca_file: Path | None) -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.headers.clear()
    session.headers.update({"Accept-Encoding": "gzip", "Accept": "*/*"})
    session.cookies = _NoCookies()
    session.verify = str(ca_file) if ca_file else True
    session.adapters.clear()
    session.mount("https://", transport)
    session.mount("http://", transport)
    return session


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None. Even told not to follow, requests reads a redirect's body without a limit."""
        return None


class _NoCookies(RequestsCookieJar):
    def set_cookie(self, cookie: Any, *args: Any, **kwargs: Any) -> None:
        """Forgets it."""


def _read(answer: requests.Response, limit: int, deadline: float) -> HttpResponse:
    return HttpResponse(
        status=answer.status_code,
        url=answer.url,
        headers=answer.headers,
        body=b"".join(_limited(answer, limit, deadline)),
    )


def _limited(answer: requests.Response, limit: int, deadline: float) -> Iterator[bytes]:
    """The decoded body. Counts what is produced: a length may be absent, wrong, or packed."""
    size = 0
    for chunk in answer.iter_content(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise Unavailable(f"{place_of(answer.url)} answers with more than {limit} bytes.")
        if time.monotonic() > deadline:
            raise Unavailable(f"{place_of(answer.url)} answers too slowly.")
        yield chunk


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        raise Unavailable("An http(s) URL without a user name was expected.")
    return parts


def _origin(url: str) -> tuple[str, str, int]:
    parts = _split(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _join(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        raise Unavailable(f"{place_of(base)} refers to what is no URL.") from None


def _redirect(source: str, target: str) -> str:
    if _split(source).scheme == "https" and _split(target).scheme != "https":
        raise Unavailable(f"{place_of(source)} redirects to an unencrypted address.")
    return target


def _climbs(url: str) -> bool:
    path = re.sub("%2e", ".", _split(url).path, flags=re.IGNORECASE)
    return any(segment in (".", "..") for segment in re.split(r"[/\\]", path))
