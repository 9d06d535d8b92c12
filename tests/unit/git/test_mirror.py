import os
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from packistry.git import GitPolicy, GitRemote, Mirror, Ref, RefKind, RefusedRef
from packistry.git.errors import (
    CommitNotFound,
    GitError,
    MalformedObjects,
    TooLarge,
)
from tests.unit.git.upstream import Upstream


def names(mirror: Mirror) -> list[str]:
    return [ref.name for ref in mirror.refs()]


def commit_of(mirror: Mirror, name: str) -> str:
    return next(r.commit for r in mirror.refs() if isinstance(r, Ref) and r.name == name)


def test_branches_and_tags_come_with_their_commit_and_author_date(
    upstream: Upstream, mirror: Mirror
) -> None:
    commit = upstream.commit({"composer.json": "{}"})
    upstream.tag("v1.0.0", commit)
    upstream.annotated("v2.0.0", commit)
    mirror.sync()
    when = datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
    assert list(mirror.refs()) == [
        Ref(kind=RefKind.BRANCH, name="main", commit=commit, committed_at=when),
        Ref(kind=RefKind.TAG, name="v1.0.0", commit=commit, committed_at=when),
        Ref(kind=RefKind.TAG, name="v2.0.0", commit=commit, committed_at=when),
    ]


def test_a_tag_of_a_tag_leads_to_the_commit(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"a": "1"})
    upstream.annotated("outer", upstream.annotated("middle", upstream.annotated("inner", commit)))
    mirror.sync()
    assert {r.commit for r in mirror.refs() if isinstance(r, Ref)} == {commit}


def test_a_tag_of_a_file_is_refused_with_a_reason(upstream: Upstream, mirror: Mirror) -> None:
    upstream.tag("key", upstream.blob(b"my public key"))
    upstream.annotated("tree", upstream.tree({"a": "1"}))
    mirror.sync()
    reason = "It does not point to a commit."
    assert list(mirror.refs()) == [
        RefusedRef(kind=RefKind.TAG, name="key", reason=reason),
        RefusedRef(kind=RefKind.TAG, name="tree", reason=reason),
    ]


