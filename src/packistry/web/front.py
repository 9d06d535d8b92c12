"""The front of the application: p2 files, packages.json and dists, most of all requests.

A plain WSGI application. It answers these itself, out of a cache where it can, and hands
everything else to the application behind it.
"""

import gzip
import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from packistry.composer import documents
from packistry.composer.names import is_package_name
from packistry.models import Channel
from packistry.services.reads import P2, Access, Reader
from packistry.web import addresses, answers, dists
from packistry.web.addresses import Environ, base_url
from packistry.web.answers import Answer, StartResponse
from packistry.web.credentials import token_of
from packistry.web.dists import Download
from packistry.web.parts import Parts

MIB = 1024 * 1024
CACHE_BYTES = 64 * MIB
# What an answer costs beside its body: its key, headers and objects.
OVERHEAD = 2048

_PATH = re.compile(
    rf"(?:/r/(?P<repository>{addresses.REPOSITORY}))?"
    r"(?:/packages\.json|/p2/(?P<vendor>[^/]+)/(?P<name>[^/]+?)(?P<dev>~dev)?\.json)\Z"
)
# A version that is more than ASCII is left to Pyramid, which decodes it.
_DIST = re.compile(
    rf"(?:/r/(?P<repository>{addresses.REPOSITORY}))?"
    rf"/dists/(?P<name>{addresses.VENDOR}/{addresses.NAME})/(?P<version>[!-.0-~]+)"
    rf"/(?P<reference>{addresses.REFERENCE})\.zip\Z"
)
_NAME = re.compile(r"[a-z0-9._-]{1,127}/[a-z0-9._-]{1,127}\Z")

# packages.json has a date made from its content: equal content, equal date, in 1980 to 2010.
_EPOCH = 315532800
_SPAN = 30 * 365 * 86400
# The date of every document that says "this vendor is ours, and there is no such package".
_RESERVED_SINCE = _EPOCH

Render = Callable[[int, Channel, int, str], bytes]
"""The document of (package id, channel), last modified then, for a base URL: gzipped."""
Key = tuple[bytes | None, str, bool, str | None, str | None, str | None]
# A longer path is none of ours, and would be a costly key.
_LONGEST_PATH = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """An answer, the data it was made from, and until when its token lives (Unix seconds)."""

    answer: Answer
    generation: int
    expires: float | None
    token_id: int | None


