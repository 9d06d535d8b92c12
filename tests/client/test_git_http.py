"""Mirrors of a git host over HTTP, with credentials and against what a host may try."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from packistry.git import GitError, GitPolicy, GitRemote, Mirror, Ref, probe
from packistry.git.command import CommandFailed
from packistry.git.connection import connect
from packistry.git.errors import (
    AuthenticationFailed,
    RefusedUrl,
    RepositoryNotFound,
    TimedOut,
    Unreachable,
)
from packistry.git.process import Limits
from packistry.netguard import NetGuard
from tests.client.git_server import GitServer
from tests.unit.git.upstream import Upstream

USER = "ada"
CANARY = "canary-5f1c/+ \"'$(touch x)"


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    (tmp_path / "repositories").mkdir()
    return Upstream(tmp_path / "repositories" / "lib.git")


@pytest.fixture
def server(upstream: Upstream) -> Iterator[GitServer]:
    with GitServer(upstream.path.parent) as server:
        yield server


@pytest.fixture
def private(upstream: Upstream) -> Iterator[GitServer]:
    with GitServer(upstream.path.parent, username=USER, password=CANARY) as server:
        yield server


@pytest.fixture
def policy() -> GitPolicy:
    return GitPolicy(allow_http=True, netguard=NetGuard(["127.0.0.1"]), timeout=30)


def mirror_of(tmp_path: Path, url: str, policy: GitPolicy, **credentials: str) -> Mirror:
    return Mirror(tmp_path / "mirrors" / "1.git", GitRemote(url=url, **credentials), policy)


def test_a_public_repository_is_mirrored(
    upstream: Upstream, server: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    commit = upstream.commit({"composer.json": "{}"})
    mirror = mirror_of(tmp_path, server.url("lib.git"), policy)
    mirror.sync()
    assert mirror.manifests([commit]) == {commit: b"{}"}
    assert mirror.default_branch() == "main"


def test_an_unchanged_repository_costs_the_host_one_listing(
    upstream: Upstream, server: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    upstream.commit({"a": "1"})
    mirror = mirror_of(tmp_path, server.url("lib.git"), policy)
    mirror.sync()
    server.seen.clear()
    mirror.sync()
    assert [(s.method, s.path) for s in server.seen] == [
        ("GET", "/lib.git/info/refs?service=git-upload-pack"),
        ("POST", "/lib.git/git-upload-pack"),
    ]


def test_a_private_repository_is_mirrored_with_its_credentials(
    upstream: Upstream, private: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    commit = upstream.commit({"composer.json": "{}"})
    url = private.url("lib.git")
    mirror = mirror_of(tmp_path, url, policy, username=USER, password=CANARY)
    mirror.sync()
    upstream.commit({"composer.json": "2"})
    mirror.sync()
    assert mirror.file(commit, "composer.json") == b"{}"


def test_the_user_name_may_be_in_the_url(
    upstream: Upstream, private: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    upstream.commit({"a": "1"})
    url = private.url("lib.git", host=f"{USER}@127.0.0.1")
    mirror_of(tmp_path, url, policy, password=CANARY).sync()


@pytest.mark.parametrize("credentials", [{}, {"username": USER, "password": "wrong-canary"}])
def test_missing_or_wrong_credentials_are_told_without_showing_them(
    private: GitServer, policy: GitPolicy, tmp_path: Path, credentials: dict[str, str]
) -> None:
    url = private.url("lib.git")
    with pytest.raises(AuthenticationFailed) as caught:
        mirror_of(tmp_path, url, policy, **credentials).sync()
    assert "wrong-canary" not in caught.value.reason


def test_no_token_is_in_argv_in_an_environment_in_the_mirrors_files_or_in_a_log(
    upstream: Upstream,
    private: GitServer,
    policy: GitPolicy,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream.commit({"a": "1"})
    caplog.set_level(logging.DEBUG)
    private.delay = 0.2
    done = threading.Event()
    seen: list[bytes] = []

    def watch() -> None:
        while not done.wait(0.005):
            seen.extend(_children())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        url = private.url("lib.git")
        mirror = mirror_of(tmp_path, url, policy, username=USER, password=CANARY)
        mirror.sync()
    finally:
        done.set()
        watcher.join()
    assert any(b"ls-remote" in text for text in seen)
    files = [p.read_bytes() for p in (tmp_path / "mirrors").rglob("*") if p.is_file()]
    logged = [record.getMessage().encode() for record in caplog.records]
    assert not [text for text in (*seen, *files, *logged) if b"canary" in text]
    assert "canary" not in repr(mirror.remote)


def _children() -> Iterator[bytes]:
    """Arguments and environments of everything this user runs below this process."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(entry.name) != os.getpid() and int(status[1]) != 1:
                yield (entry / "cmdline").read_bytes()
                if b"git" in (entry / "comm").read_bytes():
                    yield (entry / "environ").read_bytes()
        except (OSError, IndexError):
            continue


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_host_that_redirects_a_clone_to_another_port_sees_no_token_there(
    upstream: Upstream, private: GitServer, policy: GitPolicy, tmp_path: Path, status: int
) -> None:
    with GitServer(upstream.path.parent, username=USER, password=CANARY) as other:
        private.redirect = other.url("").rstrip("/")
        private.redirect_status = HTTPStatus(status)
        url = private.url("lib.git")
        with pytest.raises(RefusedUrl, match="redirects"):
            mirror_of(tmp_path, url, policy, username=USER, password=CANARY).sync()
        assert other.seen == []


