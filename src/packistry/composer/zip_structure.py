"""The records of a zip file, read so strictly that every reader must see the same members.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from packistry.composer.members import UnsafeArchive
from packistry.composer.text import quoted

STORED = 0
DEFLATED = 8

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = struct.Struct("<3L")
_EXTRA = struct.Struct("<2H")

_END_MARK = b"PK\x05\x06"
_CENTRAL_MARK = b"PK\x01\x02"
_LOCAL_MARK = b"PK\x03\x04"
_DESCRIPTOR_MARK = b"PK\x07\x08"
_ZIP64_LOCATOR_MARK = b"PK\x06\x07"
_ZIP64_LOCATOR_SIZE = 20

_MAX_COMMENT = 0xFFFF
_MAX_DIRECTORY_BYTES = 64 * 1024 * 1024

_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_DEFLATE_LEVEL = 1 << 1 | 1 << 2
_DESCRIPTOR_FOLLOWS = 1 << 3
_UTF8 = 1 << 11
_KNOWN_FLAGS = _DEFLATE_LEVEL | _DESCRIPTOR_FOLLOWS | _UTF8

_ZIP64_EXTRA = 0x0001
_UNICODE_NAME_EXTRA = 0x7075
_AES_EXTRA = 0x9901
_DOS_DIRECTORY = 0x10
_NEWEST_VERSION = 45


@dataclass(frozen=True, kw_only=True)
class Member:
    """One entry of the central directory. `name` has no slash at its end, folders included."""

    name: str
    raw_name: bytes
    is_folder: bool
    mode: int
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    offset: int

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)


@dataclass(frozen=True, kw_only=True)
class _End:
    position: int
    entries: int
    directory_size: int
    directory_offset: int


def read_members(stream: BinaryIO, *, max_members: int) -> tuple[list[Member], int]:
    """The members in the order of their bytes, and where those end. Raises UnsafeArchive.

    Afterwards it is certain that the archive is one zip without bytes before, between or after
    its records, and that each local header says what the central directory says.
    """
    end = _find_end(stream)
    if end.entries > max_members:
        raise UnsafeArchive(f"the archive has more than {max_members} members")
    if end.directory_offset + end.directory_size != end.position:
        raise UnsafeArchive(
            "the archive's directory does not end where its end record begins: there are bytes "
            "before or inside it"
        )
    members = list(_central_entries(stream, end))
    members.sort(key=lambda member: member.offset)
    return members, end.directory_offset


def data_position(stream: BinaryIO, member: Member, next_position: int) -> int:
    """Where the packed bytes of the member begin. Raises UnsafeArchive.

    `next_position` is where the next record begins; the member must fill the room up to it.
    """
    stream.seek(member.offset)
    header = stream.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MARK):
        raise UnsafeArchive(f"{quoted(member.name)} has no local header")
    fields: tuple[int, ...] = _LOCAL.unpack(header)
    flags, method = fields[2:4]
    name_size, extra_size = fields[9:]
    if stream.read(name_size) != member.raw_name:
        raise UnsafeArchive(f"{quoted(member.name)} has another name in its local header")
    if (flags, method) != (member.flags, member.method):
        raise UnsafeArchive(f"{quoted(member.name)} has other flags or another method locally")
    _check_extra(stream.read(extra_size), extra_size, member.name)
    _check_version(member.name, fields[1])
    _check_numbers(member, fields[6:9])
    begin = member.offset + _LOCAL.size + name_size + extra_size
    _check_room(stream, member, begin + member.packed, next_position)
    return begin


def _check_numbers(member: Member, local: tuple[int, ...]) -> None:
    """The local checksum and sizes: the same, or zero where a data descriptor follows."""
    follows = bool(member.flags & _DESCRIPTOR_FOLLOWS)
    known = (member.crc, member.packed, member.unpacked)
    for said, number in zip(local, known, strict=True):
        if said != number and (said or not follows):
            raise UnsafeArchive(f"{quoted(member.name)} has another size or checksum locally")


def _check_room(stream: BinaryIO, member: Member, end: int, next_position: int) -> None:
    room = next_position - end
    if room < 0:
        raise UnsafeArchive(f"{quoted(member.name)} overlaps the record after it")
    if not member.flags & _DESCRIPTOR_FOLLOWS:
        if room:
            raise UnsafeArchive(f"there are {room} bytes of no member after {quoted(member.name)}")
        return
    stream.seek(end)
    descriptor = stream.read(room) if room <= _DESCRIPTOR.size + 4 else b""
    values = _DESCRIPTOR.pack(member.crc, member.packed, member.unpacked)
    if descriptor not in {values, _DESCRIPTOR_MARK + values}:
        raise UnsafeArchive(f"the data descriptor of {quoted(member.name)} says something else")


def _find_end(stream: BinaryIO) -> _End:
    size = stream.seek(0, 2)
    tail_size = min(size, _END.size + _MAX_COMMENT)
    stream.seek(size - tail_size)
    tail = stream.read(tail_size)
    place = tail.rfind(_END_MARK)
    if place < 0 or tail_size - place < _END.size:
        raise UnsafeArchive("the file is no zip archive: it has no end record")
    fields = _END.unpack_from(tail, place)
    _, disk, directory_disk, here, entries, directory_size, directory_offset, comment = fields
    if place + _END.size + comment != tail_size:
        raise UnsafeArchive("there are bytes after the archive's end record, or too few")
    if disk or directory_disk or here != entries:
        raise UnsafeArchive("the archive is a part of several")
    if 0xFFFF in {here, entries} or 0xFFFFFFFF in {directory_size, directory_offset}:
        raise UnsafeArchive("the archive is a ZIP64 archive, larger than is accepted")
    if tail[max(0, place - _ZIP64_LOCATOR_SIZE) : place].startswith(_ZIP64_LOCATOR_MARK):
        raise UnsafeArchive("the archive has a ZIP64 end record beside the plain one")
    if not entries:
        raise UnsafeArchive("the archive is empty")
    if directory_size > _MAX_DIRECTORY_BYTES:
        raise UnsafeArchive("the archive's directory is larger than 64 MiB")
    _refuse_second_end(stream, tail[:place])
    return _End(
        position=size - tail_size + place,
        entries=entries,
        directory_size=directory_size,
        directory_offset=directory_offset,
    )


def _refuse_second_end(stream: BinaryIO, before: bytes) -> None:
    """Raise UnsafeArchive if a lenient reader could take an earlier place for the end record.

    A zip stored inside this one has an end record too, but one that points nowhere from here.
    """
    place = before.find(_END_MARK)
    while place >= 0:
        if len(before) - place < _END.size:
            raise UnsafeArchive("the archive has a second end record")
        fields = _END.unpack_from(before, place)
        stream.seek(fields[6])
        if not fields[4] or stream.read(4) == _CENTRAL_MARK:
            raise UnsafeArchive("the archive has a second end record")
        place = before.find(_END_MARK, place + 1)


def _central_entries(stream: BinaryIO, end: _End) -> Iterator[Member]:
    stream.seek(end.directory_offset)
    directory = stream.read(end.directory_size)
    position = 0
    for _ in range(end.entries):
        if directory[position : position + 4] != _CENTRAL_MARK:
            raise UnsafeArchive("the archive's directory has fewer entries than it says")
        if len(directory) - position < _CENTRAL.size:
            raise UnsafeArchive("the archive's directory is cut off")
        fields = _CENTRAL.unpack_from(directory, position)
        name_size, extra_size, comment_size = fields[10:13]
        begin = position + _CENTRAL.size
        name = directory[begin : begin + name_size]
        extra = directory[begin + name_size : begin + name_size + extra_size]
        position = begin + name_size + extra_size + comment_size
        if position > len(directory):
            raise UnsafeArchive("the archive's directory is cut off")
        yield _member(fields, name, extra)
    if position != len(directory):
        raise UnsafeArchive("the archive's directory has more entries than it says")


def _member(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> Member:
    flags, method = fields[3], fields[4]
    crc, packed, unpacked = fields[7:10]
    disk, external, offset = fields[13], fields[15], fields[16]
    name = _name(raw_name, flags)
    _check_flags(name, flags, method)
    _check_version(name, fields[2])
    if disk:
        raise UnsafeArchive(f"{quoted(name)} is said to be on another disk")
    if 0xFFFFFFFF in {packed, unpacked, offset}:
        raise UnsafeArchive(f"{quoted(name)} needs ZIP64, larger than is accepted")
    if method == STORED and packed != unpacked:
        raise UnsafeArchive(f"{quoted(name)} is stored with two sizes")
    _check_extra(extra, len(extra), name)
    member = Member(
        name=name.removesuffix("/"),
        raw_name=raw_name,
        is_folder=name.endswith("/"),
        mode=external >> 16,
        flags=flags,
        method=method,
        crc=crc,
        packed=packed,
        unpacked=unpacked,
        offset=offset,
    )
    _check_mode(member, bool(external & _DOS_DIRECTORY))
    return member


def _name(raw: bytes, flags: int) -> str:
    try:
        if flags & _UTF8:
            return raw.decode("utf-8")
        return raw.decode("ascii")
    except UnicodeDecodeError:
        shown = quoted(raw.decode("utf-8", "replace"))
        if flags & _UTF8:
            raise UnsafeArchive(f"the name {shown} is marked UTF-8 and is not") from None
        raise UnsafeArchive(f"the name {shown} is not ASCII and not marked UTF-8") from None


def _check_flags(name: str, flags: int, method: int) -> None:
    if flags & _ENCRYPTED:
        raise UnsafeArchive(f"{quoted(name)} is encrypted")
    if flags & ~_KNOWN_FLAGS:
        raise UnsafeArchive(f"{quoted(name)} has unknown flags")
    if method not in {STORED, DEFLATED}:
        raise UnsafeArchive(
            f"{quoted(name)} is packed by method {method}; only stored and deflate are accepted"
        )


def _check_version(name: str, needed: int) -> None:
    if needed > _NEWEST_VERSION:
        raise UnsafeArchive(f"{quoted(name)} needs a newer kind of zip")


def _check_extra(extra: bytes, size: int, name: str) -> None:
    """Raise UnsafeArchive for extra fields that change what the member is."""
    position = 0
    if len(extra) != size:
        raise UnsafeArchive(f"the extra fields of {quoted(name)} are cut off")
    while position < size:
        if size - position < _EXTRA.size:
            raise UnsafeArchive(f"the extra fields of {quoted(name)} are broken")
        kind, length = _EXTRA.unpack_from(extra, position)
        if kind == _ZIP64_EXTRA:
            raise UnsafeArchive(f"{quoted(name)} has ZIP64 sizes beside the plain ones")
        if kind == _UNICODE_NAME_EXTRA:
            raise UnsafeArchive(f"{quoted(name)} has a second name")
        if kind == _AES_EXTRA:
            raise UnsafeArchive(f"{quoted(name)} is encrypted by AES")
        position += _EXTRA.size + length
    if position != size:
        raise UnsafeArchive(f"the extra fields of {quoted(name)} are broken")


def _check_mode(member: Member, dos_directory: bool) -> None:
    kind = stat.S_IFMT(member.mode)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}:
        raise UnsafeArchive(f"{quoted(member.name)} is a device, pipe or socket")
    if not member.is_folder and member.mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        raise UnsafeArchive(f"{quoted(member.name)} has a setuid, setgid or sticky bit")
    says_folder = kind == stat.S_IFDIR or (dos_directory and not kind)
    says_file = kind in {stat.S_IFREG, stat.S_IFLNK}
    if (member.is_folder and says_file) or (says_folder and not member.is_folder):
        raise UnsafeArchive(f"{quoted(member.name)} is both a folder and a file")
    if member.is_folder and member.unpacked:
        raise UnsafeArchive(f"the folder {quoted(member.name)} has content")
