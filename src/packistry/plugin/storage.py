"""The contract of a place dists are kept."""

import io
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import BinaryIO, ClassVar, Generic

from packistry.plugin import config as configuration
from packistry.plugin.config import C
from packistry.plugin.errors import InvalidKey, Unavailable

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)
_LONGEST_KEY = 512
_LONGEST_NAME = 200


def check_key(key: str) -> None:
    """Raises InvalidKey unless the key is safe everywhere.

    A key is up to 512 characters: names of up to 200 ASCII letters, digits, ".", "_", "-", none
    starting with a punctuation mark, between single slashes. `..`, "/x" and NUL never pass.
    """
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise InvalidKey("A storage key is names of letters, digits, . _ - between slashes.")
    if max(map(len, key.split("/"))) > _LONGEST_NAME:
        raise InvalidKey("A name in a storage key is longer than 200 characters.")


class Storage(ABC, Generic[C]):
    """Keeps immutable objects by key. One object serves an installation, from many threads.

    Every method that takes a key refuses, by `check_key`, one that breaks the rules. Sizes and
    checksums are core's business. Raises Unavailable when the place does not answer.
    """

    name: ClassVar[str]
    """What `PACKISTRY_STORAGE` says: lower-case letters, digits, "-"."""

    title: ClassVar[str]
    """What people call it."""

    Config: ClassVar[type[configuration.Config]]
    """What `PACKISTRY_STORAGE_OPTIONS` fills; `C` is the same class."""

    def __init__(self, config: C) -> None:
        self.config = config

    @abstractmethod
    def put(self, key: str, stream: BinaryIO) -> None:
        """Keeps what is read from the stream, all of it or nothing, and on disk when it returns.

        Written once: the same bytes again are fine, other bytes raise StorageConflict and change
        nothing. An exception of the stream passes through and leaves nothing.
        """

    @abstractmethod
    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The object as a seekable stream. FileNotFoundError when there is none."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Forgets the object. It is fine if it is absent."""

    @abstractmethod
    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with these characters, in any order, lazily."""

    def url(self, key: str, *, expires: timedelta) -> str | None:
        """A link to this object alone that dies after `expires`; None: stream it yourself."""
        check_key(key)
        return None

    def check(self) -> None:
        """Raises Unavailable when an object cannot be written, read back and deleted."""
        key, probe = f"check/{secrets.token_hex(16)}", secrets.token_bytes(64)
        try:
            self.put(key, io.BytesIO(probe))
            with self.open(key) as stream:
                same = stream.read() == probe
            self.delete(key)
        except OSError as error:
            raise Unavailable(f"The storage does not work: {error.strerror or error}.") from error
        if not same or self.exists(key):
            raise Unavailable("The storage does not give back or delete what was put.")
