"""Uploaded zip archives: checked to the last byte, never unpacked to disk."""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from packistry.composer.json_text import MAX_BYTES as MAX_MANIFEST_BYTES
from packistry.composer.members import (
    MAX_LINK_BYTES,
    UnsafeArchive,
    UnsafeMember,
    folded,
    safe_links,
    safe_member,
)
from packistry.composer.text import quoted
from packistry.composer.zip_structure import STORED, Member, data_position, read_members

__all__ = [
    "ArchiveLimits",
    "ArchiveTooLarge",
    "Digests",
    "Inspection",
    "UnsafeArchive",
    "UnsafeMember",
    "digests",
    "inspect",
    "safe_links",
    "safe_member",
]

MIB = 1024 * 1024
MANIFEST_NAME = "composer.json"
README_NAMES = ("readme.md", "readme.markdown", "readme.txt", "readme", "readme.rst")
"""In any case, the first that is there."""
MAX_README_BYTES = 512 * 1024

_CHUNK = 64 * 1024
_IGNORED_AT_THE_TOP = ".DS_Store"


class ArchiveTooLarge(UnsafeArchive):
    """An archive beyond a limit."""


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """`max_ratio` (unpacked to packed) counts above `ratio_floor` bytes, as in Composer."""

    max_members: int = 50_000
    max_unpacked_bytes: int = 1024 * MIB
    max_ratio: int = 100
    ratio_floor: int = 50 * MIB


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A safe archive. `top_directory` is what Composer strips, "" if there is none to strip.

    `readme` is b"" when there is none beside composer.json, or one that is too long.
    """

    top_directory: str
    manifest: bytes
    readme: bytes
    files: int
    unpacked_bytes: int


@dataclass(frozen=True, kw_only=True)
class Digests:
    """What identifies a file. `sha1` is a dist's shasum."""

    sha1: str
    sha256: str
    size: int


_DEFAULT_LIMITS = ArchiveLimits()


def inspect(stream: BinaryIO, limits: ArchiveLimits = _DEFAULT_LIMITS) -> Inspection:
    """Read the whole archive of a seekable stream. Raises UnsafeArchive with the first reason.

    It holds composer.json at its root or in its one top folder. Every member is unpacked, in
    memory of constant size, and its bytes counted as they come out.
    """
    members, end = read_members(stream, max_members=limits.max_members)
    _check_names(members)
    _check_declared(members, stream.seek(0, 2), limits)
    top = _top_directory(members)
    manifest_name = f"{top}/{MANIFEST_NAME}" if top else MANIFEST_NAME
    readme_name = _readme_name(members, top)
    kept = _read_all(stream, members, end, manifest_name, readme_name)
    if manifest_name not in kept:
        raise UnsafeArchive("composer.json is neither at the root nor in the one top folder")
    manifest = kept.pop(manifest_name)
    readme = kept.pop(readme_name, b"")
    safe_links({_below(path, top): _link_target(path, data) for path, data in kept.items()})
    return Inspection(
        top_directory=top,
        manifest=manifest,
        readme=readme,
        files=sum(not member.is_folder for member in members),
        unpacked_bytes=sum(member.unpacked for member in members),
    )


def digests(stream: BinaryIO) -> Digests:
    """Of everything from the stream's position to its end."""
    sha1, sha256, size = hashlib.sha1(usedforsecurity=False), hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        sha1.update(chunk)
        sha256.update(chunk)
        size += len(chunk)
    return Digests(sha1=sha1.hexdigest(), sha256=sha256.hexdigest(), size=size)


def _check_names(members: list[Member]) -> None:
    """Raise UnsafeArchive unless each name is safe and is one file on every file system."""
    seen: dict[str, Member] = {}
    for member in members:
        safe_member(member.name)
        earlier = seen.setdefault(folded(member.name), member)
        if earlier is not member and earlier.name == member.name:
            raise UnsafeMember(f"{quoted(member.name)} is in the archive twice")
        if earlier is not member:
            raise UnsafeMember(
                f"{quoted(earlier.name)} and {quoted(member.name)} are one file on some systems"
            )
    for member in members:
        folder = folded(member.name)
        while "/" in folder:
            folder = folder.rpartition("/")[0]
            above = seen.get(folder)
            if above is not None and not above.is_folder:
                raise UnsafeMember(
                    f"{quoted(member.name)} lies below {quoted(above.name)}, which is no folder"
                )


def _check_declared(members: list[Member], size: int, limits: ArchiveLimits) -> None:
    """Raise ArchiveTooLarge by the sizes declared; unpacking holds each member to its own."""
    total = sum(member.unpacked for member in members)
    if total > limits.max_unpacked_bytes:
        raise ArchiveTooLarge(
            f"the archive unpacks to more than {limits.max_unpacked_bytes // MIB} MiB"
        )
    if total > limits.ratio_floor and total > limits.max_ratio * size:
        raise ArchiveTooLarge(f"the archive unpacks to more than {limits.max_ratio} times its size")


