"""Zips that two readers would read differently, made byte by byte."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from packistry.composer.archive import UnsafeArchive, inspect

MANIFEST = b'{"name": "acme/lib"}'
UTF8, DESCRIPTOR, ENCRYPTED = 1 << 11, 1 << 3, 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A member, and what its local header says where that is to differ."""

    name: bytes = b"composer.json"
    content: bytes = MANIFEST
    flags: int = 0
    method: int = 0
    mode: int = 0o100644
    extra: bytes = b""
    disk: int = 0
    needs: int = 20
    packed: bytes | None = None
    size: int | None = None
    crc: int | None = None
    local_name: bytes | None = None
    local_method: int | None = None
    local_size: int | None = None
    local_extra: bytes = b""
    descriptor: bytes = b""
    gap: bytes = b""

    @property
    def data(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method == 8:
            deflater = zlib.compressobj(9, wbits=-15)
            return deflater.compress(self.content) + deflater.flush()
        return self.content

    @property
    def numbers(self) -> tuple[int, int, int]:
        crc = zlib.crc32(self.content) if self.crc is None else self.crc
        size = len(self.content) if self.size is None else self.size
        return crc, len(self.data), size

    def local(self) -> bytes:
        crc, packed, size = self.numbers
        name = self.name if self.local_name is None else self.local_name
        method = self.method if self.local_method is None else self.local_method
        size = size if self.local_size is None else self.local_size
        sizes = (0, 0, 0) if self.flags & DESCRIPTOR else (crc, packed, size)
        numbers = (self.needs, self.flags, method, 0, 33, *sizes, len(name), len(self.local_extra))
        head = struct.pack("<4s5H3L2H", b"PK\x03\x04", *numbers)
        return head + name + self.local_extra + self.data + self.descriptor + self.gap

    def central(self, offset: int) -> bytes:
        first = (0x0314, self.needs, self.flags, self.method, 0, 33, *self.numbers)
        last = (len(self.name), len(self.extra), 0, self.disk, 0, self.mode << 16, offset)
        head = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *first, *last)
        return head + self.name + self.extra


@dataclass(frozen=True, kw_only=True)
class Zip:
    """An archive, and what its end record says where that is to differ."""

    entries: tuple[Entry, ...] = (Entry(),)
    prefix: bytes = b""
    before_directory: bytes = b""
    before_end: bytes = b""
    comment: bytes = b""
    suffix: bytes = b""
    count: int | None = None
    disk: int = 0
    offsets: tuple[int, ...] | None = None
    shift: int = 0

    def bytes(self) -> bytes:
        body, offsets = bytearray(self.prefix), []
        for entry in self.entries:
            offsets.append(len(body) + self.shift)
            body += entry.local()
        body += self.before_directory
        begin = len(body)
        for entry, offset in zip(self.entries, self.offsets or offsets, strict=True):
            body += entry.central(offset)
        count = len(self.entries) if self.count is None else self.count
        size = len(body) - begin
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", self.disk, self.disk, count, count, size,
                          begin + self.shift, len(self.comment))  # fmt: skip
        return bytes(body + self.before_end + end + self.comment + self.suffix)


def plain(**changes) -> Zip:
    """An archive with a composer.json and one more member, changed so."""
    return Zip(entries=(Entry(), replace(Entry(name=b"src/a.php", content=b"<?php"), **changes)))


def concatenated() -> bytes:
    """A second whole zip behind the first one."""
    return Zip().bytes() + plain().bytes()


def end_in_a_comment() -> bytes:
    """Read from the front it is one archive; from the back, the one in its comment."""
    inner = Zip(comment=b"").bytes()
    whole = plain().bytes()[:-2]
    return whole + struct.pack("<H", len(inner)) + inner


def hidden_end() -> bytes:
    """An end record inside a member that points at the real directory's bytes."""
    fake = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46, 0, 0)
    draft = Zip(entries=(Entry(), Entry(name=b"x", content=fake)))
    directory = draft.bytes().find(b"PK\x01\x02")
    fake = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 59, directory, 0)
    return Zip(entries=(Entry(), Entry(name=b"x", content=fake))).bytes()


def zip64_locator() -> bytes:
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    return Zip(before_end=locator).bytes()


def zip64_markers() -> bytes:
    whole = bytearray(Zip().bytes())
    whole[-6:-2] = b"\xff" * 4
    return bytes(whole)


