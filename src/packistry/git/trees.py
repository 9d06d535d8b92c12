"""What a tree would become as a package, known without unpacking it.

Each distinct tree is read once and summed up, so that 84 KB of nested trees that would expand to
a million files cost as little as 84 KB of others, and the next commit costs what it changed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from packistry.git.errors import Corrupt, TooLarge, UnsafeTree
from packistry.git.objects import DIRECTORY, LINK, REGULAR, SUBMODULE, ObjectReader, TreeEntry
from packistry.git.policy import GitPolicy

MAX_DEPTH = 64
MAX_LINK = 4096
# Each takes most of a kilobyte; a commit seldom changes a hundredth of them.
MAX_KNOWN = 20_000
# Entries of trees in memory at once, unless one commit alone has more.
MAX_LEARNED = 20_000

_OTHER_FILES = frozenset({b"100664", b"100600", b"100640", b"100660", b"100666"})
_USUAL = REGULAR | _OTHER_FILES | {LINK}
_WITHOUT_BYTES = frozenset({DIRECTORY, SUBMODULE})
_POINTER_SIZES = range(100, 400)
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
# Over names joined by slashes, which none may hold.
_DOUBTFUL_NAME = re.compile(
    rb"[\x00-\x1f\x7f\\]|(?:^|/)(?:\.{0,2}|\.git|git~\d+|[A-Z]:[^/]*)(?:/|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A tree summed up. `size` is in bytes, `climb` how many folders above it a link may reach.

    `is_doubtful`: it holds a name, mode or link that must be looked at in the finished archive.
    `pointers` are files kept in Git LFS, `submodules` empty folders in a dist.
    """

    files: int = 0
    size: int = 0
    height: int = 1
    climb: int = 0
    is_doubtful: bool = False
    submodules: int = 0
    pointers: int = 0


_A_SUBMODULE = Survey(files=1, submodules=1)


class Surveyor:
    """Surveys trees of one repository, remembering each. Not for two threads at once."""

    def __init__(self, policy: GitPolicy) -> None:
        self._policy = policy
        self._known: dict[str, Survey] = {}
        self._blobs = _Blobs()

    def learn(self, reader: ObjectReader, trees: Collection[str]) -> bool:
        """Read what `survey` needs of these trees, asking git as often as for one of them.

        False: together they are too much, or one is at fault; `survey` says which.
        """
        self._forget()
        new = {tree for tree in trees if tree not in self._known}
        try:
            self._read(reader, new, MAX_LEARNED)
        except (TooLarge, UnsafeTree):
            # Its answer may be half read.
            reader.close()
            return False
        return True

    def survey(self, reader: ObjectReader, tree: str) -> Survey:
        """Sum up a tree. Raises TooLarge, UnsafeTree (too deep), Corrupt."""
        if tree not in self._known:
            self._forget()
            self._read(reader, {tree}, 2 * self._policy.max_files + MAX_DEPTH)
        found = self._known[tree]
        if found.files > self._policy.max_files:
            raise TooLarge(f"There are too many files: more than {self._policy.max_files}.")
        if found.size > self._policy.max_archive_bytes:
            raise TooLarge(
                f"The files are too large: more than {self._policy.max_archive_bytes} bytes."
            )
        return found

    def _forget(self) -> None:
        if len(self._known) + len(self._blobs) > MAX_KNOWN:
            self._known.clear()
            self._blobs = _Blobs()

    def _read(self, reader: ObjectReader, roots: set[str], most: int) -> None:
        trees = self._load(reader, roots, most)
        self._blobs.read(reader, trees)
        for root in roots:
            self._sum(root, trees)

    def _load(
        self, reader: ObjectReader, roots: set[str], entries_left: int
    ) -> dict[str, list[TreeEntry]]:
        loaded: dict[str, list[TreeEntry]] = {}
        frontier = roots
        for _ in range(MAX_DEPTH):
            for oid, entries in reader.trees(frontier):
                loaded[oid] = entries
                entries_left -= len(entries)
                if entries_left < 0:
                    raise TooLarge("There are too many files and folders.")
            frontier = {
                entry.id
                for oid in frontier
                for entry in loaded.get(oid, ())
                if entry.mode == DIRECTORY
            } - self._known.keys()
            frontier -= loaded.keys()
            if not frontier:
                return loaded
        raise _too_deep()

    def _sum(self, oid: str, trees: Mapping[str, list[TreeEntry]], depth: int = 1) -> Survey:
        known = self._known.get(oid)
        if known is not None:
            return known
        if oid not in trees:
            raise Corrupt(f"The tree {oid} is missing.")
        if depth > MAX_DEPTH:
            raise _too_deep()
        total = _Total(trees[oid])
        sizes = self._blobs.sizes
        for entry in trees[oid]:
            mode, _, part = entry
            size = sizes.get(part)
            if size is not None and mode in REGULAR:
                total.size += size
            elif mode == DIRECTORY:
                total.add(self._sum(part, trees, depth + 1), below=1)
            else:
                total.add(self._blobs.survey(entry))
        found = total.survey()
        if found.height > MAX_DEPTH:
            raise _too_deep()
        self._known[oid] = found
        return found