def test_credentials_are_not_given_to_a_host_that_was_not_configured(
    upstream: Upstream, private: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    upstream.commit({"a": "1"})
    remote = GitRemote(url="http://127.0.0.1:1/lib.git", username=USER, password=CANARY)
    limits = Limits(seconds=20, file_bytes=0)
    with (
        connect(remote, policy, tmp_path) as connection,
        pytest.raises(CommandFailed, match="could not read Username"),
    ):
        connection.git.output(["ls-remote", "--", private.url("lib.git")], limits)
    assert {request.authorization for request in private.seen} == {""}


def test_a_missing_repository_is_told(server: GitServer, policy: GitPolicy, tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFound):
        mirror_of(tmp_path, server.url("nothing.git"), policy).sync()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, AuthenticationFailed),
        (404, RepositoryNotFound),
        (429, Unreachable),
        (500, Unreachable),
        (503, Unreachable),
    ],
)
def test_a_status_of_the_host_becomes_its_meaning(
    server: GitServer, policy: GitPolicy, tmp_path: Path, status: int, error: type[GitError]
) -> None:
    server.status = HTTPStatus(status)
    with pytest.raises(error):
        mirror_of(tmp_path, server.url("lib.git"), policy).sync()


def test_a_host_that_is_down_is_unreachable(policy: GitPolicy, tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        mirror_of(tmp_path, "http://127.0.0.1:1/lib.git", policy).sync()


def test_a_name_nobody_knows_is_unreachable(policy: GitPolicy, tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        mirror_of(tmp_path, "http://nobody.invalid/lib.git", policy).sync()


def test_a_host_that_never_answers_is_given_up(
    server: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    server.delay = 30
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        mirror_of(tmp_path, server.url("lib.git"), replace(policy, timeout=0.5)).sync()
    assert time.monotonic() - begin < 10


def test_a_hostile_message_of_the_host_arrives_as_plain_text(
    upstream: Upstream, server: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    upstream.commit({"a": "1"})
    server.status = HTTPStatus.OK
    message = b"ERR \x1b[2J\x1b]0;title\x07<script>\xe2\x80\xae glpat-abcdefghijklmnop"
    body = b"# service=git-upload-pack\n"
    server.message = b"%04x%s0000%04x%s" % (len(body) + 4, body, len(message) + 4, message)
    server.content_type = "application/x-git-upload-pack-advertisement"
    with pytest.raises(GitError) as caught:
        mirror_of(tmp_path, server.url("lib.git"), policy).sync()
    reason = caught.value.reason
    assert "<script>" in reason
    assert not [c for c in reason if c != "\n" and not c.isprintable()]
    assert "glpat-abc" not in reason


def test_a_name_that_answers_another_address_the_second_time_is_reached_at_the_checked_one(
    upstream: Upstream, policy: GitPolicy, tmp_path: Path
) -> None:
    commit = upstream.commit({"composer.json": "{}"})
    answers = [["127.0.0.2"], ["127.0.0.1"]]
    guard = NetGuard(["127.0.0.2"], lookup=lambda _host, _port: answers.pop(0))
    with GitServer(upstream.path.parent, host="127.0.0.2") as server:
        url = server.url("lib.git", host="rebound.invalid")
        mirror = mirror_of(tmp_path, url, replace(policy, netguard=guard))
        mirror.sync()
        assert mirror.file(commit, "composer.json") == b"{}"
        assert {request.headers["host"] for request in server.seen} == {
            f"rebound.invalid:{server.port}"
        }
        with pytest.raises(RefusedUrl):
            mirror.sync()


def test_plain_http_is_refused_unless_the_operator_allows_it(
    server: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    with pytest.raises(RefusedUrl, match="https"):
        mirror_of(tmp_path, server.url("lib.git"), replace(policy, allow_http=False)).sync()
    assert server.seen == []


def test_a_loopback_host_is_refused_unless_it_is_named(
    server: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    with pytest.raises(RefusedUrl):
        mirror_of(tmp_path, server.url("lib.git"), replace(policy, netguard=NetGuard())).sync()
    assert server.seen == []


def test_no_other_host_is_contacted_for_submodules_or_lfs(
    upstream: Upstream, server: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    with GitServer(upstream.path.parent) as other:
        modules = f'[submodule "x"]\n\tpath = x\n\turl = {other.url("lib.git")}\n'
        commit = upstream.commit(
            {
                ".gitmodules": modules,
                ".gitattributes": "* filter=lfs\n",
                ".lfsconfig": f"[lfs]\n\turl = {other.url('lfs')}\n",
            },
            submodules={"x": "1" * 40},
        )
        mirror = mirror_of(tmp_path, server.url("lib.git"), policy)
        mirror.sync()
        with mirror.archive(commit, prefix="p") as stream:
            assert stream.read(2) == b"PK"
        assert mirror.survey(commit).submodules == 1
        assert other.seen == []


def test_a_large_history_with_many_refs_is_mirrored(
    upstream: Upstream, server: GitServer, policy: GitPolicy, tmp_path: Path
) -> None:
    commits = [upstream.commit({"composer.json": f"{n}"}) for n in range(60)]
    for number, commit in enumerate(commits):
        upstream.tag(f"v{number}", commit)
    mirror = mirror_of(tmp_path, server.url("lib.git"), policy)
    mirror.sync()
    assert len([ref for ref in mirror.refs() if isinstance(ref, Ref)]) == 61


def test_a_repository_can_be_asked_for_its_refs_without_a_mirror(
    upstream: Upstream, server: GitServer, policy: GitPolicy
) -> None:
    commit = upstream.commit({"a": "1"})
    found = probe(GitRemote(url=server.url("lib.git")), policy)
    assert (found.refs, found.head) == ({b"refs/heads/main": commit.encode()}, b"refs/heads/main")
