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

    `opened` is entered here; `close` leaves it.
    """

    def __init__(
        self, opened: AbstractContextManager[BinaryIO], *, start: int, length: int
    ) -> None:
        self._opened = opened
        self._stream = opened.__enter__()
        self._stream.seek(start)
        self._left = length

    @property
    def descriptor(self) -> int | None:
        """The open file whose bytes these are; None when they come from elsewhere."""
        stream = self._stream
        # Whatever wraps a file has its `fileno`, though not its bytes.
        plain = isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO)
        return stream.fileno() if plain else None

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0 and (chunk := self._stream.read(min(CHUNK, self._left))):
            self._left -= len(chunk)
            yield chunk

    def read(self, size: int = MOST_AT_ONCE) -> bytes:
        return self._stream.read(min(size, MOST_AT_ONCE))

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._opened.__exit__(None, None, None)
