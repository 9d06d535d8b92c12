"""A project's git repository, kept here: cloned once, then fetched, and read without checkout."""

import logging
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from packistry.git.archive import folder_commit, write_archive
from packistry.git.bare import BareRepository, remove_folder
from packistry.git.connection import Connection, connect
from packistry.git.errors import CommitNotFound, Corrupt, TooLarge
from packistry.git.folders import Folders, folders_of
from packistry.git.lock import FileLock
from packistry.git.objects import REGULAR, Commit, ObjectReader, TreeEntry
from packistry.git.policy import GitPolicy
from packistry.git.reading import (
    decode_text,
    parts_of,
    readme_entry,
    refs_of,
)
from packistry.git.refs import Ref, RefusedRef
from packistry.git.remote import GitRemote
from packistry.git.transport import HEADS, Advertisement, Download, advertised, clone, fetch
from packistry.git.trees import Survey

log = logging.getLogger(__name__)

T = TypeVar("T")


class Mirror:
    """A bare mirror of the branches and tags of a remote, in the folder `path`.

    It is a cache: if it is gone or broken, `sync` and every read clone it anew. The folder beside
    it is used for the lock and for temporary files; it should be on the same disk and private.
    Every method raises GitError, with a reason that is safe to show. Threads may share a mirror:
    they share its lock, their archives run in parallel.
    """

    def __init__(self, path: Path, remote: GitRemote, policy: GitPolicy) -> None:
        self.path = path.absolute()
        self.remote = remote
        self.policy = policy
        self._bare = BareRepository(self.path, seconds=policy.timeout)
        self._lock = FileLock(self.path.with_name(f"{self.path.name}.lock"))
        self._writing = threading.RLock()
        self._reading = threading.RLock()
        self._reader: ObjectReader | None = None
        self._folders = Folders(self._commits, policy)
        self._has_healed = False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other holder of this mirror out, in this process and others. Raises Busy.

        Reads within it share one git process.
        """
        try:
            with self._lock.hold(self.policy.lock_timeout):
                yield
        finally:
            # After the release, so that a thread which saw the lock held has stored its reader.
            self._close_reader()

    def sync(self) -> None:
        """Make the mirror equal to the remote: clone or fetch it, or see that nothing changed."""
        with self._connected() as connection:
            found = advertised(connection)
            have = self._bare.refs()
            if have is None:
                self._clone(connection, found)
            elif have != found.refs:
                self._fetch(connection, found)
            self._bare.adopt(found)

    def refs(self) -> Iterator[Ref | RefusedRef]:
        """Branches, then tags, by name; those that cannot be a version with the reason."""

        def read() -> list[Ref | RefusedRef]:
            rows = self._bare.described_refs()
            if len(rows) > self.policy.max_refs:
                raise TooLarge(f"There are more than {self.policy.max_refs} branches and tags.")
            with self._objects() as reader:
                return list(refs_of(rows, reader))

        yield from self._healing(read)

    def default_branch(self) -> str | None:
        """The branch the remote's HEAD stood for at the last sync; None if it has none."""
        name = self._bare.head().removeprefix(HEADS)
        return name.decode("utf-8", "replace") or None

    def manifests(
        self, commits: Iterable[str], path: str = "composer.json"
    ) -> dict[str, bytes | None]:
        """The file at `path` in each of the commits; None where there is no regular file.

        A file above the policy's `max_manifest_bytes` comes cut one byte after that.
        Raises CommitNotFound.
        """
        wanted = list(dict.fromkeys(commits))

        def read() -> dict[str, bytes | None]:
            with self._objects() as reader:
                found = self._commits(reader, wanted)
                return self._files(reader, found, path, self.policy.max_manifest_bytes)

        return self._healing(read) if wanted else {}

    def file(self, commit: str, path: str) -> bytes | None:
        """One file of one commit, as `manifests` gives it."""
        return self.manifests([commit], path)[commit]

    def readme(self, commit: str, directory: str = "") -> str | None:
        """The text of the readme in a folder, cut at the policy's size; None: there is none."""

        def read() -> str | None:
            with self._objects() as reader:
                found = self._commits(reader, [commit])
                folder = folders_of(reader, found, directory).get(commit)
                if folder is None:
                    return None
                entry = next((readme_entry(rows) for _, rows in reader.trees([folder.tree])), None)
                if entry is None:
                    return None
                limit = self.policy.max_readme_bytes
                size = reader.headers([entry.id])[entry.id].size
                return decode_text(reader.blob(entry.id, size, limit)[:limit])

        return self._healing(read)

    @contextmanager
    def archive(self, commit: str, *, prefix: str, directory: str = "") -> Iterator[BinaryIO]:
        """A zip of a commit, or of one of its folders, below one top folder `prefix`.

        The same bytes for the same arguments, whenever asked. `export-ignore` is honoured.
        Raises CommitNotFound, UnsafeTree, TooLarge.
        """

        def read() -> BinaryIO:
            with self._objects() as reader:
                folder, survey = self._folders.look(reader, commit, directory)
            treeish = commit
            if folder.tree != folder.commit.tree:
                seconds = self.policy.timeout
                treeish = folder_commit(self._bare.git, folder.commit, folder.tree, seconds=seconds)
            return write_archive(
                self._bare.git,
                treeish,
                prefix=prefix,
                policy=self.policy,
                folder=self.path.parent,
                check=survey.is_doubtful or survey.climb > 0,
            )

        with self._healing(read) as stream:
            yield stream

    def expect(self, commits: Iterable[str], directory: str = "") -> None:
        """Archives of these are asked for next, about in this order: it makes them quicker."""
        with self._reading:
            self._folders.expect(commits, directory)

    def survey(self, commit: str, directory: str = "") -> Survey:
        """How many files, submodules and Git LFS pointers a commit's folder has.

        Raises CommitNotFound, UnsafeTree, TooLarge.
        """

        def read() -> Survey:
            with self._objects() as reader:
                return self._folders.look(reader, commit, directory)[1]

        return self._healing(read)

    def remove(self) -> None:
        """Delete the mirror and all that belongs to it."""
        with self.locked():
            self._remove_leftovers()
            self._bare.remove()
            self._lock.path.unlink(missing_ok=True)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """The remote, while this thread alone may write to the mirror."""
        with self.locked(), self._writing:
            self._remove_leftovers()
            with tempfile.TemporaryDirectory(
                prefix=f"{self.path.name}.tmp-", dir=self.path.parent, ignore_cleanup_errors=True
            ) as folder:
                # git children hold the lock too: if this process is killed, the next one waits
                # until they have ended.
                held = (self._lock.descriptor,)
                with connect(self.remote, self.policy, Path(folder), inherited=held) as connection:
                    yield connection

    def _remove_leftovers(self) -> None:
        for leftover in self.path.parent.glob(f"{self.path.name}.tmp-*"):
            remove_folder(leftover)

    def _clone(self, connection: Connection, found: Advertisement) -> None:
        """Replace the mirror by a new one, in one step."""
        new = BareRepository(connection.git.directory / "mirror.git", seconds=self.policy.timeout)
        if found.refs:
            self._download(clone, connection, new)
        else:
            new.create()
        new.adopt(found)
        self._close_reader()
        with self._reading:
            self._folders.forget()
        self._bare.remove()
        new.path.rename(self.path)

    def _fetch(self, connection: Connection, found: Advertisement) -> None:
        self._bare.sweep()
        try:
            self._download(fetch, connection, self._bare)
            self._bare.pack_refs()
            self._bare.merge_packs(self.policy.max_bytes)
        except Corrupt as error:
            log.warning("The mirror %s is broken and is cloned anew: %s", self.path.name, error)
            self._clone(connection, found)

    def _download(self, get: Download, connection: Connection, into: BareRepository) -> None:
        most = self.policy.max_bytes

        def watch() -> None:
            if into.pack_bytes() >= most:
                raise TooLarge(f"The repository is larger than {most} bytes.")

        try:
            get(connection, into.path, most, watch)
            watch()
        except Corrupt:
            # git does not say when the kernel stops it at the largest file it may write.
            watch()
            raise
        finally:
            into.sweep()

    def _healing(self, read: Callable[[], T]) -> T:
        """What `read` returns; once per mirror object, a broken mirror is cloned anew for it."""
        seen = self._identity()
        try:
            return read()
        except Corrupt as error:
            if self._has_healed:
                raise
            log.warning("The mirror %s cannot be read: %s", self.path.name, error)
        with self._connected() as connection:
            if self._identity() == seen:
                self._has_healed = True
                self._clone(connection, advertised(connection))
        return read()

    def _identity(self) -> int:
        """Which folder is there now, 0 for none; another after every clone."""
        try:
            return self.path.stat().st_ino
        except OSError:
            return 0

    @contextmanager
    def _objects(self) -> Iterator[ObjectReader]:
        if not self.path.is_dir():
            raise Corrupt("The mirror is not there.")
        with self._reading:
            reader = self._reader or ObjectReader(self._bare.git, seconds=self.policy.timeout)
            self._reader = reader if self._lock.is_held else None
            try:
                yield reader
            except BaseException:
                # An answer may be half read.
                reader.close()
                raise
            finally:
                if self._reader is None:
                    reader.close()

    def _close_reader(self) -> None:
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _commits(self, reader: ObjectReader, wanted: list[str]) -> dict[str, Commit]:
        found = reader.commits(wanted)
        missing = set(wanted) - found.keys()
        if missing:
            # Missing though a ref leads to it: the mirror is broken, and cloning it helps.
            rows = self._bare.described_refs()
            listed = {row[at].decode("ascii", "replace") for row in rows for at in (2, 5)}
            kind = Corrupt if missing & listed else CommitNotFound
            raise kind(f"The repository has no commit {min(missing)}.")
        return found

    def _files(
        self, reader: ObjectReader, commits: dict[str, Commit], path: str, limit: int
    ) -> dict[str, bytes | None]:
        parts = parts_of(path)
        if not parts:
            return dict.fromkeys(commits)
        entries = reader.resolve({c.tree for c in commits.values()}, parts)
        blobs = {e.id for e in entries.values() if e is not None and e.mode in REGULAR}
        headers = reader.headers(blobs)
        if blobs - headers.keys():
            raise Corrupt("A file is missing.")
        small = [oid for oid, header in headers.items() if header.size <= limit]
        data = dict(reader.contents(small, limit))
        for oid in blobs - data.keys():
            data[oid] = reader.blob(oid, headers[oid].size, limit)
        return {oid: _data_of(entries[c.tree], data) for oid, c in commits.items()}


def probe(remote: GitRemote, policy: GitPolicy) -> Advertisement:
    """Ask a remote for its refs without keeping anything. Raises GitError."""
    with (
        tempfile.TemporaryDirectory(prefix="packistry-") as folder,
        connect(remote, policy, Path(folder)) as connection,
    ):
        return advertised(connection)


def _data_of(entry: TreeEntry | None, data: dict[str, bytes]) -> bytes | None:
    return data.get(entry.id) if entry is not None and entry.mode in REGULAR else None
