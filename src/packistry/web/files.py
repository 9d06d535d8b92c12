"""A stored file as the body of an answer."""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

CHUNK = 64 * 1024
# Waitress asks for as much as the connection's buffer could ever take, each time it takes a little.
MOST_AT_ONCE = 256 * 1024


class FileBody:
    """So many bytes of a file, from somewhere on, in whatever way the server wants them.

    `opened` is entered here; `close` leaves it. Where it stands is kept here, and the file asked
    only when it is read: each system call lets other threads in between, which costs more.
    """

    def __init__(
        self, opened: AbstractContextManager[BinaryIO], *, start: int, length: int
    ) -> None:
        self._opened = opened
        self._stream = opened.__enter__()
        self._at, self._end = start, start + length
        self._stands_at = -1

    @property
    def descriptor(self) -> int | None:
        """The open file whose bytes these are; None when they come from elsewhere."""
        stream = self._stream
        # Whatever wraps a file has its `fileno`, though not its bytes.
        plain = isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO)
        return stream.fileno() if plain else None

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk

    def read(self, size: int = MOST_AT_ONCE) -> bytes:
        if self._stands_at != self._at:
            self._stream.seek(self._at)
        most = min(MOST_AT_ONCE, max(0, self._end - self._at))
        data = self._stream.read(most if size < 0 else min(size, most))
        self._at = self._stands_at = self._at + len(data)
        return data

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        self._at = origin + position
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._opened.__exit__(None, None, None)
