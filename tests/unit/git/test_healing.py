import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from packistry.git import Mirror, Ref
from packistry.git.errors import (
    Corrupt,
    RepositoryNotFound,
)
from tests.unit.git.upstream import Upstream


def commit_of(mirror: Mirror, name: str) -> str:
    return next(r.commit for r in mirror.refs() if isinstance(r, Ref) and r.name == name)


def test_a_vanished_mirror_is_cloned_anew_by_a_read(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"composer.json": "{}"})
    mirror.sync()
    shutil.rmtree(mirror.path)
    assert mirror.file(commit, "composer.json") == b"{}"


BREAKAGES: dict[str, Callable[[Path], None]] = {
    "no HEAD": lambda path: (path / "HEAD").unlink(),
    "garbage in HEAD": lambda path: _overwrite(path / "HEAD", b"garbage"),
    "no objects": lambda path: shutil.rmtree(path / "objects"),
    "empty objects": lambda path: shutil.rmtree(path / "objects" / "pack"),
    "garbage in packed-refs": lambda path: _overwrite(path / "packed-refs", b"\0garbage\n"),
    "empty pack": lambda path: _overwrite(next(path.glob("objects/pack/*.pack")), b""),
    "cut pack": lambda path: _overwrite(next(path.glob("objects/pack/*.pack")), b"PACK"),
    "garbage in a pack": lambda path: _scramble(next(path.glob("objects/pack/*.pack"))),
    "garbage in config": lambda path: _overwrite(path / "config", b"[[[["),
    "a file in its place": lambda path: _replace_by_file(path),
}


def _overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def _replace_by_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("x")


def _scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(12, len(data) - 20):
        data[at] ^= 0x5A
    _overwrite(path, bytes(data))


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
def test_a_broken_mirror_heals_itself(
    upstream: Upstream, new_mirror: Callable[[], Mirror], breakage: Callable[[Path], None]
) -> None:
    first = upstream.commit({"composer.json": "1"})
    mirror = new_mirror()
    mirror.sync()
    breakage(mirror.path)
    second = upstream.commit({"composer.json": "2"})
    mirror = new_mirror()
    mirror.sync()
    assert commit_of(mirror, "main") == second
    assert mirror.manifests([first, second]) == {first: b"1", second: b"2"}
    with mirror.archive(first, prefix="p") as stream:
        assert zipfile.ZipFile(stream).read("p/composer.json") == b"1"


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
def test_a_broken_mirror_heals_itself_when_nothing_changed_upstream(
    upstream: Upstream, new_mirror: Callable[[], Mirror], breakage: Callable[[Path], None]
) -> None:
    commit = upstream.commit({"composer.json": "1"})
    mirror = new_mirror()
    mirror.sync()
    breakage(mirror.path)
    mirror = new_mirror()
    mirror.sync()
    assert commit_of(mirror, "main") == commit
    with mirror.archive(commit, prefix="p") as stream:
        assert zipfile.ZipFile(stream).read("p/composer.json") == b"1"


def test_a_mirror_whose_remote_is_gone_stays_as_it_is(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"composer.json": "1"})
    mirror.sync()
    upstream.path.rename(upstream.path.with_name("moved.git"))
    with pytest.raises(RepositoryNotFound):
        mirror.sync()
    assert mirror.file(commit, "composer.json") == b"1"


def test_a_broken_mirror_that_cannot_be_cloned_says_why(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"composer.json": "1"})
    mirror.sync()
    upstream.path.rename(upstream.path.with_name("moved.git"))
    shutil.rmtree(mirror.path / "objects")
    with pytest.raises((RepositoryNotFound, Corrupt)):
        mirror.file(commit, "composer.json")


def test_what_a_killed_sync_left_is_removed_by_the_next(upstream: Upstream, mirror: Mirror) -> None:
    upstream.commit({"a": "1"})
    mirror.sync()
    left = mirror.path.with_name(f"{mirror.path.name}.tmp-abc")
    left.mkdir()
    (left / "key").write_text("secret")
    (mirror.path / "packed-refs.lock").touch()
    (mirror.path / "refs/heads/main.lock").touch()
    (mirror.path / "objects/pack/tmp_pack_abc").touch()
    upstream.commit({"a": "2"})
    identity = mirror.path.stat().st_ino
    mirror.sync()
    assert {path.name for path in mirror.path.parent.iterdir()} == {"1.git", "1.git.lock"}
    assert not [*mirror.path.rglob("*.lock"), *mirror.path.rglob("tmp_*")]
    assert mirror.path.stat().st_ino == identity
