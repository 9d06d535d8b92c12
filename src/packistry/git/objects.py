"""Reading commits, trees and blobs of a bare repository through one `cat-file` process.

Only object ids ever go in: names are looked up here, in trees that were read, so that no name a
stranger chose becomes part of a request.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

from packistry.git.command import Git
from packistry.git.errors import Corrupt, TooLarge
from packistry.git.process import Limits, Process

DIRECTORY = b"40000"
LINK = b"120000"
SUBMODULE = b"160000"
REGULAR = frozenset({b"100644", b"100755"})

MAX_COMMIT = 4 * 1024 * 1024
MAX_TREE = 16 * 1024 * 1024
MAX_TAGS_IN_A_ROW = 8

# A pipe takes at least 4096 bytes at once: more requests than that could block both sides.
AT_ONCE = 50
SHA1_BYTES = 20

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ENTRY = re.compile(rb"(\d+) ([^\0]*)\0(.{20})", re.DOTALL)
_ENTRY_SHA256 = re.compile(rb"(\d+) ([^\0]*)\0(.{32})", re.DOTALL)
_TIME = re.compile(rb"^author .*> (-?\d+)", re.MULTILINE)
_COMMITTED = re.compile(rb"^committer .*> (-?\d+)", re.MULTILINE)
_TAGGED = re.compile(rb"object ([0-9a-f]+)\ntype (\w+)\n")


# Named tuples, because an import makes millions of them.
class Header(NamedTuple):
    """What kind of object an id is, and its size in bytes."""

    kind: bytes
    size: int


class TreeEntry(NamedTuple):
    """One line of a tree; `mode` is octal as git stores it (`40000`, `100644`, `120000`…)."""

    mode: bytes
    name: bytes
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit's tree, and its author and committer times in seconds since 1970."""

    id: str
    tree: str
    authored: int
    committed: int


def is_object_id(text: str) -> bool:
    """Whether text is a full object id: 40 or 64 lower-case hexadecimal digits."""
    return _OBJECT_ID.fullmatch(text) is not None


