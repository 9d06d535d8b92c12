"""Waitress, with the faults cured that cost `composer` connections and time.

Stock Waitress closes the connection after each 304 and 204, because they have no Content-Length,
and sends an answer's headers and its body in two pieces.
"""

import logging
import os
import socket
import time
from collections.abc import Sequence
from typing import Any

from waitress.adjustments import Adjustments
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask
from waitress.utilities import RequestEntityTooLarge, queue_logger

from packistry.web.files import FileBody

MIB = 1024 * 1024
MAX_HEADERS = 64 * 1024
MAX_BODY = MIB
# What GitHub and GitLab send at most.
MAX_DELIVERY = 25 * MIB
CONNECTIONS = 1000
BACKLOG = 1024


class _Held:
    """A channel that keeps what is written to it."""

    def __init__(self, channel: Any) -> None:
        self.server = channel.server
        self.parts: list[bytes] = []

    def write_soon(self, data: bytes) -> int:
        self.parts.append(data)
        return len(data)


class Task(WSGITask):  # type: ignore[misc]  # Waitress has no types
    """Keeps the connection after an answer that has no body by its nature."""

    channel: Any

    def set_close_on_finish(self) -> None:
        asked = self.request.headers.get("CONNECTION", "").lower()
        # Only what HTTP/1.1 defines as ended by its headers: no answer with a body comes here.
        if self.complete and not self.has_body and self.version == "1.1" and asked != "close":
            return
        super().set_close_on_finish()

    def write(self, data: bytes) -> None:
        """Headers and the first of the body go out as one piece."""
        if self.wrote_header or not data:
            super().write(data)
            return
        channel, held = self.channel, _Held(self.channel)
        self.channel = held
        try:
            super().write(data)
        finally:
            self.channel = channel
        channel.write_soon(b"".join(held.parts))


class Parser(HTTPRequestParser):  # type: ignore[misc]  # Waitress has no types
    """Refuses a body that its address has no use for, before it is received."""

    error: Any

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.error is None and self.body_rcv is not None:
            limit = self._limit()
            size = max(self.content_length, self.body_bytes_received)
            if limit is not None and size > limit:
                self.error = RequestEntityTooLarge(f"exceeds max_body of {limit}")
                self.completed = True
        return consumed

    def _limit(self) -> int | None:
        """None for an upload, to {repo}/{vendor}/{name}, which has a limit of its own."""
        segments = [segment for segment in self.path.split("/") if segment]
        if self.command != "POST":
            return MAX_BODY
        if is_delivery(segments):
            # The view tells of what is a little larger.
            return MAX_DELIVERY + MIB
        return None if len(segments) in (2, 4) else MAX_BODY


def is_delivery(segments: Sequence[str]) -> bool:
    """Whether a path is {repo}/incoming/{provider}/{source}[/{key}], perhaps below a prefix."""
    places = [len(segments) - 3, len(segments) - 4]
    # A repository may be called so: /r/incoming/{vendor}/{name} takes uploads.
    return any(
        place >= 0 and segments[place] == "incoming" and (place == 0 or segments[place - 1] != "r")
        for place in places
    )


class Channel(HTTPChannel):  # type: ignore[misc]  # Waitress has no types
    """A connection whose requests are our tasks, and which sends at once what it can.

    Stock Waitress puts all into buffers first, and reads files into them.
    """

    task_class = Task
    parser_class = Parser

    def write_soon(self, data: Any) -> int:
        size = len(data)
        sent = 0
        with self.outbuf_lock:
            # Nothing may overtake what waits already.
            if self.connected and size and not self.total_outbufs_len:
                sent = self._sent(data)
        if sent < size or not size:
            is_file = isinstance(data, ReadOnlyFileBasedBuffer)
            super().write_soon(data if is_file else data[sent:])
        elif isinstance(data, ReadOnlyFileBasedBuffer):
            data.close()
        return size

    def _sent(self, data: Any) -> int:
        """How many bytes the connection took; of a file, those are skipped."""
        if not isinstance(data, ReadOnlyFileBasedBuffer):
            sent: int = self.send(data, do_close=False)
        else:
            sent = self._sent_of_file(data)
        if sent:
            self.last_activity = time.time()
        return sent

    def _sent_of_file(self, data: Any) -> int:
        descriptor = data.file.descriptor if isinstance(data.file, FileBody) else None
        if descriptor is None:
            return 0
        try:
            sent = os.sendfile(self.socket.fileno(), descriptor, data.file.tell(), data.remain)
        except OSError:
            # It takes nothing now, or is gone: sending it the other way says which.
            return 0
        data.skip(sent)
        return sent


class Server(TcpWSGIServer):  # type: ignore[misc]  # Waitress has no types
    """A Waitress on a socket that listens already. `run` returns after SystemExit."""

    channel_class = Channel


def make_server(
    application: Any, listening: socket.socket, *, threads: int, max_upload: int
) -> Server:
    """A server for an application; uploads may have `max_upload` bytes."""
    adjustments = Adjustments(
        sockets=[listening],
        threads=threads,
        ident=None,
        backlog=BACKLOG,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        channel_request_lookahead=0,
        max_request_header_size=MAX_HEADERS,
        max_request_body_size=max_upload + 2 * MIB,
        # `web.proxies` does this, for networks.
        clear_untrusted_proxy_headers=False,
    )
    # Stock Waitress warns of each request that finds all threads at work.
    queue_logger.setLevel(logging.ERROR)
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(threads)
    return Server(
        application,
        {},
        True,
        listening,
        dispatcher=dispatcher,
        adj=adjustments,
        sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
        bind_socket=False,
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        # Of several processes that are woken, one gets the connection: the others must not wait.
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
