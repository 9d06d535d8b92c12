"""Dists: handed out, as a link or as bytes, whole or from somewhere on."""

import logging
import re
import time
from collections.abc import Callable
from datetime import timedelta

from pyramid.request import Request
from pyramid.response import Response

from packistry.composer.semver import InvalidVersion, normalize
from packistry.errors import Unavailable
from packistry.services.dists import Dists
from packistry.services.reads import Archive
from packistry.web import answers, ranges
from packistry.web.errors import response
from packistry.web.files import CHUNK, FileBody
from packistry.web.parts import Parts
from packistry.web.ranges import Unsatisfiable
from packistry.web.security import admit, claimed_token, repository

LINK_LIFE = timedelta(minutes=5)
FIRST_LOOK = 0.02
SLOWEST_LOOK = 0.25

log = logging.getLogger(__name__)

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

Look = Callable[[], Archive]


def by_reference(request: Request) -> Response:
    """{repo}/dists/{vendor}/{name}/{version}/{reference}.zip: the same bytes for ever."""
    parts: Parts = request.parts
    token, name = claimed_token(request), _name(request)
    reference = request.matchdict["reference"].lower()

    def look() -> Archive:
        return parts.reads.dist(token, repository(request), name, reference=reference)

    return _serve(request, look, f"{name}-{request.matchdict['version']}-{reference[:12]}")


def by_version(request: Request) -> Response:
    """{repo}/{vendor}/{name}/{version}: what lock files of the PHP Packistry name."""
    parts: Parts = request.parts
    token, name, version = claimed_token(request), _name(request), request.matchdict["version"]
    try:
        normalized = normalize(version)
    except InvalidVersion:
        # No version is called "": the look-up costs what that of a known version does.
        normalized = ""

    def look() -> Archive:
        return parts.reads.version_dist(token, repository(request), name, normalized=normalized)

    return _serve(request, look, f"{name}-{version}")


def _name(request: Request) -> str:
    return f"{request.matchdict['vendor']}/{request.matchdict['name']}"


def _serve(request: Request, look: Look, file_name: str) -> Response:
    archive = look()
    admit(request, archive.reader)
    if not archive.storage_key and not archive.failure:
        archive = _built(request.parts, archive, look)
        admit(request, archive.reader)
    if archive.failure or not archive.storage_key:
        return response(answers.error(404, _cannot(archive), warn=True))
    headers = _headers(archive, file_name)
    tags = request.environ.get("HTTP_IF_NONE_MATCH")
    if tags is not None and answers.matches(tags, _etag(archive)):
        return Response(status=304, headerlist=_without_content(headers), app_iter=())
    parts: Parts = request.parts
    link = parts.runtime.storage.url(archive.storage_key, expires=LINK_LIFE)
    if link is not None:
        _count(request, archive, starts=True)
        return Response(
            status=302,
            headerlist=[
                ("Location", link),
                ("Cache-Control", "no-store"),
                ("Content-Type", "text/plain"),
            ],
        )
    return _bytes(request, archive, headers)


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


def _headers(archive: Archive, file_name: str) -> list[tuple[str, str]]:
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


def _without_content(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if not name.startswith("Content-")]


def _bytes(request: Request, archive: Archive, headers: list[tuple[str, str]]) -> Response:
    parts: Parts = request.parts
    environ = request.environ
    try:
        span = ranges.span(
            environ.get("HTTP_RANGE"), environ.get("HTTP_IF_RANGE"), _etag(archive), archive.size
        )
    except Unsatisfiable:
        beyond = {"Content-Range": f"bytes */{archive.size}"}
        return response(answers.error(416, "The range lies behind the end.", headers=beyond))
    headers.append(("Content-Length", str(span.length)))
    if span.partial:
        last = span.end - 1
        headers.append(("Content-Range", f"bytes {span.start}-{last}/{span.size}"))
    status = 206 if span.partial else 200
    if request.method == "HEAD":
        return Response(status=status, headerlist=headers, app_iter=())
    try:
        stored = parts.runtime.storage.open(archive.storage_key)
        body = FileBody(stored, start=span.start, length=span.length)
    except FileNotFoundError:
        log.error("The storage has lost %s.", archive.storage_key)
        return response(answers.error(404, "The storage has lost this dist.", warn=True))
    _count(request, archive, starts=span.start == 0)
    wrapper = environ.get("wsgi.file_wrapper")
    return Response(
        status=status,
        headerlist=headers,
        app_iter=body if wrapper is None else wrapper(body, CHUNK),
    )


def _count(request: Request, archive: Archive, *, starts: bool) -> None:
    """One download a GET; going on with one that was interrupted is the same download."""
    if starts and request.method == "GET":
        version = request.matchdict["version"]
        request.parts.tally.downloaded(archive.package_id, archive.dist_id, version[:300])
