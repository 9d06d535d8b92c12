"""The style sheet, modules and icon: read once, under an address that changes when they do."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from pyramid.request import Request
from pyramid.response import Response

from packistry.web import answers
from packistry.web.errors import response

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, kw_only=True)
class File:
    """A file as it is served."""

    type: str
    content: bytes
    gzipped: bytes


@cache
def files() -> dict[str, File]:
    """All there are, by name."""
    return {
        path.name: File(
            type=f"{TYPES[path.suffix]}; charset=utf-8",
            content=(content := path.read_bytes()),
            gzipped=gzip.compress(content, 9, mtime=0),
        )
        for path in sorted(FOLDER.iterdir())
        if path.suffix in TYPES
    }


@cache
def fingerprint() -> str:
    """What distinguishes these files from those of another release."""
    digest = sha256()
    for name, file in files().items():
        digest.update(name.encode() + b"\0" + file.content)
    return digest.hexdigest()[:12]


def serve(request: Request) -> Response:
    """A file. Under the fingerprint of another release, as while one replaces the other: ours."""
    file = files().get(request.matchdict["name"])
    if file is None:
        return response(answers.NOT_FOUND)
    zipped = answers.accepts_gzip(request.headers.get("Accept-Encoding", ""))
    current = request.matchdict["fingerprint"] == fingerprint()
    headers = [
        ("Content-Type", file.type),
        ("Cache-Control", FOREVER if current else "no-cache"),
        ("Vary", "Accept-Encoding"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
    if zipped:
        headers.append(("Content-Encoding", "gzip"))
    body = file.gzipped if zipped else file.content
    return Response(headerlist=headers, body=body)


def robots(_request: Request) -> Response:
    """Nothing here is for a search engine."""
    return Response(
        headerlist=[("Content-Type", "text/plain; charset=utf-8")],
        body=b"User-agent: *\nDisallow: /\n",
    )
