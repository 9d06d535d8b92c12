import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from packistry.errors import Conflict, NotFound
from packistry.services.backup import BackupFailed, back_up


@pytest.fixture
def live(tmp_path):
    """A database with a write-ahead log, in which something is kept open."""
    path = tmp_path / "live.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE pairs (id INTEGER PRIMARY KEY, half TEXT)")
    connection.commit()
    yield path
    connection.close()


def url(path: Path) -> URL:
    return make_url(f"sqlite:///{path}")


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute("SELECT count(*) FROM pairs").fetchone()[0]
    return found


def test_a_copy_is_of_one_moment_whatever_is_written_meanwhile(live, tmp_path):
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(live, timeout=30)) as connection:
            while not stop.is_set():
                with connection:
                    connection.execute("INSERT INTO pairs (half) VALUES ('one')")
                    connection.execute("INSERT INTO pairs (half) VALUES ('other')")
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        counts = []
        for number in range(5):
            back_up(url(live), tmp_path / f"{number}")
            counts.append(rows(tmp_path / f"{number}"))
    finally:
        stop.set()
        writer.join()
    assert counts[0] > 0
    assert [count % 2 for count in counts] == [0] * 5


def test_a_copy_is_one_file_that_only_its_owner_can_read(live, tmp_path):
    folder = tmp_path / "backup"
    folder.mkdir()
    size = back_up(url(live), folder / "copy")
    assert rows(folder / "copy") == 0
    assert [each.name for each in folder.iterdir()] == ["copy"]
    assert size == (folder / "copy").stat().st_size
    assert stat.S_IMODE((folder / "copy").stat().st_mode) == 0o600


def test_what_is_there_is_not_overwritten(live, tmp_path):
    (tmp_path / "copy").write_text("older")
    with pytest.raises(Conflict, match="already"):
        back_up(url(live), tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "older"


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(NotFound):
        back_up(url(tmp_path / "none"), tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_leaves_no_copy(tmp_path):
    (tmp_path / "live.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(BackupFailed):
        back_up(url(tmp_path / "live.sqlite"), tmp_path / "copy")
    assert [each.name for each in tmp_path.iterdir()] == ["live.sqlite"]


def test_a_folder_that_is_not_there_is_one_sentence(live, tmp_path):
    with pytest.raises(BackupFailed, match="cannot be written: No such file or directory"):
        back_up(url(live), tmp_path / "none" / "copy")


@pytest.mark.parametrize(
    ("address", "tool"),
    [("postgresql+psycopg://db/x", "pg_dump"), ("mysql+pymysql://db/x", "mariadb-dump")],
)
def test_another_database_is_copied_by_its_own_tool(tmp_path, address, tool):
    with pytest.raises(Conflict, match=tool):
        back_up(make_url(address), tmp_path / "copy")
