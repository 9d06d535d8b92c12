import hashlib
import io
import os
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.git import GitPolicy, GitRemote, Mirror
from packistry.git.archive import check_archive
from packistry.git.errors import CommitNotFound, TooLarge, UnsafeTree
from packistry.git.trees import climb
from tests.unit.git.upstream import ENVIRONMENT, Upstream


def archive(mirror: Mirror, commit: str, directory: str = "") -> bytes:
    with mirror.archive(commit, prefix="acme-lib", directory=directory) as stream:
        return stream.read()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {i.filename: found.read(i) for i in found.infolist() if not i.is_dir()}


def test_a_dist_holds_what_git_archive_writes(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit(
        {
            "composer.json": "{}",
            "src/größe.php": "<?php",
            "a b/c": "",
            ".gitattributes": "*.x -text",
        }
    )
    mirror.sync()
    command = ["git", f"--git-dir={upstream.path}", "archive", "--format=zip"]
    plain = subprocess.run(
        [*command, "--prefix=acme-lib/", commit], env=ENVIRONMENT, check=True, capture_output=True
    ).stdout
    assert members(archive(mirror, commit)) == members(plain)


def test_a_file_name_that_is_not_utf8_is_archived(upstream: Upstream, mirror: Mirror) -> None:
    tree = upstream.raw_tree(("100644", b"caf\xe9.php", upstream.blob(b"<?php")))
    commit = upstream.commit_tree(tree)
    upstream.ref("refs/heads/main", commit)
    mirror.sync()
    assert list(members(archive(mirror, commit)).values()) == [b"<?php"]


def test_the_archive_of_one_commit_is_the_same_bytes_before_and_after_other_branches_appear(
    upstream: Upstream, mirror: Mirror
) -> None:
    commit = upstream.commit({".gitattributes": "v export-subst\n", "v": "$Format:%D %H$"})
    mirror.sync()
    before = archive(mirror, commit)
    upstream.ref("refs/heads/another", commit)
    mirror.sync()
    assert archive(mirror, commit) == before


@pytest.mark.parametrize("directory", ["", "packages/a"])
def test_the_archive_is_the_same_bytes_whatever_the_clock_and_zone(
    upstream: Upstream,
    new_mirror: Callable[[], Mirror],
    directory: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = upstream.commit({"packages/a/composer.json": "{}"})
    mirror = new_mirror()
    mirror.sync()
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    before = archive(mirror, commit, directory)
    monkeypatch.setenv("TZ", "America/New_York")
    time.sleep(2.1)  # a zip's clock ticks every two seconds
    mirror.remove()
    mirror = new_mirror()
    assert archive(mirror, commit, directory) == before


def test_export_ignore_is_honoured_and_export_subst_is_not(
    upstream: Upstream, mirror: Mirror
) -> None:
    attributes = "tests export-ignore\nversion export-subst\n"
    commit = upstream.commit(
        {".gitattributes": attributes, "tests/a": "1", "version": "$Format:%H$", "b": "2"}
    )
    mirror.sync()
    found = members(archive(mirror, commit))
    assert "acme-lib/tests/a" not in found
    assert found["acme-lib/version"] == b"$Format:%H$"


def test_a_sub_directory_becomes_a_package_of_its_own(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit(
        {
            "composer.json": "root",
            "packages/a/composer.json": "a",
            "packages/a/.gitattributes": "/tests export-ignore",
            "packages/a/tests/x": "1",
            "packages/b/composer.json": "b",
        }
    )
    mirror.sync()
    assert members(archive(mirror, commit, "packages/a")) == {
        "acme-lib/.gitattributes": b"/tests export-ignore",
        "acme-lib/composer.json": b"a",
    }


def test_a_sub_directory_has_the_date_of_its_commit(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"a/composer.json": "a"})
    mirror.sync()
    with zipfile.ZipFile(io.BytesIO(archive(mirror, commit, "a"))) as found:
        assert found.getinfo("acme-lib/composer.json").date_time == (2020, 9, 13, 12, 35, 0)


@pytest.mark.parametrize(
    "directory", ["nothing", "../x", "a\nb", "composer.json", "a/../a", "link"]
)
def test_a_directory_that_is_not_there_is_said_to_be_missing(
    upstream: Upstream, mirror: Mirror, directory: str
) -> None:
    commit = upstream.commit({"composer.json": "{}", "a/b": "1"}, links={"link": "a"})
    mirror.sync()
    with pytest.raises(CommitNotFound):
        archive(mirror, commit, directory)


@pytest.mark.parametrize("prefix", ["", "../x", "a/b", "-x", "a\nb", ".git"])
def test_a_prefix_is_one_plain_folder_name(upstream: Upstream, mirror: Mirror, prefix: str) -> None:
    commit = upstream.commit({"a": "1"})
    mirror.sync()
    with pytest.raises(ValueError), mirror.archive(commit, prefix=prefix):
        pass


def test_executable_bits_and_links_inside_the_tree_stay(upstream: Upstream, mirror: Mirror) -> None:
    blob = upstream.blob(b"#!/bin/sh")
    link = upstream.blob(b"../run")
    bin_folder = upstream.raw_tree(("120000", b"link", link))
    tree = upstream.raw_tree(("40000", b"bin", bin_folder), ("100755", b"run", blob))
    commit = upstream.commit_tree(tree)
    upstream.ref("refs/heads/main", commit)
    mirror.sync()
    with zipfile.ZipFile(io.BytesIO(archive(mirror, commit))) as found:
        modes = {i.filename: i.external_attr >> 16 for i in found.infolist()}
        assert found.read("acme-lib/bin/link") == b"../run"
    assert stat.S_ISLNK(modes["acme-lib/bin/link"])
    assert modes["acme-lib/run"] & 0o111


@pytest.mark.parametrize(
    "links",
    [
        {"link": "../../etc/passwd"},
        {"link": ".."},
        {"link": "/etc/passwd"},
        {"a/link": "../../x"},
        {"a/link": "b/../../../x"},
        {"link": "..\\..\\x"},
        {"link": "C:\\x"},
        {"d/up": "..", "d/out": "up/../x"},
    ],
)
def test_a_link_out_of_the_tree_is_refused_with_a_reason(
    upstream: Upstream, mirror: Mirror, links: dict[str, str]
) -> None:
    commit = upstream.commit({"a/b": "1"}, links=links)
    mirror.sync()
    with pytest.raises(UnsafeTree, match="points out of the package"):
        archive(mirror, commit)


@pytest.mark.parametrize(
    "links",
    [
        {"link": "a/b"},
        {"link": "nothing"},
        {"a/link": "../a/./b"},
        {"a/link": "../c/../a/b"},
        {"loop": "loop"},
        {"one": "two", "two": "one"},
        {"dir": "a", "through": "dir/../a/b"},
    ],
)
def test_a_link_inside_the_tree_stays(
    upstream: Upstream, mirror: Mirror, links: dict[str, str]
) -> None:
    commit = upstream.commit({"a/b": "1", "c/d": "2"}, links=links)
    mirror.sync()
    found = members(archive(mirror, commit))
    assert {f"acme-lib/{name}" for name in links} < found.keys()


def test_a_link_out_of_a_sub_directory_is_refused_though_it_stays_in_the_repository(
    upstream: Upstream, mirror: Mirror
) -> None:
    commit = upstream.commit({"LICENSE": "MIT", "pkg/a": "1"}, links={"pkg/LICENSE": "../LICENSE"})
    mirror.sync()
    assert archive(mirror, commit)
    with pytest.raises(UnsafeTree):
        archive(mirror, commit, "pkg")


def test_a_link_that_is_not_exported_harms_nobody(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit(
        {".gitattributes": "tests export-ignore", "a": "1", "tests/x": "1"},
        links={"tests/out": "/etc/passwd"},
    )
    mirror.sync()
    assert members(archive(mirror, commit))["acme-lib/a"] == b"1"


@pytest.mark.parametrize("name", [b"a\\..\\b", b"a\x1b[2Jb", b"a\nb", b"C:x"])
def test_a_name_that_means_something_elsewhere_is_refused(
    upstream: Upstream, mirror: Mirror, name: bytes
) -> None:
    commit = upstream.commit_tree(upstream.raw_tree(("100644", name, upstream.blob(b"1"))))
    upstream.ref("refs/heads/main", commit)
    mirror.sync()
    with pytest.raises(UnsafeTree, match="not safe to unpack") as caught:
        archive(mirror, commit)
    assert "\x1b" not in caught.value.reason


def test_an_84_kb_tree_bomb_fails_one_ref_quickly_and_the_other_refs_import(
    upstream: Upstream, mirror: Mirror
) -> None:
    tree = upstream.raw_tree(
        *[("100644", b"%04d" % n, upstream.blob(b"x")) for n in range(1)],
    )
    for _ in range(3):
        tree = upstream.raw_tree(*[("40000", b"%04d" % n, tree) for n in range(1000)])
    bomb = upstream.commit_tree(tree)
    upstream.ref("refs/heads/bomb", bomb)
    good = upstream.commit({"a": "1"})
    mirror.sync()
    begin = time.monotonic()
    with mirror.locked():
        with pytest.raises(TooLarge, match="too many files"):
            archive(mirror, bomb)
        assert archive(mirror, good)
    assert time.monotonic() - begin < 5


def test_folders_nested_too_deep_are_refused(upstream: Upstream, mirror: Mirror) -> None:
    tree = upstream.tree({"a": "1"})
    for _ in range(70):
        tree = upstream.raw_tree(("40000", b"d", tree))
    commit = upstream.commit_tree(tree)
    upstream.ref("refs/heads/main", commit)
    mirror.sync()
    with pytest.raises(UnsafeTree, match="nested"):
        archive(mirror, commit)


def test_files_larger_than_the_limit_are_refused_before_they_are_archived(
    upstream: Upstream, tmp_path: Path, policy: GitPolicy
) -> None:
    commit = upstream.commit({"a": b"x" * 600, "b/c": b"y" * 600})
    small = replace(policy, max_archive_bytes=1000)
    mirror = Mirror(tmp_path / "m" / "1.git", GitRemote(url=upstream.url), small)
    mirror.sync()
    with pytest.raises(TooLarge, match="1000 bytes"):
        archive(mirror, commit)


def test_a_200_mb_blob_passes_with_flat_memory(upstream: Upstream, mirror: Mirror) -> None:
    script = (
        "import resource, sys, zipfile\n"
        "from pathlib import Path\n"
        "from packistry.git import *\n"
        "root, path, commit = sys.argv[1:]\n"
        "policy = GitPolicy(local_roots=(Path(root),))\n"
        "mirror = Mirror(Path(path), GitRemote(url=root + '/upstream.git'), policy)\n"
        "mirror.sync()\n"
        "with mirror.archive(commit, prefix='p') as stream:\n"
        "    print(zipfile.ZipFile(stream).getinfo('p/big.bin').file_size)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
        "lines = Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(int(l.split()[1]) // 1024 for l in lines if l.startswith('VmHWM')))\n"
    )
    with tempfile.NamedTemporaryFile(dir=upstream.path) as file:
        for _ in range(200):
            file.write(os.urandom(1000) * 1000)
        file.flush()
        oid = upstream.git("-c", "core.bigFileThreshold=1m", "hash-object", "-w", file.name)
    commit = upstream.commit_tree(upstream.raw_tree(("100644", b"big.bin", oid)))
    upstream.ref("refs/heads/main", commit)
    upstream.git("-c", "core.bigFileThreshold=1m", "repack", "-adq")
    root = str(upstream.path.parent)
    done = subprocess.run(
        [sys.executable, "-c", script, root, str(mirror.path), commit],
        check=True,
        capture_output=True,
        text=True,
    )
    size, children, own = map(int, done.stdout.split())
    assert size == 200_000_000
    assert max(own, children) < 128


def test_submodules_and_lfs_pointers_are_counted_and_nobody_else_is_contacted(
    upstream: Upstream, mirror: Mirror
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    commit = upstream.commit(
        {
            ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = http://127.0.0.1:1/x.git\n',
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
            ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:1/\n",
            "a.bin": pointer,
        },
        submodules={"x": "1" * 40},
    )
    mirror.sync()
    found = mirror.survey(commit)
    assert (found.submodules, found.pointers) == (1, 1)
    assert members(archive(mirror, commit))["acme-lib/a.bin"] == pointer.encode()


def test_archives_of_several_threads_run_while_one_holds_the_mirror(
    upstream: Upstream, mirror: Mirror
) -> None:
    commits = [upstream.commit({"n": str(n)}) for n in range(12)]
    with mirror.locked(), ThreadPoolExecutor(4) as pool:
        mirror.sync()
        found = list(pool.map(lambda commit: archive(mirror, commit), commits))
    assert [members(data)["acme-lib/n"] for data in found] == [b"%d" % n for n in range(12)]


def test_the_digest_of_a_known_commit_never_changes(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"composer.json": "{}"})
    mirror.sync()
    first = hashlib.sha1(archive(mirror, commit)).hexdigest()
    assert hashlib.sha1(archive(mirror, commit)).hexdigest() == first


PARTS = st.lists(st.sampled_from(["..", ".", "", "a", "b"]), min_size=1, max_size=8)


@given(PARTS, st.integers(0, 3))
def test_a_target_said_to_stay_inside_never_leaves(parts: list[str], depth: int) -> None:
    target = "/".join(parts)
    above = climb(target.encode())
    if above is not None and above <= depth:
        base = Path("/1/2/3/4/5/6/7/8") / "/".join(["d"] * depth)
        inside = Path(os.path.normpath(base / target))
        assert inside.is_relative_to("/1/2/3/4/5/6/7/8")


@given(PARTS, st.integers(0, 3))
def test_the_look_at_the_archive_and_the_survey_agree(parts: list[str], depth: int) -> None:
    target = "/".join(parts)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        info = zipfile.ZipInfo("p/" + "d/" * depth + "link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, target)
    above = climb(target.encode())
    if above is not None and above <= depth:
        check_archive(data, "p")


def test_what_is_expected_together_comes_as_if_it_were_asked_for_alone(
    upstream: Upstream, mirror: Mirror
) -> None:
    good = [upstream.commit({"lib/a": str(number), "lib/b": "b"}) for number in range(9)]
    tree = upstream.tree({"f": ""})
    for _ in range(70):
        tree = upstream.raw_tree(("40000", b"lib", tree))
    deep = upstream.commit_tree(tree)
    upstream.ref("refs/heads/deep", deep)
    elsewhere = upstream.commit({"src/a": ""})
    mirror.sync()
    alone = [archive(mirror, commit, "lib") for commit in good]
    expecting = Mirror(mirror.path, mirror.remote, mirror.policy)
    with expecting.locked():
        expecting.expect([*good[:5], deep, elsewhere, "e" * 40, *good[5:]], "lib")
        assert [archive(expecting, commit, "lib") for commit in good] == alone
        with pytest.raises(UnsafeTree):
            archive(expecting, deep, "lib")
        for missing in (elsewhere, "e" * 40):
            with pytest.raises(CommitNotFound):
                archive(expecting, missing, "lib")
