"""Answers as the bytes they are: what can be sent again without being worked out again."""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from packistry.web.addresses import Environ
from packistry.web.headers import DATA_HEADERS

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], object]

# Exactly so, without a charset: Composer prints the warning of no other type.
JSON = "application/json"
NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
REALM = 'Basic realm="Packistry", charset="UTF-8"'

_LONGEST_ENCODING = 200
_NO_GZIP = re.compile(r"(?:^|[\s,])gzip\s*;\s*q\s*=\s*0(?:\.0*)?\s*(?:,|\Z)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A whole answer. `unchanged` are the headers of its 304; `last_modified` "" allows none."""

    status: str
    headers: Headers
    body: bytes
    unchanged: Headers
    last_modified: str = ""
    etag: str = ""

    def send(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """The WSGI answer to this request: 304, HEAD or whole."""
        if self.last_modified and self._is_known(environ):
            start_response("304 Not Modified", self.unchanged[:])
            return []
        start_response(self.status, self.headers[:])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]

    def _is_known(self, environ: Environ) -> bool:
        tags = environ.get("HTTP_IF_NONE_MATCH")
        if tags is not None:
            return matches(tags, self.etag)
        # Equality, not "not later than": so a roll-back and a re-creation are noticed.
        since: str | None = environ.get("HTTP_IF_MODIFIED_SINCE")
        return since == self.last_modified


def matches(tags: str, etag: str) -> bool:
    """Whether an If-None-Match header names the tag (or "*"); weak ones count as strong."""
    return tags.strip() == "*" or etag in (
        tag.strip().removeprefix("W/") for tag in tags.split(",")
    )


def json_bytes(document: Any) -> bytes:
    """JSON as small as it gets, in UTF-8."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def cache_control(*, public: bool) -> str:
    """Who may keep an answer, and that they ask each time before they give it out.

    Shared caches may keep what anyone may read. They ask, so that a repository that is made
    private, or a package that is removed, is so at once.
    """
    return "public, no-cache" if public else "private, no-cache"


def document(zipped: bytes, modified: int, *, public: bool, gzipped: bool) -> Answer:
    """A JSON document that is kept gzipped, last modified at that Unix second."""
    body = zipped if gzipped else gzip.decompress(zipped)
    last_modified = http_date(modified)
    # A document's date rises with every change, so that it names the content.
    etag = f'"{modified:x}-{len(body):x}{"z" if gzipped else ""}"'
    kept = [
        ("Cache-Control", cache_control(public=public)),
        ("ETag", etag),
        ("Last-Modified", last_modified),
        ("Vary", "Accept-Encoding, Authorization"),
    ]
    headers = [*kept, ("Content-Type", JSON), ("Content-Length", str(len(body))), NO_SNIFFING]
    if gzipped:
        headers.append(("Content-Encoding", "gzip"))
    return Answer(
        status="200 OK",
        headers=headers,
        body=body,
        unchanged=kept,
        last_modified=last_modified,
        etag=etag,
    )


def error(
    status: int,
    message: str,
    *,
    warn: bool = False,
    public: bool = False,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Answer:
    """A refusal. With `warn` Composer shows the message to the person who runs it."""
    content: dict[str, Any] = {"status": "error", "message": message}
    if warn:
        content["warning"] = message
    body = json_bytes(content | dict(extra or {}))
    every = [
        ("Content-Type", JSON),
        ("Content-Length", str(len(body))),
        ("Cache-Control", cache_control(public=public)),
        ("Vary", "Accept-Encoding, Authorization"),
        *DATA_HEADERS.items(),
        *(headers or {}).items(),
    ]
    return Answer(
        status=f"{status} {HTTPStatus(status).phrase}", headers=every, body=body, unchanged=[]
    )


def unauthorized(message: str) -> Answer:
    """401, as any credentials that open nothing get it."""
    return error(401, message, warn=True, headers={"WWW-Authenticate": REALM})


@lru_cache(maxsize=256)
def no_credentials(base: str | None) -> Answer:
    """401 for whoever shows no token; composer keeps one for the host of our base URL."""
    host = urlsplit(base or "").netloc or "HOST"
    return unauthorized(
        "This repository needs a token: "
        f"composer config --global --auth http-basic.{host} token YOUR-TOKEN"
    )


BAD_TOKEN = unauthorized(
    "This token is unknown, expired or revoked. Ask an administrator for another."
)
NO_REPOSITORY = error(
    404,
    "This token may not see this repository, or it does not exist. Check the address, or ask an "
    "administrator for a grant.",
    warn=True,
)
NOT_FOUND = error(404, "Not found.")
NO_REPOSITORY_HERE = error(
    404,
    "No repository is served at this URL: it ends with the host's name, or with /r/ and a path.",
    warn=True,
)
NOT_FOUND_PUBLIC = error(404, "Not found.", public=True)
BAD_HOST = error(400, "The Host header is not a host name.")


@lru_cache(maxsize=4096)
def http_date(seconds: int) -> str:
    """A Unix second as HTTP writes it."""
    return formatdate(seconds, usegmt=True)


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip. One too long to be sensible does not."""
    return len(header) <= _LONGEST_ENCODING and _accepts_gzip(header)


@lru_cache(maxsize=256)
def _accepts_gzip(header: str) -> bool:
    return "gzip" in header.lower() and not _NO_GZIP.search(header)
