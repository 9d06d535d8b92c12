"""One application on Packistry's server: `python -m tests.bench.serve KIND PORT FOLDER URL`.

`bare` answers every request with the document `bare.json.gz` in the folder: what the server itself
costs. `kept` is Packistry, `unkept` Packistry without its cache, and `rebuilt` makes each document
anew from the rows of its versions.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from packistry.models import Channel, Package
from packistry.runtime import Runtime
from packistry.services.reads import Access, Reads
from packistry.web import answers
from packistry.web.application import make_app
from packistry.web.credentials import token_of
from packistry.web.front import CACHE_BYTES
from packistry.web.http import listen
from packistry.web.parts import WAITERS
from packistry.web.processes import Work, run
from tests.bench import data

MIB = 1024 * 1024
BARE = "bare.json.gz"
LAST_MODIFIED = "Sat, 09 Jul 2011 00:00:00 GMT"


class Bare:
    """Two comparisons, and bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._kept = [
            ("Cache-Control", answers.cache_control(public=False)),
            ("ETag", '"4e1799800-2520z"'),
            ("Last-Modified", LAST_MODIFIED),
            ("Vary", "Accept-Encoding, Authorization"),
        ]
        self._headers = [
            *self._kept,
            ("Content-Type", answers.JSON),
            ("Content-Length", str(len(body))),
            ("Content-Encoding", "gzip"),
        ]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ.get("HTTP_IF_MODIFIED_SINCE") == LAST_MODIFIED:
            start_response("304 Not Modified", self._kept[:])
            return []
        start_response("200 OK", self._headers[:])
        return [self._body]

    def close(self) -> None:
        pass


class Rebuilt:
    """Packistry as it would be if it kept rows and no documents."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._reads = Reads(runtime.engine)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        name = environ["PATH_INFO"].removeprefix("/p2/").removesuffix(".json")
        token = token_of(environ.get("HTTP_AUTHORIZATION"))
        found = self._reads.p2(token, "", name, Channel.STABLE)
        if found.reader.access is not Access.GRANTED:
            return answers.NOT_FOUND.send(environ, start_response)
        body = self._runtime.attempt(
            lambda services: services.documents.render_for(
                services.session.get_one(Package, found.package_id),
                Channel.STABLE,
                self._runtime.settings.base_url,
            )
        )
        answer = answers.document(body, found.modified, public=False, gzipped=True)
        return answer.send(environ, start_response)

    def close(self) -> None:
        self._reads.close()


KINDS: dict[str, Callable[[Runtime, Path], Work]] = {
    "bare": lambda _runtime, folder: Bare((folder / BARE).read_bytes()),
    "kept": lambda runtime, _folder: make_app(runtime, cache_bytes=CACHE_BYTES),
    "unkept": lambda runtime, _folder: make_app(runtime, cache_bytes=0),
    "rebuilt": lambda runtime, _folder: Rebuilt(runtime),
}


def main() -> None:
    kind, port, folder, url = sys.argv[1:]
    runtime = data.runtime(Path(folder), url)
    with listen("127.0.0.1", int(port)) as listening:
        run(
            lambda: KINDS[kind](runtime, Path(folder)),
            listening,
            threads=runtime.settings.threads + WAITERS,
            max_upload=MIB,
        )
    runtime.close()


if __name__ == "__main__":
    main()