def _top_directory(members: list[Member]) -> str:
    tops = {member.name.partition("/")[0] for member in members}
    tops.discard(_IGNORED_AT_THE_TOP)
    if len(tops) != 1:
        return ""
    (top,) = tops
    is_file = any(member.name == top and not member.is_folder for member in members)
    return "" if is_file else top


def _readme_name(members: list[Member], top: str) -> str:
    """The member that is the readme; "" for none."""
    prefix = f"{top}/" if top else ""
    found = {
        member.name.removeprefix(prefix).lower(): member.name
        for member in members
        if member.name.startswith(prefix)
        and not (member.is_folder or member.is_link)
        and member.unpacked <= MAX_README_BYTES
    }
    return next((found[name] for name in README_NAMES if name in found), "")


def _read_all(
    stream: BinaryIO, members: list[Member], end: int, manifest_name: str, readme_name: str
) -> dict[str, bytes]:
    """Unpack every member; the content of these two and of all symlinks, by name."""
    position, kept = 0, {}
    for number, member in enumerate(members):
        if member.offset != position:
            raise UnsafeArchive(f"there are bytes of no member before {quoted(member.name)}")
        position = members[number + 1].offset if number + 1 < len(members) else end
        begin = data_position(stream, member, position)
        wanted = member.is_link or (member.name == manifest_name and not member.is_folder)
        if member.name == manifest_name and member.is_link:
            raise UnsafeArchive("composer.json is a symlink")
        if wanted:
            _check_kept(member)
        wanted = wanted or member.name == readme_name
        kept_bytes = _unpack(stream, member, begin, keep=wanted)
        if wanted:
            kept[member.name] = kept_bytes
    return kept


def _check_kept(member: Member) -> None:
    limit = MAX_LINK_BYTES if member.is_link else MAX_MANIFEST_BYTES
    if member.unpacked > limit:
        raise ArchiveTooLarge(f"{quoted(member.name)} is larger than {limit} bytes")


def _unpack(stream: BinaryIO, member: Member, begin: int, *, keep: bool) -> bytes:
    """Raise UnsafeArchive unless the member's bytes are what its record says."""
    stream.seek(begin)
    crc, size, kept = 0, 0, bytearray()
    for chunk in _content(stream, member):
        size += len(chunk)
        if size > member.unpacked:
            raise ArchiveTooLarge(f"{quoted(member.name)} unpacks to more than it declares")
        crc = zlib.crc32(chunk, crc)
        if keep:
            kept += chunk
    if size != member.unpacked:
        raise UnsafeArchive(f"{quoted(member.name)} unpacks to less than it declares")
    if crc != member.crc:
        raise UnsafeArchive(f"{quoted(member.name)} does not match its checksum")
    return bytes(kept)


def _content(stream: BinaryIO, member: Member) -> Iterator[bytes]:
    if member.method == STORED:
        yield from _packed_chunks(stream, member)
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for chunk in _packed_chunks(stream, member):
        if inflater.eof:
            raise UnsafeArchive(f"{quoted(member.name)} has bytes after its deflate stream")
        yield from _inflate(inflater, chunk, member)
    yield from _rest(inflater, member)
    if not inflater.eof:
        raise UnsafeArchive(f"the deflate stream of {quoted(member.name)} does not end")


def _inflate(inflater: "zlib._Decompress", packed: bytes, member: Member) -> Iterator[bytes]:
    while packed:
        yield _decompress(inflater, packed, member)
        if inflater.unused_data:
            raise UnsafeArchive(f"{quoted(member.name)} has bytes after its deflate stream")
        packed = inflater.unconsumed_tail


def _rest(inflater: "zlib._Decompress", member: Member) -> Iterator[bytes]:
    """What did not fit into the last chunk and is still inside the inflater."""
    while not inflater.eof and (chunk := _decompress(inflater, b"", member)):
        yield chunk


def _decompress(inflater: "zlib._Decompress", packed: bytes, member: Member) -> bytes:
    try:
        return inflater.decompress(packed, _CHUNK)
    except zlib.error:
        raise UnsafeArchive(f"the deflate stream of {quoted(member.name)} is broken") from None


def _packed_chunks(stream: BinaryIO, member: Member) -> Iterator[bytes]:
    left = member.packed
    while left:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise UnsafeArchive("the archive is cut off")
        left -= len(chunk)
        yield chunk


def _link_target(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnsafeMember(f"the target of the link {quoted(path)} is not UTF-8") from None


def _below(path: str, top: str) -> str:
    return path.removeprefix(f"{top}/") if top else path
