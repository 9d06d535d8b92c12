"""Dists: handed out, as a link or as bytes, whole or from somewhere on."""

import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from pyramid.request import Request
from pyramid.response import Response

from packistry.composer.semver import InvalidVersion, normalize
from packistry.errors import Unavailable
from packistry.services.dists import Dists
from packistry.services.reads import Archive
from packistry.web import answers, ranges
from packistry.web.addresses import Environ
from packistry.web.answers import Answer, Headers, StartResponse
from packistry.web.credentials import token_of
from packistry.web.files import CHUNK, FileBody
from packistry.web.parts import Parts
from packistry.web.ranges import Unsatisfiable
from packistry.web.security import admit, repository

LINK_LIFE = timedelta(minutes=5)
FIRST_LOOK = 0.02
SLOWEST_LOOK = 0.25
LONGEST_VERSION = 300

log = logging.getLogger(__name__)

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

Look = Callable[[], Archive]


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """What a URL names: the dist of a version in `repository`, by its `reference` or, "", as it is.

    `name` and `version` stand as in the URL.
    """

    repository: str
    name: str
    version: str
    reference: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer whose body may be a file."""

    status: str
    headers: Headers
    body: Iterable[bytes] = ()

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI answer."""
        start_response(self.status, self.headers)
        return self.body


def by_reference(request: Request) -> Response:
    """{repo}/dists/{vendor}/{name}/{version}/{reference}.zip: the same bytes for ever."""
    return _view(request, request.matchdict["reference"])


def by_version(request: Request) -> Response:
    """{repo}/{vendor}/{name}/{version}: what lock files of the PHP Packistry name."""
    return _view(request)


def _view(request: Request, reference: str = "") -> Response:
    named = request.matchdict
    download = Download(
        repository=repository(request),
        name=f"{named['vendor']}/{named['name']}",
        version=named["version"],
        reference=reference,
    )
    reply = serve(request.parts, request.environ, download)
    return Response(status=reply.status, headerlist=reply.headers, app_iter=reply.body)


def serve(parts: Parts, environ: Environ, download: Download) -> Reply:
    """The answer to a GET or HEAD. Raises Refused, and Unavailable while it is being built."""
    look, file_name = _named(parts, environ, download)
    archive = look()
    admit(parts, environ, archive.reader)
    if not archive.storage_key and not archive.failure:
        archive = _built(parts, archive, look)
        admit(parts, environ, archive.reader)
    if archive.failure or not archive.storage_key:
        return _refusal(answers.error(404, _cannot(archive), warn=True))
    headers = _headers(archive, file_name)
    tags = environ.get("HTTP_IF_NONE_MATCH")
    if tags is not None and answers.matches(tags, _etag(archive)):
        return Reply(status="304 Not Modified", headers=_without_content(headers))
    link = parts.runtime.storage.url(archive.storage_key, expires=LINK_LIFE)
    if link is None:
        return _bytes(parts, environ, download, archive, headers)
    _count(parts, environ, download, archive)
    return Reply(
        status="302 Found",
        headers=[
            ("Location", link),
            ("Cache-Control", "no-store"),
            ("Content-Type", "text/plain"),
        ],
    )


def _named(parts: Parts, environ: Environ, download: Download) -> tuple[Look, str]:
    """How to look it up, and what to call the file."""
    token = token_of(environ.get("HTTP_AUTHORIZATION"))
    where, name, version = download.repository, download.name, download.version
    if download.reference:
        reference = download.reference.lower()
        return (
            lambda: parts.reads.dist(token, where, name, reference=reference),
            f"{name}-{version}-{reference[:12]}",
        )
    try:
        normalized = normalize(version)
    except InvalidVersion:
        # No version is called "": the look-up costs what that of a known version does.
        normalized = ""
    return (
        lambda: parts.reads.version_dist(token, where, name, normalized=normalized),
        f"{name}-{version}",
    )


def _refusal(answer: Answer) -> Reply:
    return Reply(status=answer.status, headers=answer.headers[:], body=[answer.body])


def _cannot(archive: Archive) -> str:
    if archive.storage_key:
        # It was built, and a check of what is stored found that it is no longer that.
        return f"This dist cannot be served: {archive.failure}"
    return f"This dist cannot be built: {archive.failure or 'the package has gone.'}"


def _built(parts: Parts, archive: Archive, look: Look) -> Archive:
    """The dist once a job has built it. Raises Unavailable when that takes too long."""
    Dists(parts.runtime).want(archive.dist_id)
    later = Unavailable("This dist is being built. Try again in a moment.", retry_after=5)
    if not parts.waiters.acquire(blocking=False):
        raise later
    try:
        deadline = time.monotonic() + parts.runtime.settings.dist_wait_seconds
        pause = FIRST_LOOK
        while time.monotonic() < deadline:
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, SLOWEST_LOOK)
            archive = look()
            if archive.storage_key or archive.failure or not archive.dist_id:
                return archive
    finally:
        parts.waiters.release()
    raise later


def _etag(archive: Archive) -> str:
    return f'"{archive.sha256}"'


def _headers(archive: Archive, file_name: str) -> Headers:
    safe = _UNSAFE.sub("-", file_name).strip("-.")[:200]
    return [
        ("Content-Type", "application/zip"),
        ("Content-Disposition", f'attachment; filename="{safe}.zip"'),
        ("Content-Security-Policy", "sandbox"),
        ("X-Content-Type-Options", "nosniff"),
        ("Accept-Ranges", "bytes"),
        ("ETag", _etag(archive)),
        ("Cache-Control", answers.cache_control(public=archive.reader.public)),
        ("Vary", "Authorization"),
    ]


def _without_content(headers: Headers) -> Headers:
    return [(name, value) for name, value in headers if not name.startswith("Content-")]


def _bytes(
    parts: Parts, environ: Environ, download: Download, archive: Archive, headers: Headers
) -> Reply:
    try:
        span = ranges.span(
            environ.get("HTTP_RANGE"), environ.get("HTTP_IF_RANGE"), _etag(archive), archive.size
        )
    except Unsatisfiable:
        beyond = {"Content-Range": f"bytes */{archive.size}"}
        return _refusal(answers.error(416, "The range lies behind the end.", headers=beyond))
    headers.append(("Content-Length", str(span.length)))
    if span.partial:
        last = span.end - 1
        headers.append(("Content-Range", f"bytes {span.start}-{last}/{span.size}"))
    status = "206 Partial Content" if span.partial else "200 OK"
    if environ["REQUEST_METHOD"] == "HEAD":
        return Reply(status=status, headers=headers)
    try:
        stored = parts.runtime.storage.open(archive.storage_key)
        body = FileBody(stored, start=span.start, length=span.length)
    except FileNotFoundError:
        log.error("The storage has lost %s.", archive.storage_key)
        return _refusal(answers.error(404, "The storage has lost this dist.", warn=True))
    if span.start == 0:
        # Going on with one that was interrupted is the same download.
        _count(parts, environ, download, archive)
    wrapper = environ.get("wsgi.file_wrapper")
    return Reply(
        status=status, headers=headers, body=body if wrapper is None else wrapper(body, CHUNK)
    )


def _count(parts: Parts, environ: Environ, download: Download, archive: Archive) -> None:
    """One download a GET."""
    if environ["REQUEST_METHOD"] == "GET":
        version = download.version[:LONGEST_VERSION]
        parts.tally.downloaded(archive.package_id, archive.dist_id, version)
