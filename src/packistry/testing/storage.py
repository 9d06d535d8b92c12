"""What every storage must do, as tests to inherit."""

import io
from datetime import timedelta
from typing import Any, BinaryIO

import pytest

from packistry.plugin import InvalidKey, Storage, StorageConflict, form_fields

HOSTILE_KEYS = (
    "",
    "/",
    "/x",
    "x/",
    "a//b",
    ".",
    "..",
    "../x",
    "a/../b",
    "a/..",
    "./a",
    "a/./b",
    "a/.hidden",
    "a\\..\\b",
    "C:/x",
    "a\0b",
    "a\nb",
    "a\n",
    "a b",
    "a%2fb",
    "a%00",
    "~/x",
    "-rf",
    "é",
    "a\u202eb",
    "a/\ud800",
    "a" * 201,
    "/".join(["a"] * 300),
)
"""Keys that no storage may accept."""

_MIB = 1024 * 1024


class StorageContract:
    """Inherit it in a class named `Test…` and give the fixture `storage`, an empty one.

    Nothing in it may be overridden: a storage that fails one of these loses or leaks dists.
    """

    @pytest.fixture
    def storage(self) -> Storage[Any]:
        """An empty storage, a new one for each test."""
        pytest.fail("give the fixture `storage`")

    def test_it_declares_what_core_needs(self, storage: Storage[Any]) -> None:
        assert storage.name
        assert storage.title
        assert isinstance(form_fields(storage.Config), list)

    def test_what_is_put_can_be_read(self, storage: Storage[Any]) -> None:
        storage.put("dists/1/a.zip", io.BytesIO(b"first"))
        with storage.open("dists/1/a.zip") as stream:
            assert stream.read() == b"first"
        assert storage.exists("dists/1/a.zip")

    def test_nothing_and_a_lot_can_be_kept(self, storage: Storage[Any]) -> None:
        large = bytes(range(256)) * (5 * _MIB // 256)
        storage.put("empty", io.BytesIO(b""))
        storage.put("large", io.BytesIO(large))
        with storage.open("empty") as empty, storage.open("large") as full:
            assert empty.read() == b""
            assert full.read() == large

    def test_a_part_can_be_read(self, storage: Storage[Any]) -> None:
        storage.put("a", io.BytesIO(b"0123456789"))
        with storage.open("a") as stream:
            stream.seek(4)
            assert stream.read(3) == b"456"

    def test_the_same_bytes_may_be_put_again(self, storage: Storage[Any]) -> None:
        storage.put("a", io.BytesIO(b"same"))
        storage.put("a", io.BytesIO(b"same"))
        with storage.open("a") as stream:
            assert stream.read() == b"same"

    @pytest.mark.parametrize("other", [b"sane", b"sam", b"same!", b""])
    def test_other_bytes_under_a_key_are_an_error(
        self, storage: Storage[Any], other: bytes
    ) -> None:
        storage.put("a", io.BytesIO(b"same"))
        with pytest.raises(StorageConflict):
            storage.put("a", io.BytesIO(other))
        with storage.open("a") as stream:
            assert stream.read() == b"same"

    def test_a_deleted_key_is_free_again(self, storage: Storage[Any]) -> None:
        storage.put("a/b", io.BytesIO(b"one"))
        storage.delete("a/b")
        assert not storage.exists("a/b")
        storage.put("a/b", io.BytesIO(b"two"))
        with storage.open("a/b") as stream:
            assert stream.read() == b"two"

    def test_a_stream_that_breaks_leaves_nothing(self, storage: Storage[Any]) -> None:
        with pytest.raises(RuntimeError, match="gone"):
            storage.put("a/b", _breaking())
        assert not storage.exists("a/b")
        assert list(storage.keys()) == []

    def test_what_is_absent_cannot_be_opened(self, storage: Storage[Any]) -> None:
        storage.put("a/b", io.BytesIO(b"x"))
        for key in ("missing", "a", "a/missing", "a/b/c"):
            with pytest.raises(FileNotFoundError), storage.open(key):
                pass
            assert not storage.exists(key)

    def test_deleting_what_is_absent_is_fine(self, storage: Storage[Any]) -> None:
        storage.delete("a/missing")
        assert not storage.exists("a/missing")

    def test_keys_are_listed_by_prefix(self, storage: Storage[Any]) -> None:
        for key in ("a/b/1", "a/b/2", "a/bc", "b"):
            storage.put(key, io.BytesIO(key.encode()))
        assert sorted(storage.keys()) == ["a/b/1", "a/b/2", "a/bc", "b"]
        assert sorted(storage.keys("a/b")) == ["a/b/1", "a/b/2", "a/bc"]
        assert sorted(storage.keys("a/b/")) == ["a/b/1", "a/b/2"]
        assert sorted(storage.keys("a/b/1")) == ["a/b/1"]
        assert list(storage.keys("missing/")) == []

    def test_an_empty_storage_has_no_keys(self, storage: Storage[Any]) -> None:
        assert list(storage.keys()) == []

    @pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
    def test_a_hostile_key_is_refused(self, storage: Storage[Any], key: str) -> None:
        with pytest.raises(InvalidKey):
            storage.put(key, io.BytesIO(b"x"))
        with pytest.raises(InvalidKey), storage.open(key):
            pass
        with pytest.raises(InvalidKey):
            storage.exists(key)
        with pytest.raises(InvalidKey):
            storage.delete(key)
        with pytest.raises(InvalidKey):
            storage.url(key, expires=timedelta(minutes=5))
        assert list(storage.keys()) == []

    def test_a_direct_link_is_https_or_none(self, storage: Storage[Any]) -> None:
        storage.put("a", io.BytesIO(b"x"))
        link = storage.url("a", expires=timedelta(minutes=5))
        assert link is None or link.startswith(("https://", "http://127.0.0.1", "http://localhost"))

    def test_the_check_passes_and_leaves_nothing(self, storage: Storage[Any]) -> None:
        storage.check()
        assert list(storage.keys()) == []


def _breaking() -> BinaryIO:
    class Breaking(io.RawIOBase):
        left = 3

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.left -= 1
            if not self.left:
                raise RuntimeError("the stream is gone")
            size = min(len(buffer), _MIB)
            buffer[:size] = b"x" * size
            return size

    return io.BufferedReader(Breaking())
