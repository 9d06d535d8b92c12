import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from packistry.git import GitPolicy, GitRemote, Mirror, probe
from packistry.git.errors import (
    GitError,
    RefusedUrl,
    RepositoryNotFound,
)
from tests.unit.git.upstream import Upstream


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/x",
        "ext::id",
        "fd::7",
        "git://example.org/a.git",
        "http://example.org/a.git",
        "ftp://example.org/a.git",
        "file:///etc",
        "/etc",
        "../a.git",
        "--upload-pack=touch x",
        "https://-oProxyCommand=x/a.git",
        "ssh://-oProxyCommand=x/a.git",
        "-oProxyCommand=x:a.git",
        "git@host:-x",
        "https://example.org/a%0ab.git",
        "https://example.org/a\nb.git",
        "https://user:secret@example.org/a.git",
        "https://example.org/a.git?x",
        "https://127.1/a.git",
        "https://①②⑦.0.0.1/a.git",
        "https://localhost/a.git",
        "ssh://git@127.0.0.1/a.git",
        "git@localhost:a.git",
        "",
        "a" * 3000,
    ],
)
def test_a_url_that_is_dangerous_is_refused_before_git_starts(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # starting git would be another error
    mirror = Mirror(tmp_path / "1.git", GitRemote(url=url), GitPolicy())
    with pytest.raises(RefusedUrl) as caught:
        mirror.sync()
    assert "secret" not in str(caught.value)


def test_a_link_below_the_root_that_leads_out_of_it_is_refused(
    upstream: Upstream, tmp_path: Path
) -> None:
    root = tmp_path / "allowed"
    root.mkdir()
    (root / "repo").symlink_to(upstream.path)
    policy = GitPolicy(local_roots=(root,))
    with pytest.raises(RefusedUrl):
        probe(GitRemote(url=str(root / "repo")), policy)


def test_a_dot_git_file_below_the_root_that_leads_out_of_it_is_refused(
    upstream: Upstream, tmp_path: Path
) -> None:
    work = tmp_path / "allowed" / "work"
    work.mkdir(parents=True)
    (work / ".git").write_text(f"gitdir: {upstream.path}\n")
    with pytest.raises(RefusedUrl):
        probe(GitRemote(url=str(work)), GitPolicy(local_roots=(work.parent,)))


def test_a_checkout_with_spaces_and_quotes_in_its_path_is_read(
    upstream: Upstream, tmp_path: Path, policy: GitPolicy
) -> None:
    upstream.commit({"a": "1"})
    work = tmp_path / 'my "odd" folder % é'
    work.mkdir()
    shutil.copytree(upstream.path, work / ".git")
    assert list(probe(GitRemote(url=str(work)), policy).refs) == [b"refs/heads/main"]


def test_a_folder_of_another_user_is_read(
    upstream: Upstream, policy: GitPolicy, other_owner: Callable[[Path], None]
) -> None:
    upstream.commit({"a": "1"})
    other_owner(upstream.path)
    assert list(probe(GitRemote(url=upstream.url), policy).refs) == [b"refs/heads/main"]


def test_a_path_without_a_repository_is_not_found(tmp_path: Path, policy: GitPolicy) -> None:
    with pytest.raises(RepositoryNotFound):
        probe(GitRemote(url=str(tmp_path / "nothing")), policy)


def test_a_repository_that_lacks_objects_is_said_to_be_damaged_where_it_comes_from(
    upstream: Upstream, tmp_path: Path, policy: GitPolicy
) -> None:
    blob = upstream.blob(b"lost")
    upstream.commit({"a": "lost"})
    (upstream.path / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(GitError, match="damaged where it comes from"):
        Mirror(tmp_path / "m" / "1.git", GitRemote(url=upstream.url), policy).sync()