def test_a_branch_named_like_an_option_imports_and_no_file_appears(
    upstream: Upstream, mirror: Mirror, tmp_path: Path
) -> None:
    commit = upstream.commit({"composer.json": "{}"})
    upstream.ref("refs/heads/--output=x", commit)
    upstream.ref("refs/tags/-x", commit)
    mirror.sync()
    assert names(mirror) == ["--output=x", "main", "-x"]
    with mirror.archive(commit, prefix="pkg") as stream:
        assert zipfile.ZipFile(stream).namelist() == ["pkg/", "pkg/composer.json"]
    assert not [p for folder in (tmp_path, Path.cwd()) for p in folder.rglob("x")
                if p.parent.name not in {"heads", "tags"} and ".venv" not in p.parts]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown", "reason"),
    [
        (b"caf\xe9", "caf\\xe9", "The name is not UTF-8."),
        ("a\u202eb".encode(), "a\\u202eb", "The name holds control or text-direction characters."),
        (b"x/" * 100 + b"y" * 56, "x/" * 100 + "y" * 55, "The name is longer than 255 bytes."),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused_with_a_reason(
    upstream: Upstream, mirror: Mirror, name: bytes, shown: str, reason: str
) -> None:
    upstream.ref(b"refs/tags/" + name, upstream.commit({"a": "1"}))
    mirror.sync()
    assert list(mirror.refs())[1:] == [RefusedRef(kind=RefKind.TAG, name=shown, reason=reason)]


@pytest.mark.parametrize("name", ["feature/a#b", "<img src=x onerror=alert(1)>".replace(" ", "_"),
                                  "größe", "1.x", "a'b\"c", "a%0ab", "@"])  # fmt: skip
def test_an_odd_but_printable_name_is_kept(upstream: Upstream, mirror: Mirror, name: str) -> None:
    upstream.ref(f"refs/heads/{name}", upstream.commit({"a": "1"}))
    mirror.sync()
    assert name in names(mirror)


def test_a_commit_date_no_calendar_holds_does_not_stop_the_others(
    upstream: Upstream, mirror: Mirror
) -> None:
    tree = upstream.tree({"a": "1"})
    data = f"tree {tree}\nauthor A <a@b> 99999999999999 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"
    arguments = ("hash-object", "-w", "-t", "commit", "--literally", "--stdin")
    upstream.tag("late", upstream.git(*arguments, data=data.encode()))
    mirror.sync()
    assert names(mirror) == ["late"]


def test_an_empty_repository_has_no_refs_and_no_default_branch(mirror: Mirror) -> None:
    mirror.sync()
    assert (list(mirror.refs()), mirror.default_branch()) == ([], None)


def test_an_empty_repository_can_be_filled_later(upstream: Upstream, mirror: Mirror) -> None:
    mirror.sync()
    upstream.commit({"a": "1"})
    mirror.sync()
    assert (names(mirror), mirror.default_branch()) == (["main"], "main")


def test_a_repository_of_sha256_objects_is_mirrored(tmp_path: Path, policy: GitPolicy) -> None:
    upstream = Upstream(tmp_path / "sha256.git", object_format="sha256")
    commit = upstream.commit({"composer.json": "{}"})
    mirror = Mirror(tmp_path / "m" / "1.git", GitRemote(url=upstream.url), policy)
    mirror.sync()
    assert mirror.manifests([commit]) == {commit: b"{}"}
    with mirror.archive(commit, prefix="p") as stream:
        assert "p/composer.json" in zipfile.ZipFile(stream).namelist()


def test_the_default_branch_follows_the_remote(upstream: Upstream, mirror: Mirror) -> None:
    upstream.commit({"a": "1"})
    upstream.commit({"a": "1"}, branch="2.x")
    mirror.sync()
    before = mirror.default_branch()
    upstream.git("symbolic-ref", "HEAD", "refs/heads/2.x")
    mirror.sync()
    assert (before, mirror.default_branch()) == ("main", "2.x")


def test_a_head_that_names_no_branch_is_no_default_branch(
    upstream: Upstream, mirror: Mirror
) -> None:
    upstream.commit({"a": "1"})
    upstream.git("symbolic-ref", "HEAD", "refs/heads/gone")
    mirror.sync()
    assert mirror.default_branch() is None


def test_a_moved_branch_a_repushed_tag_and_a_deleted_ref_are_followed(
    upstream: Upstream, mirror: Mirror
) -> None:
    first = upstream.commit({"a": "1"})
    upstream.tag("v1", first)
    upstream.tag("gone", first)
    mirror.sync()
    second = upstream.commit({"a": "2"})
    upstream.tag("v1", second)
    upstream.delete("refs/tags/gone")
    mirror.sync()
    found = {r.name: r.commit for r in mirror.refs() if isinstance(r, Ref)}
    assert found == {"main": second, "v1": second}


def test_a_branch_that_becomes_a_folder_of_branches_is_followed(
    upstream: Upstream, mirror: Mirror
) -> None:
    upstream.ref("refs/heads/a", upstream.commit({"a": "1"}))
    mirror.sync()
    commit = commit_of(mirror, "a")
    upstream.delete("refs/heads/a")
    upstream.ref("refs/heads/a/b", commit)
    mirror.sync()
    assert names(mirror) == ["a/b", "main"]


def test_a_commit_stays_readable_after_its_branch_moved_away(
    upstream: Upstream, mirror: Mirror
) -> None:
    first = upstream.commit({"composer.json": "1"})
    mirror.sync()
    upstream.ref("refs/heads/main", upstream.commit({"composer.json": "2"}, branch="other"))
    mirror.sync()
    assert mirror.file(first, "composer.json") == b"1"


def test_a_commit_that_exists_only_under_refs_pull_is_nowhere(
    upstream: Upstream, mirror: Mirror
) -> None:
    upstream.commit({"a": "1"})
    impostor = upstream.commit_tree(upstream.tree({"composer.json": "{}"}))
    upstream.ref("refs/pull/1/head", impostor)
    mirror.sync()
    assert names(mirror) == ["main"]
    with pytest.raises(CommitNotFound), mirror.archive(impostor, prefix="p"):
        pass


def test_manifests_of_all_commits_come_at_once(upstream: Upstream, mirror: Mirror) -> None:
    commits = [upstream.commit({"composer.json": f"{n}", "x": "y"}) for n in range(120)]
    without = upstream.commit({"x": "y"})
    mirror.sync()
    assert mirror.manifests([*commits, without]) == {
        **{commit: str(n).encode() for n, commit in enumerate(commits)},
        without: None,
    }


def test_a_manifest_in_a_sub_directory_is_found(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"src/pkg/composer.json": "{}", "composer.json": "root"})
    mirror.sync()
    assert mirror.manifests([commit], "src/pkg/composer.json") == {commit: b"{}"}


def test_a_manifest_that_is_a_link_is_no_manifest(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"real.json": "{}"}, links={"composer.json": "real.json"})
    mirror.sync()
    assert mirror.manifests([commit]) == {commit: None}


def test_a_huge_manifest_comes_cut_one_byte_after_the_limit(
    upstream: Upstream, mirror: Mirror
) -> None:
    commit = upstream.commit({"composer.json": b" " * 3_000_000})
    mirror.sync()
    assert mirror.manifests([commit]) == {commit: b" " * (1024 * 1024 + 1)}


@pytest.mark.parametrize("path", ["README.md\nHEAD", "../README.md", "docs/../README.md", "link.md",
                                  "docs", "linked/README.md", "", "/", "READ\0ME.md"])  # fmt: skip
