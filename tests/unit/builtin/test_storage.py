import errno
import gzip
import io
import os
import stat
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from packistry.builtin.storage import Local, LocalConfig
from packistry.plugin import ConfigError, InvalidKey, StorageConflict, Unavailable, load_config
from packistry.scratch import scratch_file
from packistry.testing import StorageContract


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "dists"


@pytest.fixture
def storage(root: Path) -> Local:
    return Local(LocalConfig(path=root))


class TestLocal(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Local:
        return Local(LocalConfig(path=tmp_path / "dists"))


def text(stream: str) -> BinaryIO:
    return io.BytesIO(stream.encode())


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def unfinished(root: Path) -> list[Path]:
    return list((root / ".unfinished").iterdir())


def test_a_file_and_its_folders_are_for_us_alone(storage: Local, root: Path) -> None:
    old = os.umask(0)
    try:
        storage.put("a/b/c", text("x"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((root / "a/b/c").stat().st_mode) == 0o600
    for folder in (root, root / "a", root / "a/b"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_unfinished_is_left_behind(storage: Local, root: Path) -> None:
    storage.put("a", text("x"))
    with pytest.raises(StorageConflict):
        storage.put("a", text("y"))
    assert unfinished(root) == []


def test_a_file_has_its_name_only_when_it_is_complete(storage: Local, root: Path) -> None:
    class Watching(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert not storage.exists("a/b")
            assert list(storage.keys()) == []
            return super().read(size)

    storage.put("a/b", Watching(b"x" * 3_000_000))
    assert storage.exists("a/b")


def test_what_a_killed_process_left_is_swept_after_a_day(storage: Local, root: Path) -> None:
    storage.put("a", text("x"))
    yesterday, just_now = int(time.time()) - 25 * 3600, int(time.time()) - 60
    for started in (yesterday, just_now):
        (root / ".unfinished" / f"{started}-abc").write_text("half")
    storage.put("b", text("y"))
    assert [draft.name for draft in unfinished(root)] == [f"{just_now}-abc"]
    assert sorted(storage.keys()) == ["a", "b"]


def test_a_link_in_a_keys_place_is_never_followed(storage: Local, root: Path) -> None:
    outside = root.parent / "outside"
    outside.write_text("secret")
    storage.put("a/x", text("x"))
    (root / "a/link").symlink_to(outside)
    with pytest.raises(FileNotFoundError), storage.open("a/link"):
        pass
    assert not storage.exists("a/link")
    with pytest.raises(InvalidKey):
        storage.put("a/link", text("overwritten"))
    assert list(storage.keys()) == ["a/x"]
    storage.delete("a/link")
    assert outside.read_text() == "secret"


def test_a_symlinked_parent_is_never_entered(storage: Local, root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    storage.put("a/x", text("x"))
    (root / "linked").symlink_to(outside)
    (root / "a/linked").symlink_to(outside)
    for key in ("linked/secret", "a/linked/secret"):
        with pytest.raises(FileNotFoundError), storage.open(key):
            pass
        storage.delete(key)
        with pytest.raises(InvalidKey):
            storage.put(key, text("overwritten"))
    assert list(storage.keys()) == ["a/x"]
    assert [each.name for each in outside.iterdir()] == ["secret"]


def test_what_is_no_file_is_no_object(storage: Local, root: Path) -> None:
    storage.put("a/x", text("x"))
    os.mkfifo(root / "a/pipe")
    for key in ("a/pipe", "a"):
        assert not storage.exists(key)
        with pytest.raises(InvalidKey):
            storage.put(key, text("y"))
    assert list(storage.keys()) == ["a/x"]


def test_of_many_who_put_other_bytes_one_wins(storage: Local) -> None:
    won: list[int] = []
    lost: list[int] = []

    def put(number: int) -> None:
        try:
            storage.put("a/b/c", text(f"{number}" * 10_000))
            won.append(number)
        except StorageConflict:
            lost.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    with storage.open("a/b/c") as stream:
        assert stream.read() == f"{won[0]}".encode() * 10_000


def test_a_file_is_flushed_to_the_disk_before_it_gets_its_name(
    storage: Local, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watching(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        flushed.append(("folder" if is_folder else "file", (root / "a").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watching)
    storage.put("a", text("x"))
    assert ("file", False) in flushed
    assert flushed[-1] == ("folder", True)


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="Not a directory"):
        Local(LocalConfig(path=tmp_path / "file" / "dists")).check()


def test_the_folder_must_be_an_absolute_path() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(LocalConfig, {"path": "dists"})
    assert "absolute" in caught.value.fields["path"]


def test_no_descriptor_is_left_open(storage: Local) -> None:
    storage.put("a/b/c", text("x"))
    before = open_files()
    for _ in range(20):
        storage.put("a/b/c", text("x"))
        with storage.open("a/b/c"):
            pass
        storage.exists("a/b/missing")
        list(storage.keys())
        with pytest.raises(StorageConflict):
            storage.put("a/b/c", text("y"))
    assert open_files() == before


def unnamed(folder: Path, content: bytes) -> BinaryIO:
    file = scratch_file(folder)
    file.write(content)
    file.seek(0)
    return file


def test_a_file_without_a_name_is_kept_and_not_copied(storage: Local, root: Path) -> None:
    with unnamed(root.parent, b"x" * 100_000) as file:
        storage.put("a/b", file)
        assert (root / "a/b").stat().st_ino == os.fstat(file.fileno()).st_ino
    assert (root / "a/b").read_bytes() == b"x" * 100_000
    assert stat.S_IMODE((root / "a/b").stat().st_mode) == 0o600


def test_a_file_without_a_name_replaces_nothing(storage: Local, root: Path) -> None:
    storage.put("a/b", text("x"))
    with unnamed(root.parent, b"x") as same, unnamed(root.parent, b"y") as other:
        storage.put("a/b", same)
        with pytest.raises(StorageConflict):
            storage.put("a/b", other)
    assert (root / "a/b").read_bytes() == b"x"


def test_what_is_left_of_a_file_is_kept_when_it_was_read_before(storage: Local, root: Path) -> None:
    with unnamed(root.parent, b"head tail") as file:
        file.read(5)
        storage.put("a", file)
    assert (root / "a").read_bytes() == b"tail"


def test_what_unpacks_a_file_is_not_taken_for_it(storage: Local, root: Path) -> None:
    with unnamed(root.parent, gzip.compress(b"text")) as packed:
        storage.put("a", cast(BinaryIO, io.BufferedReader(gzip.GzipFile(fileobj=packed))))
    assert (root / "a").read_bytes() == b"text"


def test_a_file_that_has_a_name_is_copied(storage: Local, root: Path) -> None:
    theirs = root.parent / "theirs.zip"
    theirs.write_bytes(b"text")
    theirs.chmod(0o600)
    with theirs.open("r+b") as file:
        storage.put("a", file)
    theirs.write_bytes(b"changed")
    assert (root / "a").read_bytes() == b"text"


def test_a_temporary_file_that_must_stay_one_is_copied(storage: Local, root: Path) -> None:
    with tempfile.TemporaryFile(dir=root.parent) as file:
        file.write(b"text")
        file.seek(0)
        storage.put("a/b", file)
    assert (root / "a/b").read_bytes() == b"text"


def test_a_file_system_without_unnamed_files_has_temporary_ones(
    monkeypatch: pytest.MonkeyPatch, storage: Local, root: Path
) -> None:
    real = os.open

    def refusing(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", refusing)
    with unnamed(root.parent, b"text") as file:
        storage.put("a", file)
    assert (root / "a").read_bytes() == b"text"
