"""A host of the tests as a real HTTP server: its API, and git with credentials."""

import base64
import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packistry.testing import HostRequest
from tests.client.git_server import Backend, answer_of, body_of
from tests.hosts.host import StatefulHost


@contextmanager
def serve(
    host: StatefulHost, repositories: Mapping[str, Path], *, sub_path: str = ""
) -> Iterator[str]:
    """The base URL of a server for the host's API and its bare repositories by "owner/name".

    `host.url` should be that URL and the path of its API: set it once you know the URL. What is
    not below a repository's ".git" is a request to the API.
    """

    class Serving(_Serving):
        api = host
        bare = {f"{sub_path}/{name}.git": (name, path) for name, path in repositories.items()}

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Serving)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{sub_path}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Serving(http.server.BaseHTTPRequestHandler):
    api: StatefulHost
    bare: Mapping[str, tuple[str, Path]]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        for prefix, (name, folder) in self.bare.items():
            if path == prefix or path.startswith(prefix + "/"):
                self._git(name, folder, path.removeprefix(prefix))
                return
        self._api()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, *_args: object) -> None:
        pass

    def _api(self) -> None:
        request = HostRequest(
            method=self.command,
            url=f"http://{self.headers['Host']}{self.path}",
            headers=dict(self.headers.items()),
            body=body_of(self),
        )
        self.api.requests.append(request)
        try:
            status, headers, body = self.api.answer(request)
        except AssertionError as error:
            # What the description does not allow shows in the plugin's words, and so in the test.
            status, headers, body = 418, {"Content-Type": "text/plain"}, str(error).encode()
        answer_of(self, status, body, headers)

    def _git(self, name: str, folder: Path, below: str) -> None:
        body = body_of(self)
        user, _, password = _basic(self.headers.get("Authorization", "")).partition(":")
        if not self.api.may_clone(user, password, name):
            status = 403 if user else 401
            answer_of(self, status, b"", {"WWW-Authenticate": 'Basic realm="git"'})
            return
        backend = Backend(root=folder.parent, path=f"/{folder.name}{below}")
        backend.serve(self, body)


def _basic(header: str) -> str:
    kind, _, value = header.partition(" ")
    return base64.b64decode(value).decode() if kind.lower() == "basic" else ""