def test_a_path_with_a_newline_dots_or_a_link_yields_no_file_and_no_second_object(
    upstream: Upstream, mirror: Mirror, path: str
) -> None:
    commit = upstream.commit(
        {"README.md": "hello", "docs/README.md": "docs"},
        links={"link.md": "README.md", "linked": "docs"},
    )
    mirror.sync()
    assert mirror.file(commit, path) is None


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"readme.MD": "markdown", "README": "plain"}, "markdown"),
        ({"README": "plain", "readme.php": "no"}, "plain"),
        ({"README.md": b"\xef\xbb\xbfbom"}, "bom"),
        ({"README.md": b"caf\xe9"}, "caf\ufffd"),
        ({"docs/README.md": "elsewhere"}, None),
    ],
)
def test_the_readme_is_found_in_any_case(
    upstream: Upstream, mirror: Mirror, files: dict[str, bytes | str], text: str | None
) -> None:
    commit = upstream.commit(files)
    mirror.sync()
    assert mirror.readme(commit) == text


def test_the_readme_of_a_sub_directory_is_its_own(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"README.md": "root", "pkg/README.md": "package"})
    mirror.sync()
    assert mirror.readme(commit, "pkg") == "package"


def test_a_long_readme_is_cut(upstream: Upstream, mirror: Mirror) -> None:
    commit = upstream.commit({"README.md": "x" * 1_000_000})
    mirror.sync()
    assert mirror.readme(commit) == "x" * 512 * 1024


def test_a_commit_that_is_no_object_id_is_not_given_to_git(
    upstream: Upstream, mirror: Mirror
) -> None:
    upstream.commit({"a": "1"})
    mirror.sync()
    with pytest.raises(CommitNotFound):
        mirror.manifests(["--output=x"])


def test_a_pack_whose_tree_holds_dot_git_fails_the_sync_with_a_reason_and_serves_no_dist(
    upstream: Upstream, mirror: Mirror
) -> None:
    inner = upstream.raw_tree(("100644", b"config", upstream.blob(b"[core]")))
    commit = upstream.commit_tree(upstream.raw_tree(("40000", b".git", inner)))
    upstream.ref("refs/heads/main", commit)
    with pytest.raises(MalformedObjects, match="hasDotgit"):
        mirror.sync()
    with pytest.raises(GitError), mirror.archive(commit, prefix="p"):
        pass


def test_a_repository_without_its_history_is_refused_with_a_reason(
    upstream: Upstream, mirror: Mirror
) -> None:
    (upstream.path / "shallow").write_text(upstream.commit({"a": "1"}) + "\n")
    with pytest.raises(MalformedObjects, match="shallow clone"):
        mirror.sync()


def test_a_harmless_old_fault_does_not_stop_a_sync(upstream: Upstream, mirror: Mirror) -> None:
    blob = upstream.blob(b"1")
    inner = upstream.raw_tree(("100644", b"a", blob))
    commit = upstream.commit_tree(upstream.raw_tree(("040000", b"d", inner)))
    upstream.ref("refs/heads/main", commit)
    mirror.sync()
    assert mirror.file(commit, "d/a") == b"1"


def test_more_refs_than_allowed_stop_the_sync(
    upstream: Upstream, tmp_path: Path, policy: GitPolicy
) -> None:
    commit = upstream.commit({"a": "1"})
    for number in range(5):
        upstream.tag(f"v{number}", commit)
    small = replace(policy, max_refs=5)
    with pytest.raises(TooLarge, match="5 branches and tags"):
        Mirror(tmp_path / "m" / "1.git", GitRemote(url=upstream.url), small).sync()


def test_a_repository_above_the_size_limit_is_refused_and_leaves_nothing(
    upstream: Upstream, tmp_path: Path, policy: GitPolicy
) -> None:
    upstream.commit({"noise": os.urandom(3_000_000)})
    folder = tmp_path / "m"
    small = replace(policy, max_bytes=1_000_000)
    with pytest.raises(TooLarge):
        Mirror(folder / "1.git", GitRemote(url=upstream.url), small).sync()
    assert [path.name for path in folder.iterdir()] == ["1.git.lock"]


def test_a_mirror_is_private_and_its_config_knows_no_remote(
    upstream: Upstream, mirror: Mirror
) -> None:
    upstream.commit({"a": "1"})
    mirror.sync()
    assert mirror.path.stat().st_mode & 0o777 == 0o700
    assert not re.search("remote|url", (mirror.path / "config").read_text())


def test_many_small_fetches_leave_few_packs(upstream: Upstream, mirror: Mirror) -> None:
    commits = []
    for number in range(45):
        commits.append(upstream.commit({"composer.json": str(number)}))
        mirror.sync()
    assert len(list(mirror.path.glob("objects/pack/*.pack"))) < 41
    assert mirror.manifests(commits)[commits[0]] == b"0"


def test_removing_a_mirror_leaves_nothing(upstream: Upstream, mirror: Mirror) -> None:
    upstream.commit({"a": "1"})
    mirror.sync()
    mirror.remove()
    assert list(mirror.path.parent.iterdir()) == []
