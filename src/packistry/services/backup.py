"""A copy of the SQLite database, made while others write into it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL

from packistry.errors import Conflict, NotFound, PackistryError

TOOLS = {"postgresql": "pg_dump", "mysql": "mariadb-dump", "mariadb": "mariadb-dump"}


class BackupFailed(PackistryError):
    """No copy was made, and nothing is left of the attempt."""


def back_up(url: URL, target: Path) -> int:
    """Copies the SQLite database at `url` into one file (0600), its size in bytes.

    It is the database of one moment, whatever is written meanwhile, and has its name only when it
    is whole and checked. Raises Conflict when the database has a tool of its own or `target` is
    there, NotFound when there is no database, and BackupFailed.
    """
    if url.get_backend_name() != "sqlite":
        tool = TOOLS.get(url.get_backend_name(), "its own tool")
        raise Conflict(
            f"This copies SQLite databases only: use {tool} for yours, as docs/operations.md says."
        )
    source = Path(url.database or "")
    if not source.is_file():
        raise NotFound(f"There is no database at {source} yet.")
    if target.exists():
        raise Conflict(f"There is something at {target} already. Name a file that is not there.")
    try:
        with _draft(target) as draft:
            _copy(source, draft)
            draft.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written: {error.strerror or error}.") from None
    except sqlite3.Error as error:
        raise BackupFailed(f"The database cannot be copied: {error}.") from None
    return target.stat().st_size


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A new, empty file beside `target` that only we can read; it goes unless it is renamed."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        yield draft
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _copy(source: Path, draft: Path) -> None:
    # "rw" makes no database where there is none, and can read one that nobody has open.
    read = sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)
    with closing(read), closing(sqlite3.connect(draft)) as written:
        # In one step, which is one transaction: writers go on in the write-ahead log.
        read.backup(written)
        # What was copied says that it has such a log; a backup is one file.
        written.execute("PRAGMA journal_mode=DELETE")
        (found,) = written.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise BackupFailed(f"The database is damaged ({found}). Restore an older backup.")
    _sync(draft)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
