"""A proxy in front of the server that writes down what the client asked and what it was told."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Exchange:
    method: str
    path: str
    status: int
    conditional: bool
    connection: int


@dataclass
class Recorder:
    """The exchanges so far, and the port to talk to."""

    port: int
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self) -> list[Exchange]:
        taken, self.exchanges = self.exchanges, []
        return taken


@contextmanager
def recording(target: int) -> Iterator[Recorder]:
    """Records what passes to the server on port `target`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_arguments: Any) -> None:
            pass

        def relay(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length) if length else None
            upstream = http.client.HTTPConnection("127.0.0.1", target, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            data = answer.read()
            # Written down before it is sent: who has the answer finds it in the record.
            recorder.exchanges.append(
                Exchange(
                    method=self.command,
                    path=self.path,
                    status=answer.status,
                    conditional="If-Modified-Since" in self.headers,
                    connection=id(self.connection),
                )
            )
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            if answer.status not in (204, 304):
                sent = answer.headers.get("Content-Length") if self.command == "HEAD" else None
                self.send_header("Content-Length", sent or str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            upstream.close()

        do_GET = do_POST = do_HEAD = relay

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorder = Recorder(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
