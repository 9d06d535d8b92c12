import io
import stat
import struct
import subprocess
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from packistry.composer.archive import (
    ArchiveLimits,
    ArchiveTooLarge,
    UnsafeArchive,
    UnsafeMember,
    digests,
    inspect,
)

MANIFEST = b'{"name": "acme/lib"}'


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream


def with_link(target: str, name: str = "acme-lib/link") -> io.BytesIO:
    return with_mode(stat.S_IFLNK | 0o777, name, target.encode())


def with_mode(mode: int, name: str, content: bytes = b"") -> io.BytesIO:
    stream = zipped({"acme-lib/composer.json": MANIFEST})
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = mode << 16
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(entry, content)
    return stream


def test_an_archive_with_one_top_folder_is_read():
    found = inspect(zipped({"lib-1/composer.json": MANIFEST, "lib-1/src/a.php": b"x" * 100}))
    assert (found.top_directory, found.manifest) == ("lib-1", MANIFEST)
    assert (found.files, found.unpacked_bytes) == (2, len(MANIFEST) + 100)


def test_an_archive_without_a_top_folder_is_read():
    found = inspect(zipped({"composer.json": MANIFEST, "src/a.php": b""}))
    assert (found.top_directory, found.manifest) == ("", MANIFEST)


def test_a_ds_store_beside_the_top_folder_does_not_count():
    assert (
        inspect(zipped({"lib/composer.json": MANIFEST, ".DS_Store": b"x"})).top_directory == "lib"
    )


def test_stored_members_are_read():
    assert inspect(zipped({"composer.json": MANIFEST}, zipfile.ZIP_STORED)).manifest == MANIFEST


def test_folder_entries_are_not_files():
    assert inspect(zipped({"lib/": b"", "lib/composer.json": MANIFEST})).files == 1


def test_a_member_larger_than_the_buffers_is_read():
    content = bytes(range(256)) * 4096
    assert inspect(zipped({"composer.json": MANIFEST, "a": content})).files == 2


def test_an_archive_by_git_is_read(tmp_path: Path):
    for name, content in {"composer.json": MANIFEST, "src/é.php": b"<?php", "run": b"#!"}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "link").symlink_to("src/é.php")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    data = subprocess.run(
        [*git, "archive", "--format=zip", "--prefix=lib/", "HEAD"],
        cwd=tmp_path,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    found = inspect(io.BytesIO(data))
    assert (found.top_directory, found.manifest, found.files) == ("lib", MANIFEST, 4)


def test_an_archive_written_without_seeking_is_read():
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.data += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("composer.json", MANIFEST)
    assert inspect(io.BytesIO(bytes(pipe.data))).manifest == MANIFEST


def test_a_zip_stored_inside_is_no_second_archive():
    inner = zipped({"x": b"1"}).getvalue()
    outer = zipped({"composer.json": MANIFEST, "fixture.zip": inner}, zipfile.ZIP_STORED)
    assert inspect(outer).files == 2


def test_a_link_inside_the_tree_stays():
    assert inspect(with_link("composer.json")).files == 2


@pytest.mark.parametrize("target", ["../../etc/passwd", "../x", "/etc/passwd", "a/../../.."])
def test_a_link_that_leaves_the_package_is_refused(target):
    with pytest.raises(UnsafeMember):
        inspect(with_link(target))


def test_a_member_below_a_link_is_refused():
    stream = with_link("src")
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("acme-lib/link/x", b"1")
    with pytest.raises(UnsafeMember, match="is no folder"):
        inspect(stream)


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_device_pipe_or_socket_is_refused(kind):
    with pytest.raises(UnsafeArchive, match="device, pipe or socket"):
        inspect(with_mode(kind | 0o644, "acme-lib/x"))


@pytest.mark.parametrize("bit", [stat.S_ISUID, stat.S_ISGID, stat.S_ISVTX])
def test_a_file_with_a_setuid_bit_is_refused(bit):
    with pytest.raises(UnsafeArchive, match="setuid"):
        inspect(with_mode(stat.S_IFREG | bit | 0o755, "acme-lib/x"))


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": b""},
        {"a/composer.json": MANIFEST, "b/x": b""},
        {"a/b/composer.json": MANIFEST},
        {"Composer.json": MANIFEST},
        {"composer.json/": b""},
    ],
)
def test_an_archive_without_composer_json_in_its_place_is_refused(files):
    with pytest.raises(UnsafeArchive, match=r"composer\.json is neither"):
        inspect(zipped(files))


def test_composer_json_as_a_symlink_is_refused():
    stream = zipped({"lib/x": b""})
    entry = zipfile.ZipInfo("lib/composer.json")
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(entry, "x")
    with pytest.raises(UnsafeArchive, match="symlink"):
        inspect(stream)


def test_a_manifest_larger_than_a_megabyte_is_refused():
    with pytest.raises(ArchiveTooLarge):
        inspect(zipped({"composer.json": b" " * (1024 * 1024 + 1)}))


def test_more_members_than_the_limit_are_refused():
    stream = zipped({"composer.json": MANIFEST, "a": b"", "b": b""})
    with pytest.raises(UnsafeArchive, match="more than 2 members"):
        inspect(stream, ArchiveLimits(max_members=2))


def test_more_bytes_than_the_limit_are_refused():
    stream = zipped({"composer.json": MANIFEST, "a": b"x" * 3_000_000})
    with pytest.raises(ArchiveTooLarge, match="more than 2 MiB"):
        inspect(stream, ArchiveLimits(max_unpacked_bytes=2 * 1024 * 1024))


def test_a_ratio_above_the_client_s_limit_is_refused():
    stream = zipped({"composer.json": MANIFEST, "a": bytes(3_000_000)})
    with pytest.raises(ArchiveTooLarge, match="100 times"):
        inspect(stream, ArchiveLimits(ratio_floor=1_000_000))


def zip_of_zeros(declared: int) -> io.BytesIO:
    """A zip of 10 MB that unpacks to 10 GB, and says that it is `declared` bytes."""
    deflater = zlib.compressobj(9, wbits=-15)
    block = deflater.compress(bytes(1024 * 1024)) + deflater.flush(zlib.Z_FULL_FLUSH)
    stream = zipped({"composer.json": MANIFEST})
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("zeros", block * (10_000_000 // len(block)))
        entry = archive.getinfo("zeros")
        entry.compress_type, entry.file_size = zipfile.ZIP_DEFLATED, declared
    data = bytearray(stream.getvalue())
    struct.pack_into("<H", data, entry.header_offset + 8, zipfile.ZIP_DEFLATED)
    struct.pack_into("<L", data, entry.header_offset + 22, declared)
    return io.BytesIO(bytes(data))


@pytest.mark.parametrize("declared", [2**31 - 2, 2**30, 100_000_000, 10])
def test_a_10_mb_zip_of_zeros_stops_at_the_limit_with_flat_memory(declared):
    stream = zip_of_zeros(declared)
    began = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveTooLarge):
            inspect(stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1024 * 1024
    assert time.perf_counter() - began < 5


def test_digests_are_those_of_the_bytes():
    found = digests(io.BytesIO(b"abc"))
    assert found.sha1 == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert found.sha256.startswith("ba7816bf8f01cfea")
    assert found.size == 3
