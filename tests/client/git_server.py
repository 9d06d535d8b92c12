"""A git host on this machine: real `git http-backend` behind HTTP, with what hosts do to clients.

Start it with `with GitServer(root) as server:`; repositories below `root` are at
`server.url("name.git")`.
"""

import base64
import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


class GitServer:
    """Serves bare repositories over HTTP on a loopback address.

    `certificate`: of TLS, with its key in one file; without, it is plain HTTP.
    `username` and `password`: asked for by every request if given. `redirect`: every request is
    answered with a redirect to this base URL. `status` and `message`: every request is answered
    with them, as `content_type`. `delay` seconds pass before each answer. `seen` lists requests.
    While `holding`, none is answered.
    """

    def __init__(
        self,
        root: Path,
        *,
        host: str = "127.0.0.1",
        username: str = "",
        password: str = "",
        certificate: Path | None = None,
    ) -> None:
        self.root = root
        self.username = username
        self.password = password
        self.redirect = ""
        self.redirect_status = HTTPStatus.FOUND
        self.status: HTTPStatus | None = None
        self.message = b""
        self.content_type = "text/plain"
        self.stop = threading.Event()
        self.opened = threading.Event()
        self.opened.set()
        self.delay = 0.0
        self.seen: list[Seen] = []
        self._server = http.server.ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "https" if certificate else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.host = host
        self.port = int(self._server.server_address[1])

    def url(self, name: str, host: str = "") -> str:
        return f"{self._scheme}://{host or self.host}:{self.port}/{name}"

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Requests wait for the end of the block."""
        self.opened.clear()
        try:
            yield
        finally:
            self.opened.set()

    @contextmanager
    def locked(self, username: str, password: str) -> Iterator[None]:
        """Requests are asked for these until the end of the block."""
        before = self.username, self.password
        self.username, self.password = username, password
        try:
            yield
        finally:
            self.username, self.password = before

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        server = self

        class Handler(_Handler):
            git_server = server

        return Handler


class _Handler(http.server.BaseHTTPRequestHandler):
    git_server: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(body_of(self))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        pass

    def _serve(self, body: bytes) -> None:
        server = self.git_server
        headers = {name.lower(): value for name, value in self.headers.items()}
        server.seen.append(Seen(method=self.command, path=self.path, headers=headers))
        server.stop.wait(server.delay)
        server.opened.wait()
        if server.redirect:
            moved = {"Location": server.redirect + self.path}
            answer_of(self, server.redirect_status, b"", moved)
        elif server.password and not self._is_authorized():
            realm = {"WWW-Authenticate": 'Basic realm="git"'}
            answer_of(self, HTTPStatus.UNAUTHORIZED, b"", realm)
        elif server.status is not None:
            kind = {"Content-Type": server.content_type}
            answer_of(self, server.status, server.message, kind)
        else:
            Backend(root=server.root, path=urlsplit(self.path).path).serve(self, body)

    def _is_authorized(self) -> bool:
        server = self.git_server
        expected = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"


@dataclass(frozen=True, kw_only=True)
class Backend:
    """`git http-backend` for the repositories below `root`; `path` is that of the request."""

    root: Path
    path: str

    def serve(self, request: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        """Answers the request, whose body was read already."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": request.command,
            "PATH_INFO": self.path,
            "QUERY_STRING": urlsplit(request.path).query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        lines = (line.partition(": ") for line in head.decode("latin-1").split("\r\n"))
        fields = {name: value for name, _, value in lines}
        status = int(fields.pop("Status", "200").split()[0])
        answer_of(request, status, data, fields)


def body_of(request: http.server.BaseHTTPRequestHandler) -> bytes:
    """The request's body, which may come in chunks."""
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def answer_of(
    request: http.server.BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Answers the request."""
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