class _Total:
    """A tree being summed up. Its ordinary files are counted, and their sizes are left to add."""

    def __init__(self, entries: Sequence[TreeEntry]) -> None:
        names = b"/".join([entry.name for entry in entries])
        self.size = 0
        self._files = len(entries)
        self._height = 1
        self._climb = 0
        self._doubtful = bool(entries and _DOUBTFUL_NAME.search(names)) or names.count(b"/") > max(
            0, len(entries) - 1
        )
        self._submodules = 0
        self._pointers = 0

    def add(self, part: Survey, below: int = 0) -> None:
        """One entry that is more than bytes; a folder's are one level `below`."""
        self.size += part.size
        self._files += part.files - 1
        self._height = max(self._height, part.height + below)
        self._climb = max(self._climb, part.climb - below)
        self._doubtful = self._doubtful or part.is_doubtful
        self._submodules += part.submodules
        self._pointers += part.pointers

    def survey(self) -> Survey:
        return Survey(
            files=self._files,
            size=self.size,
            height=self._height,
            climb=self._climb,
            is_doubtful=self._doubtful,
            submodules=self._submodules,
            pointers=self._pointers,
        )


class _Blobs:
    """What the files of the trees read so far add to a survey, by object id.

    `sizes` are those of all but Git LFS pointers: an import reads very many of them.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self._pointers: dict[str, int] = {}
        self._links: dict[str, Survey] = {}

    def __len__(self) -> int:
        return len(self.sizes) + len(self._pointers) + len(self._links)

    def read(self, reader: ObjectReader, trees: Mapping[str, list[TreeEntry]]) -> None:
        """Learn the files of some trees that are not known yet. Raises Corrupt, TimedOut."""
        files: set[str] = set()
        links: set[str] = set()
        for entries in trees.values():
            for mode, _, oid in entries:
                if mode == LINK:
                    links.add(oid)
                elif mode not in _WITHOUT_BYTES:
                    files.add(oid)
        self._read_files(reader, files - self.sizes.keys() - self._pointers.keys())
        self._read_links(reader, links - self._links.keys())

    def survey(self, entry: TreeEntry) -> Survey:
        """An entry that is no folder."""
        if entry.mode == SUBMODULE:
            return _A_SUBMODULE
        found = self._links.get(entry.id) if entry.mode == LINK else self._file(entry)
        if found is None:
            raise Corrupt(f"The file {entry.id} is missing.")
        return found

    def _file(self, entry: TreeEntry) -> Survey | None:
        doubtful = entry.mode not in _USUAL
        if (size := self._pointers.get(entry.id)) is not None:
            return Survey(files=1, size=size, is_doubtful=doubtful, pointers=1)
        if (size := self.sizes.get(entry.id)) is not None:
            return Survey(files=1, size=size, is_doubtful=doubtful)
        return None

    def _read_files(self, reader: ObjectReader, ids: set[str]) -> None:
        sizes = {oid: header.size for oid, header in reader.headers(ids).items()}
        small = [oid for oid, size in sizes.items() if size in _POINTER_SIZES]
        for oid, data in reader.contents(small, MAX_LINK):
            if data.startswith(_POINTER):
                self._pointers[oid] = sizes.pop(oid)
        self.sizes |= sizes

    def _read_links(self, reader: ObjectReader, ids: set[str]) -> None:
        sizes = {oid: header.size for oid, header in reader.headers(ids).items()}
        for oid, size in sizes.items():
            self._links[oid] = Survey(files=1, size=size, is_doubtful=True)
        short = [oid for oid, size in sizes.items() if size <= MAX_LINK]
        for oid, target in reader.contents(short, MAX_LINK):
            above = climb(target)
            if above is not None:
                self._links[oid] = Survey(files=1, size=len(target), climb=above)


def climb(target: bytes) -> int | None:
    """How many folders a link's target goes up before it goes down.

    None if that cannot be said without following it: absolute, or up again after going down.
    """
    parts = [part for part in target.split(b"/") if part not in {b"", b"."}]
    up = 0
    while up < len(parts) and parts[up] == b"..":
        up += 1
    if target.startswith(b"/") or b".." in parts[up:]:
        return None
    if _DOUBTFUL_NAME.search(b"/".join(parts[up:]) or b"name"):
        return None
    return up


def _too_deep() -> UnsafeTree:
    return UnsafeTree(f"The folders are nested deeper than {MAX_DEPTH} levels.")
