"""The storage `local`: a folder of this machine, or of one it mounts."""

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom, FileIO
from pathlib import Path
from typing import BinaryIO

from pydantic import Field, field_validator

from packistry.plugin import Config, InvalidKey, Storage, StorageConflict, Unavailable, check_key

# More would be memory that the kernel hands out anew for each piece.
_CHUNK = 64 * 1024
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# No key starts with a dot, so what is being written cannot be one.
_UNFINISHED = ".unfinished"
_ABANDONED = 24 * 3600


class LocalConfig(Config):
    """Where the files are."""

    path: Path = Field(title="Folder", description="An absolute path; made if it is missing.")

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        if not value.is_absolute():
            raise ValueError("must be an absolute path")
        return value


class Local(Storage[LocalConfig]):
    """One file a key, mode 0600 in folders of mode 0700.

    Every step of a path is opened relative to the one before and follows no link, so nothing
    outside the folder is read or written whatever is put into it. A file on this disk that has no
    name yet (packistry.scratch) is given one instead of being copied.
    """

    name = "local"
    title = "Local folder"
    Config = LocalConfig

    def put(self, key: str, stream: BinaryIO) -> None:
        check_key(key)
        *folders, name = key.split("/")
        with self._root(make=True) as root:
            unnamed = _unnamed(stream, root)
            if unnamed is not None:
                with _folder(root, folders, make=True) as folder:
                    if _adopt(unnamed, folder, name):
                        return
            self._copy(root, folders, name, stream)

    def _copy(self, root: int, folders: list[str], name: str, stream: BinaryIO) -> None:
        with _folder(root, [_UNFINISHED], make=True) as drafts:
            _sweep(drafts)
            draft = f"{int(time.time())}-{secrets.token_hex(16)}"
            file = os.open(draft, _NEW, 0o600, dir_fd=drafts)
            try:
                with os.fdopen(file, "w+b") as written:
                    shutil.copyfileobj(stream, written, _CHUNK)
                    written.flush()
                    os.fsync(written.fileno())
                    with _folder(root, folders, make=True) as folder:
                        _publish(drafts, draft, folder, name, written)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=drafts)

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        check_key(key)
        *folders, name = key.split("/")
        with self._root() as root, _folder(root, folders) as folder:
            file = _open_file(name, folder)
        # With a size, it need not be asked whether it is a terminal.
        with os.fdopen(file, "rb", _CHUNK) as stream:
            yield stream

    def exists(self, key: str) -> bool:
        try:
            with self.open(key):
                return True
        except FileNotFoundError:
            return False

    def delete(self, key: str) -> None:
        check_key(key)
        *folders, name = key.split("/")
        with suppress(FileNotFoundError), self._root() as root, _folder(root, folders) as folder:
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def keys(self, prefix: str = "") -> Iterator[str]:
        with suppress(FileNotFoundError), self._root() as root:
            yield from _walk(root, "", prefix)

    @contextmanager
    def _root(self, *, make: bool = False) -> Iterator[int]:
        path = self.config.path
        if make:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Links on the way to the folder are the operator's own choice.
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield root
        finally:
            os.close(root)


@contextmanager
def _folder(root: int, names: list[str], *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder below `root`. FileNotFoundError when it is none, or a link."""
    opened: list[int] = []
    folder = root
    try:
        for name in names:
            try:
                folder = _open_folder(name, folder, make=make)
            except FileNotFoundError:
                if not make:
                    raise
                _make_folder(name, folder)
                folder = _open_folder(name, folder, make=make)
            opened.append(folder)
        yield folder
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _make_folder(name: str, parent: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent)
        os.fsync(parent)


def _open_folder(name: str, parent: int, *, make: bool) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except OSError as error:
        # ENOTDIR and ELOOP: a file or a link stands where a folder should.
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        if make:
            raise InvalidKey("A folder of this key is a link or a file.") from error
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from error


def _open_file(name: str, folder: int) -> int:
    try:
        file = os.open(name, _READ | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    return file


def _unnamed(stream: BinaryIO, root: int) -> BufferedRandom | None:
    """The stream as a file that can become ours: whole, on the disk of `root`, without a name."""
    # No wrapper that gives other bytes than its file has.
    if type(stream) is not BufferedRandom or not isinstance(stream.raw, FileIO) or stream.tell():
        return None
    stream.flush()
    about = os.fstat(stream.fileno())
    fits = stat.S_ISREG(about.st_mode) and about.st_nlink == 0 and about.st_mode & 0o777 == 0o600
    ours = about.st_uid == os.geteuid() and about.st_dev == os.fstat(root).st_dev
    return stream if fits and ours else None


def _adopt(file: BufferedRandom, folder: int, name: str) -> bool:
    """Give a file without a name this one. False: the system does not do that."""
    os.fsync(file.fileno())
    try:
        # linkat(2): without the privilege that a descriptor alone would take.
        os.link(f"/proc/self/fd/{file.fileno()}", name, dst_dir_fd=folder)
    except FileExistsError:
        _compare(folder, name, file)
    except OSError:
        # A temporary file that must stay one, no /proc, a file system without links: copied, it
        # is kept all the same, or the reason is told.
        return False
    os.fsync(folder)
    return True


def _publish(drafts: int, draft: str, folder: int, name: str, written: BinaryIO) -> None:
    """Gives the finished file its name. A link, unlike a rename, never replaces what is there."""
    try:
        os.link(draft, name, src_dir_fd=drafts, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        _compare(folder, name, written)
    except OSError as error:
        words = f"The storage's file system cannot keep this ({error.strerror})."
        raise Unavailable(words) from error
    os.fsync(folder)


def _compare(folder: int, name: str, written: BinaryIO) -> None:
    try:
        file = _open_file(name, folder)
    except FileNotFoundError:
        raise InvalidKey("Something that is no file stands in this key's place.") from None
    with os.fdopen(file, "rb") as kept:
        written.seek(0)
        while True:
            ours, theirs = written.read(_CHUNK), kept.read(_CHUNK)
            if ours != theirs:
                raise StorageConflict("Other bytes are kept under this key already.")
            if not ours:
                return


def _sweep(drafts: int) -> None:
    """Removes what processes that were killed a day or more ago left unfinished."""
    oldest = time.time() - _ABANDONED
    for draft in os.listdir(drafts):
        started = draft.partition("-")[0]
        if started.isdecimal() and int(started) < oldest:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=drafts)


def _walk(folder: int, path: str, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        found = [(each.name, each.stat(follow_symlinks=False).st_mode) for each in entries]
    for name, mode in sorted(found):
        key = f"{path}{name}"
        if stat.S_ISREG(mode) and key.startswith(prefix):
            yield key
        # Only folders on the way to the prefix or below it; unfinished files are in none.
        on_the_way = key.startswith(prefix) or prefix.startswith(f"{key}/")
        if stat.S_ISDIR(mode) and on_the_way and not name.startswith("."):
            with suppress(FileNotFoundError), _folder(folder, [name]) as inner:
                yield from _walk(inner, f"{key}/", prefix)
