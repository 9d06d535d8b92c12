"""A server in a thread of this process, and clients that say exactly what a test wants."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import waitress

from packistry.web.http import listen, make_server


@contextmanager
def serving(
    application: Any, *, threads: int = 4, max_upload: int = 10_000_000, tuned: bool = True
) -> Iterator[int]:
    """The port of the server; `tuned` False serves with Waitress as it comes."""
    with listen("127.0.0.1", 0) as listening:
        port: int = listening.getsockname()[1]
        if tuned:
            server = make_server(application, listening, threads=threads, max_upload=max_upload)
        else:
            server = waitress.create_server(application, sockets=[listening], threads=threads)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield port
        finally:
            server.task_dispatcher.shutdown()
            for channel in list(server.active_channels.values()):
                channel.will_close = True
            server.pull_trigger()
            deadline = time.monotonic() + 5
            while server.active_channels and time.monotonic() < deadline:
                time.sleep(0.01)
            server.accepting = False
            server.close()
            thread.join(5)


def exchange(port: int, sent: bytes, *, seconds: float = 5) -> bytes:
    """All that is answered until the server closes; what came when it does not close in time."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        client.sendall(sent)
        try:
            while chunk := client.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionResetError):
            pass
    return received