AMBIGUOUS: dict[str, Callable[[], bytes]] = {
    "two composer.json": Zip(entries=(Entry(), Entry(content=b'{"name": "evil/lib"}'))).bytes,
    "names that differ in case": Zip(entries=(Entry(), Entry(name=b"COMPOSER.json"))).bytes,
    "names that differ in composition": Zip(
        entries=(
            Entry(),
            Entry(name="é".encode(), flags=UTF8),
            Entry(name="e\u0301".encode(), flags=UTF8),
        )
    ).bytes,
    "a file and a folder of one name": Zip(
        entries=(Entry(), Entry(name=b"a"), Entry(name=b"a/b"))
    ).bytes,
    "bytes before": Zip(prefix=b"#!/bin/sh\n", shift=-10).bytes,
    "bytes before, counted": Zip(prefix=b"#!/bin/sh\n").bytes,
    "bytes after": Zip(suffix=b"x").bytes,
    "bytes between members": Zip(entries=(Entry(gap=b"hidden"), Entry(name=b"b"))).bytes,
    "bytes before the directory": Zip(before_directory=b"hidden!").bytes,
    "another name in the local header": plain(local_name=b"src/b.php").bytes,
    "a name cut short by a NUL": plain(name=b"composer.json\x00x").bytes,
    "another size in the local header": plain(local_size=4).bytes,
    "another method in the local header": plain(local_method=8).bytes,
    "a name marked UTF-8 that is not": plain(name=b"\xe9", flags=UTF8).bytes,
    "a name in an unknown encoding": plain(name="é".encode()).bytes,
    "a second name in an extra field": plain(
        extra=struct.pack("<2HBL", 0x7075, 6, 1, 0) + b"x"
    ).bytes,
    "ZIP64 sizes": plain(extra=struct.pack("<2H2Q", 1, 16, 1, 1)).bytes,
    "ZIP64 sizes, local only": plain(local_extra=struct.pack("<2H2Q", 1, 16, 1, 1)).bytes,
    "broken extra fields": plain(extra=struct.pack("<2H", 0x5455, 9)).bytes,
    "a ZIP64 locator": zip64_locator,
    "ZIP64 markers": zip64_markers,
    "encryption": plain(flags=ENCRYPTED).bytes,
    "encryption by AES": plain(extra=struct.pack("<2H", 0x9901, 0)).bytes,
    "unknown flags": plain(flags=1 << 5).bytes,
    "another packing method": plain(method=12, packed=b"x").bytes,
    "a newer kind of zip": plain(needs=63).bytes,
    "several disks": Zip(disk=1).bytes,
    "a member on another disk": plain(disk=1).bytes,
    "fewer entries than counted": Zip(count=2).bytes,
    "more entries than counted": replace(plain(), count=1).bytes,
    "no entries": Zip(entries=()).bytes,
    "two entries of one member": Zip(entries=(Entry(), Entry(name=b"b")), offsets=(0, 0)).bytes,
    "a false checksum": plain(crc=1).bytes,
    "a size larger than the content": plain(method=8, size=99).bytes,
    "a size smaller than the content": plain(method=8, size=1).bytes,
    "stored with two sizes": plain(size=99).bytes,
    "bytes after a deflate stream": plain(method=8, packed=b"\x03\x00more").bytes,
    "a deflate stream without end": plain(method=8, packed=b"", size=0, crc=0).bytes,
    "a broken deflate stream": plain(method=8, packed=b"\xff\xff\xff").bytes,
    "another data descriptor": plain(flags=DESCRIPTOR, descriptor=b"x" * 12).bytes,
    "a folder that is a file": plain(name=b"a/", content=b"", mode=0o100644).bytes,
    "a file that is a folder": plain(mode=0o040755).bytes,
    "a folder with content": plain(name=b"a/", mode=0o040755).bytes,
    "concatenated archives": concatenated,
    "an end record in a comment": end_in_a_comment,
    "an end record in a member": hidden_end,
    "no archive": lambda: b"PK, but not really a zip file",
    "nothing": lambda: b"",
}


def reason_of(name: str) -> str:
    with pytest.raises(UnsafeArchive) as caught:
        inspect(io.BytesIO(AMBIGUOUS[name]()))
    return caught.value.reason


def test_the_archives_made_here_are_sound_unless_changed():
    assert inspect(io.BytesIO(plain().bytes())).files == 2
    assert inspect(io.BytesIO(plain(method=8).bytes())).files == 2
    described = struct.pack("<3L", zlib.crc32(b"<?php"), 5, 5)
    for mark in (b"", b"PK\x07\x08"):
        streamed = plain(flags=DESCRIPTOR, descriptor=mark + described)
        assert inspect(io.BytesIO(streamed.bytes())).files == 2
    assert inspect(io.BytesIO(Zip(comment=b"f" * 40).bytes())).files == 1


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_an_ambiguous_zip_is_refused_with_a_sentence(name):
    reason = reason_of(name)
    assert reason.isprintable()
    assert len(reason) < 300


def test_each_of_20_ambiguous_zips_is_refused_with_its_own_reason():
    assert len({reason_of(name) for name in AMBIGUOUS}) >= 30


def test_a_cut_zip_is_refused_at_every_length():
    whole = plain(method=8).bytes()
    for length in range(len(whole)):
        with pytest.raises(UnsafeArchive):
            inspect(io.BytesIO(whole[:length]))


def test_a_zip_with_a_changed_byte_is_refused_or_python_reads_the_same():
    whole = plain(method=8).bytes()
    for place in range(len(whole)):
        for value in (0, 1, 0x7F, 0xFF):
            changed = io.BytesIO(whole[:place] + bytes([value]) + whole[place + 1 :])
            with suppress(UnsafeArchive):
                found = inspect(changed)
                with zipfile.ZipFile(changed) as archive:
                    assert archive.testzip() is None
                    assert archive.read("composer.json") == found.manifest
                    assert len(archive.namelist()) == found.files
