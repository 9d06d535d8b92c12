import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.plugin import Config, InvalidKey, Storage, Unavailable, check_key


class Memory(Storage[Config]):
    """The smallest storage; what it keeps may be spoilt."""

    name = "memory"
    title = "Memory"
    Config = Config

    def __init__(self) -> None:
        super().__init__(Config())
        self.kept: dict[str, bytes] = {}
        self.spoils = False
        self.error: OSError | None = None

    def put(self, key: str, stream: BinaryIO) -> None:
        check_key(key)
        if self.error:
            raise self.error
        self.kept[key] = b"spoilt" if self.spoils else stream.read()

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        return nullcontext(io.BytesIO(self.kept[key]))

    def exists(self, key: str) -> bool:
        return key in self.kept

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    def keys(self, prefix: str = "") -> Iterator[str]:
        return (key for key in self.kept if key.startswith(prefix))


@pytest.mark.parametrize(
    "key", ["a", "dists/1/0a1b2c.zip", "a.b_c-d", "A/B", "/".join("abcdefgh"), "a" * 200]
)
def test_a_plain_key_passes(key: str) -> None:
    check_key(key)


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("./\\:-_ \0"), max_size=30))
def test_no_key_that_passes_leaves_the_root(key: str) -> None:
    try:
        check_key(key)
    except InvalidKey:
        return
    for path in (PurePosixPath(key), PureWindowsPath(key)):
        assert not path.is_absolute()
        assert not path.drive
        assert ".." not in path.parts
        assert "/".join(path.parts) == key


def test_there_is_no_direct_link_by_default() -> None:
    assert Memory().url("a", expires=timedelta(minutes=1)) is None


def test_a_working_storage_passes_the_check_and_is_left_clean() -> None:
    memory = Memory()
    memory.check()
    assert memory.kept == {}


def test_a_storage_that_spoils_bytes_fails_the_check() -> None:
    memory = Memory()
    memory.spoils = True
    with pytest.raises(Unavailable):
        memory.check()


def test_a_storage_that_cannot_write_fails_the_check_in_words() -> None:
    memory = Memory()
    memory.error = PermissionError(13, "Permission denied")
    with pytest.raises(Unavailable, match="Permission denied"):
        memory.check()
