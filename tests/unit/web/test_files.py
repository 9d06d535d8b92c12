"""A file as a body: the bytes asked for and no others, wherever the file itself stands."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from packistry.web.files import FileBody

TEXT = b"0123456789"


@contextmanager
def opened() -> Iterator[io.BytesIO]:
    yield io.BytesIO(TEXT)


@pytest.fixture
def body() -> FileBody:
    return FileBody(opened(), start=2, length=5)


def test_it_ends_where_it_should_and_not_where_the_file_does(body: FileBody) -> None:
    assert (body.read(3), body.read(100), body.read(100)) == (b"234", b"56", b"")


def test_without_a_size_it_gives_what_is_left(body: FileBody) -> None:
    assert (body.read(1), body.read(-1), body.read()) == (b"2", b"3456", b"")


def test_it_can_be_read_again_from_where_it_was(body: FileBody) -> None:
    at = body.tell()
    first = body.read(4)
    body.seek(at)
    assert body.read(4) == first == b"2345"


def test_its_size_is_what_lies_between_where_it_stands_and_its_end(body: FileBody) -> None:
    assert body.seek(0, os.SEEK_END) - 2 == 5
    assert body.read() == b""


def test_it_can_be_gone_through(body: FileBody) -> None:
    body.seek(1, os.SEEK_CUR)
    assert b"".join(body) == b"3456"