class ObjectReader:
    """Objects by id. Each method raises Corrupt if the repository cannot be read, TimedOut.

    Not for two threads at once.
    """

    def __init__(self, git: Git, *, seconds: float) -> None:
        self._git = git
        self._seconds = seconds
        self._process: Process | None = None
        self._buffer = b""
        self._at = 0
        self._extended = 0.0

    def headers(self, ids: Iterable[str]) -> dict[str, Header]:
        """The kinds and sizes of objects; an id that is no object is left out."""
        found: dict[str, Header] = {}
        for batch in _batches(ids):
            self._send("info", batch)
            for oid, line in zip(batch, self._lines(len(batch)), strict=True):
                header = _header(oid, line)
                if header is not None:
                    found[oid] = header
        return found

    def contents(self, ids: Iterable[str], limit: int) -> Iterator[tuple[str, bytes]]:
        """The bytes of objects that exist. Raises TooLarge for one above the limit."""
        for oid, header, data in self._objects(ids, limit):
            if header is None:
                raise Corrupt(f"The object {oid} is missing.")
            yield oid, data

    def commits(self, ids: Iterable[str]) -> dict[str, Commit]:
        """Commits by id; an id that is no commit is left out."""
        wanted = (oid for oid in ids if is_object_id(oid))
        return {
            oid: _commit(oid, data)
            for oid, header, data in self._objects(wanted, MAX_COMMIT)
            if header is not None and header.kind == b"commit"
        }

    def trees(self, ids: Iterable[str]) -> Iterator[tuple[str, list[TreeEntry]]]:
        """The entries of trees. Raises TooLarge for a tree of more than 16 MiB."""
        for oid, header, data in self._objects(ids, MAX_TREE):
            if header is None or header.kind != b"tree":
                raise Corrupt(f"The object {oid} is no tree.")
            yield oid, _entries(data, len(oid) // 2)

    def resolve(self, trees: Iterable[str], path: Sequence[bytes]) -> dict[str, TreeEntry | None]:
        """What each tree has at a path: never through a symbolic link, None if nothing."""
        here = {tree: TreeEntry(DIRECTORY, b"", tree) for tree in trees}
        found: dict[str, TreeEntry | None] = dict(here)
        for name in path:
            wanted = {e.id for e in found.values() if e is not None and e.mode == DIRECTORY}
            below: dict[str, TreeEntry | None] = {}
            for oid, entries in self.trees(wanted):
                below[oid] = next((entry for entry in entries if entry.name == name), None)
            found = {
                tree: below.get(e.id) if e is not None and e.mode == DIRECTORY else None
                for tree, e in found.items()
            }
        return found

    def blob(self, oid: str, size: int, limit: int) -> bytes:
        """A blob of `size` bytes; of one above the limit only the first `limit` + 1 bytes."""
        if size <= limit:
            return next(data for _, data in self.contents([oid], size))
        limits = Limits(seconds=self._seconds, file_bytes=0)
        data = b""
        with self._git.start(["cat-file", "blob", oid], limits) as process:
            for piece in process.chunks():
                data += piece
                if len(data) > limit:
                    break
        return data[: limit + 1]

    def peel(self, oid: str) -> Commit | None:
        """The commit a tag object leads to, through tags of tags; None if it is something else."""
        for _ in range(MAX_TAGS_IN_A_ROW):
            header = self.headers([oid]).get(oid)
            if header is None or header.size > MAX_COMMIT:
                return None
            if header.kind == b"commit":
                return self.commits([oid]).get(oid)
            if header.kind != b"tag":
                return None
            tagged = _TAGGED.match(self.blob(oid, header.size, MAX_COMMIT))
            if tagged is None:
                return None
            oid = tagged[1].decode("ascii")
        return None

    def close(self) -> None:
        """End the process; the reader can be used again and starts another."""
        if self._process is not None:
            self._process.close()
            self._process = None
        self._buffer = b""
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, command: str, ids: Sequence[str]) -> None:
        now = time.monotonic()
        if self._process is None:
            limits = Limits(seconds=self._seconds, file_bytes=0)
            self._process = self._git.start(
                ["cat-file", "--batch-command"], limits, interactive=True
            )
        elif now > self._extended + 1:
            self._process.extend(self._seconds)
            self._extended = now
        try:
            self._process.send("".join(f"{command} {oid}\n" for oid in ids).encode("ascii"))
        except BrokenPipeError as error:
            raise self._broken() from error

    def _objects(
        self, ids: Iterable[str], limit: int
    ) -> Iterator[tuple[str, Header | None, bytes]]:
        for batch in _batches(ids):
            self._send("contents", batch)
            for oid in batch:
                header = _header(oid, self._line())
                if header is None:
                    yield oid, None, b""
                    continue
                if header.size > limit:
                    self.close()
                    raise TooLarge(f"The object {oid} is larger than {limit} bytes.")
                yield oid, header, self._exactly(header.size)

    def _lines(self, count: int) -> list[bytes]:
        while self._buffer.count(b"\n", self._at) < count:
            self._more()
        *lines, rest = self._buffer[self._at :].split(b"\n", count)
        self._buffer, self._at = rest, 0
        return lines

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            self._more()
        line = self._buffer[self._at : end]
        self._at = end + 1
        return line

    def _exactly(self, size: int) -> bytes:
        """The bytes of one object; a line break follows them."""
        have = len(self._buffer) - self._at
        if have <= size:
            pieces = [self._buffer[self._at :]]
            while have <= size:
                pieces.append(self._receive())
                have += len(pieces[-1])
            self._buffer, self._at = b"".join(pieces), 0
        data = self._buffer[self._at : self._at + size]
        self._at += size + 1
        return data

    def _more(self) -> None:
        self._buffer = self._buffer[self._at :] + self._receive()
        self._at = 0

    def _receive(self) -> bytes:
        piece = self._process.receive() if self._process else b""
        if not piece:
            raise self._broken()
        return piece

    def _broken(self) -> Corrupt:
        said = self._process.stderr if self._process else ""
        return Corrupt(f"The mirror cannot be read.\n{said}")


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch


def _header(oid: str, line: bytes) -> Header | None:
    found = line.split(b" ")
    if found[0] != oid.encode("ascii"):
        raise Corrupt("git answered something else than it was asked.")
    return Header(found[1], int(found[2])) if len(found) == 3 else None


def _commit(oid: str, data: bytes) -> Commit:
    tree = data[5 : data.find(b"\n")].decode("ascii", "replace")
    head = data.partition(b"\n\n")[0]
    if not data.startswith(b"tree ") or not is_object_id(tree):
        raise Corrupt(f"The commit {oid} has no tree.")
    return Commit(
        id=oid, tree=tree, authored=_seconds(_TIME, head), committed=_seconds(_COMMITTED, head)
    )


def _seconds(pattern: re.Pattern[bytes], head: bytes) -> int:
    found = pattern.search(head)
    return int(found[1][:20]) if found else 0


def _entries(data: bytes, id_size: int) -> list[TreeEntry]:
    pattern = _ENTRY if id_size == SHA1_BYTES else _ENTRY_SHA256
    found: list[tuple[bytes, bytes, bytes]] = pattern.findall(data)
    if not found and not data:
        return []
    modes, names, ids = zip(*found, strict=True) if found else ((), (), ())
    if sum(map(len, modes)) + sum(map(len, names)) + len(found) * (2 + id_size) != len(data):
        raise Corrupt("A tree cannot be read.")
    if any(mode.startswith(b"0") for mode in set(modes)):
        modes = tuple(mode.lstrip(b"0") for mode in modes)
    rows = zip(modes, names, map(bytes.hex, ids), strict=True)
    # As calls of TreeEntry, without one in Python for each: there are millions.
    return list(map(partial(tuple.__new__, TreeEntry), rows))