class Cache:
    """Answers by what was asked and with which credentials; emptied when it is full."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: dict[Key, Kept] = {}
        self._bytes = 0

    def get(self, key: Key) -> Kept | None:
        return self._kept.get(key)

    def put(self, key: Key, kept: Kept) -> None:
        cost = len(kept.answer.body) + OVERHEAD
        if cost > self._max_bytes:
            return
        with self._lock:
            old = self._kept.pop(key, None)
            if old is not None:
                self._bytes -= len(old.answer.body) + OVERHEAD
            if self._bytes + cost > self._max_bytes:
                self._kept.clear()
                self._bytes = 0
            self._kept[key] = kept
            self._bytes += cost


class Front:
    """Gets `parts` from the application, and hands what is not ours to `behind`.

    `render` makes a document for a base URL other than that which documents are kept for.
    `configured` is PACKISTRY_URL, `rendered` the base URL of kept documents. `cache_bytes`
    0 keeps nothing.
    """

    def __init__(
        self,
        *,
        parts: Parts,
        render: Render,
        configured: str,
        rendered: str,
        behind: Any,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._parts = parts
        self._reads = parts.reads
        self._tally = parts.tally
        self._render = render
        self._configured = configured
        self._rendered = rendered
        self._behind = behind
        self._cache = Cache(cache_bytes)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Any:
        path: str = environ["PATH_INFO"]
        if not self._may_be_ours(path, environ["REQUEST_METHOD"]):
            return self._behind(environ, start_response)
        if path.endswith(".zip"):
            return self._dist(path, environ, start_response)
        gzipped = answers.accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        key = self._key(environ, path, gzipped)
        kept = self._cache.get(key)
        if kept is None or not self._is_good(kept):
            matched = _PATH.match(path)
            if matched is None:
                return self._behind(environ, start_response)
            made = self._make(environ, matched, gzipped)
            if isinstance(made, Answer):
                return made.send(environ, start_response)
            kept = made
            self._cache.put(key, kept)
        if kept.token_id is not None:
            self._tally.used(kept.token_id)
        return kept.answer.send(environ, start_response)

    @staticmethod
    def _may_be_ours(path: str, method: str) -> bool:
        return (
            path.endswith((".json", ".zip"))
            and method in ("GET", "HEAD")
            and len(path) <= _LONGEST_PATH
        )

    def _dist(self, path: str, environ: Environ, start_response: StartResponse) -> Any:
        matched = _DIST.match(path)
        if matched is None:
            return self._behind(environ, start_response)
        download = Download(
            repository=matched["repository"] or "",
            name=matched["name"],
            version=matched["version"],
            reference=matched["reference"],
        )
        return dists.serve(self._parts, environ, download).send(start_response)

    def _key(self, environ: Environ, path: str, gzipped: bool) -> Key:
        authorization = environ.get("HTTP_AUTHORIZATION")
        # Of the credentials only a digest stays in memory.
        who = None if authorization is None else hashlib.sha256(authorization.encode()).digest()
        if self._configured:
            return (who, path, gzipped, None, None, None)
        return (
            who,
            path,
            gzipped,
            environ.get("HTTP_HOST"),
            environ["wsgi.url_scheme"],
            environ.get("SCRIPT_NAME"),
        )

    def _is_good(self, kept: Kept) -> bool:
        if kept.expires is not None and kept.expires <= time.time():
            return False
        return kept.generation == self._reads.generation()

    def _make(self, environ: Environ, matched: re.Match[str], gzipped: bool) -> Kept | Answer:
        """What to keep; or, for whom nothing is kept for, what to answer."""
        base = base_url(environ, self._configured)
        if base is None:
            return answers.BAD_HOST
        if matched["name"] is None:
            return self._packages_json(environ, matched["repository"] or "", base, gzipped)
        return self._p2(environ, matched, base, gzipped)

    def _p2(
        self, environ: Environ, matched: re.Match[str], base: str, gzipped: bool
    ) -> Kept | Answer:
        name = f"{matched['vendor']}/{matched['name']}"
        channel = Channel.DEV if matched["dev"] else Channel.STABLE
        found = self._reads.p2(
            token_of(environ.get("HTTP_AUTHORIZATION")),
            matched["repository"] or "",
            # No package has the name "": a name that cannot be costs what an unknown one does.
            name if _NAME.match(name) else "",
            channel,
        )
        reader = found.reader
        if reader.access is Access.GRANTED:
            return _keep(self._granted(found, channel, base, gzipped), reader)
        if reader.access is Access.RESERVED and is_package_name(name):
            return _keep(_nothing_below(name, reader, gzipped), reader)
        return _refused_package(reader, base)

    def _granted(self, found: P2, channel: Channel, base: str, gzipped: bool) -> Answer:
        body = found.body
        if base != self._rendered:
            body = self._render(found.package_id, channel, found.modified, base)
        return answers.document(body, found.modified, public=found.reader.public, gzipped=gzipped)

    def _packages_json(
        self, environ: Environ, path: str, base: str, gzipped: bool
    ) -> Kept | Answer:
        entrance = self._reads.entrance(token_of(environ.get("HTTP_AUTHORIZATION")), path)
        reader = entrance.reader
        if reader.access is not Access.GRANTED:
            return _refused_repository(reader, base)
        content = answers.json_bytes(
            documents.packages_json(
                base_url=f"{base}/r/{path}" if path else base,
                names=self._reads.names(entrance),
                reserved_vendors=entrance.reserved_vendors,
            )
        )
        modified = _EPOCH + int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % _SPAN
        zipped = gzip.compress(content, 6, mtime=0)
        return _keep(
            answers.document(zipped, modified, public=reader.public, gzipped=gzipped), reader
        )


def _keep(answer: Answer, reader: Reader) -> Kept:
    return Kept(
        answer=answer,
        generation=reader.generation,
        expires=reader.expires,
        token_id=reader.token_id,
    )


def _nothing_below(name: str, reader: Reader, gzipped: bool) -> Answer:
    content = answers.json_bytes(documents.package_document(name, []))
    return answers.document(
        gzip.compress(content, 6, mtime=0),
        _RESERVED_SINCE,
        public=reader.public,
        gzipped=gzipped,
    )


def _refused_package(reader: Reader, base: str) -> Kept | Answer:
    if reader.access is Access.STRANGER:
        return answers.no_credentials(base)
    if reader.access is Access.BAD_TOKEN:
        return answers.BAD_TOKEN
    return _keep(answers.NOT_FOUND_PUBLIC if reader.public else answers.NOT_FOUND, reader)


def _refused_repository(reader: Reader, base: str) -> Kept | Answer:
    if reader.access is Access.STRANGER:
        return answers.no_credentials(base)
    if reader.access is Access.BAD_TOKEN:
        return answers.BAD_TOKEN
    return _keep(answers.NO_REPOSITORY, reader)
