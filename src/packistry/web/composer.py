"""What Composer asks beside packages.json, p2 and dists: lists, search, providers, installs."""

import json
from typing import Any
from urllib.parse import urlencode

from pyramid.request import Request
from pyramid.response import Response

from packistry.composer import documents
from packistry.composer.names import is_package_name
from packistry.services.catalog import Search
from packistry.services.reads import Reader
from packistry.web import addresses, answers
from packistry.web.errors import BadRequest, response
from packistry.web.security import enter, repository

LONGEST_QUERY = 255
MOST_PER_PAGE = 100
LAST_PAGE = 10_000
MOST_INSTALLS = 10_000
LONGEST_VERSION = 300
MOST_BODY = 1024 * 1024


def list_packages(request: Request) -> Response:
    """list.json, narrowed by `filter` (with "*") and `vendor`."""
    pattern, vendor = _query(request, "filter"), _query(request, "vendor")
    entrance = enter(request)
    names = request.parts.reads.names(entrance)
    found = documents.list_document(names, pattern=pattern, vendor=vendor)
    return _document(request, entrance.reader, found)


def search(request: Request) -> Response:
    """search.json: `q`, `type`, `page`, `per_page`."""
    wanted = Search(
        text=_query(request, "q"),
        type=_query(request, "type"),
        page=_number(request, "page", 1, LAST_PAGE),
        per_page=_number(request, "per_page", MOST_PER_PAGE, MOST_PER_PAGE),
    )
    entrance = enter(request)
    page = request.parts.catalog.search(entrance.actor, entrance.repository_id, wanted)
    more = page.total > wanted.page * wanted.per_page and wanted.page < LAST_PAGE
    found = documents.search_document(
        page.results, total=page.total, next_url=_next(request, wanted) if more else None
    )
    return _document(request, entrance.reader, found)


def providers(request: Request) -> Response:
    """providers/{vendor}/{name}.json; 404 when nothing provides it."""
    name = f"{request.matchdict['vendor']}/{request.matchdict['name']}"
    entrance = enter(request)
    found = []
    if is_package_name(name):
        found = request.parts.catalog.providers(entrance.actor, entrance.repository_id, name)
    if not found:
        return response(answers.NOT_FOUND_PUBLIC if entrance.reader.public else answers.NOT_FOUND)
    return _document(request, entrance.reader, documents.providers_document(name, found))


def notify(request: Request) -> Response:
    """The notify-batch of packages.json: counts what a client has installed."""
    entrance = enter(request)
    entries = _installs(request)
    known = request.parts.catalog.installed(entrance.actor, entrance.repository_id, entries)
    if known:
        request.parts.tally.installed(known)
    body = answers.json_bytes({"status": "success"})
    headers = [("Content-Type", answers.JSON), ("Cache-Control", "no-store")]
    return Response(status=201, headerlist=headers, body=body)


def _document(request: Request, reader: Reader, document: dict[str, Any]) -> Response:
    headers = [
        ("Content-Type", answers.JSON),
        ("Cache-Control", answers.cache_control(public=reader.public)),
        ("Vary", "Accept-Encoding, Authorization"),
    ]
    result = Response(headerlist=headers, body=answers.json_bytes(document))
    if answers.accepts_gzip(request.environ.get("HTTP_ACCEPT_ENCODING", "")):
        result.encode_content("gzip")
    return result


def _query(request: Request, name: str) -> str:
    text: str = request.GET.get(name, "")
    if len(text) > LONGEST_QUERY:
        raise BadRequest(f'"{name}" is longer than {LONGEST_QUERY} characters.')
    return text.strip()


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = _query(request, name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(most)) or int(text) < 1:
        raise BadRequest(f'"{name}" must be a number from 1 to {most}.')
    return min(int(text), most)


def _next(request: Request, search: Search) -> str | None:
    base = addresses.base_url(request.environ, request.parts.runtime.settings.url)
    if base is None:
        return None
    path = repository(request)
    query = {"q": search.text, "type": search.type, "per_page": search.per_page}
    prefix = f"/r/{path}" if path else ""
    return f"{base}{prefix}/search.json?{urlencode(query | {'page': search.page + 1})}"


def _installs(request: Request) -> list[tuple[str, str]]:
    """(name, version) of the entries that can be. Raises BadRequest when it is no such list."""
    try:
        content = json.loads(_body(request))
        entries = content["downloads"]
        pairs = [(entry["name"], entry["version"]) for entry in entries]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadRequest('The body must be JSON: {"downloads": [{"name", "version"}]}.') from None
    if len(pairs) > MOST_INSTALLS:
        raise BadRequest(f"More than {MOST_INSTALLS} downloads in one batch.", status=413)
    return [(name, version) for name, version in pairs if _can_be(name, version)]


def _body(request: Request) -> bytes:
    body: bytes = request.environ["wsgi.input"].read(
        min(request.content_length or 0, MOST_BODY + 1)
    )
    if len(body) > MOST_BODY:
        raise BadRequest("The body is larger than 1 MiB.", status=413)
    return body


def _can_be(name: Any, version: Any) -> bool:
    if not (isinstance(name, str) and isinstance(version, str)):
        return False
    # Not every database takes NUL, and none a lone surrogate.
    if not version.isprintable() or len(version) > LONGEST_VERSION:
        return False
    return is_package_name(name)
