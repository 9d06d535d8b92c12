"""Mirrors of a git host over ssh: one key, confirmed host keys, nothing else."""

from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from packistry.git import GitPolicy, GitRemote, Mirror
from packistry.git.errors import (
    AuthenticationFailed,
    HostKeyChanged,
    HostKeyUnknown,
    RepositoryNotFound,
)
from packistry.git.ssh import scan_host_keys
from packistry.netguard import NetGuard
from tests.client.ssh_server import ssh_server
from tests.unit.git.upstream import Upstream


def new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


HOST_KEY, CLIENT_KEY = new_key(), new_key()


def private(key: asyncssh.SSHKey) -> str:
    return key.export_private_key().decode()


def known(port: int, key: asyncssh.SSHKey = HOST_KEY) -> str:
    return f"[127.0.0.1]:{port} {key.export_public_key().decode()}"


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    (tmp_path / "repositories").mkdir()
    found = Upstream(tmp_path / "repositories" / "lib.git")
    found.commit({"composer.json": "{}"})
    return found


@pytest.fixture
def port(upstream: Upstream) -> Iterator[int]:
    with ssh_server(upstream.path.parent, HOST_KEY, CLIENT_KEY) as port:
        yield port


@pytest.fixture
def policy() -> GitPolicy:
    return GitPolicy(netguard=NetGuard(["127.0.0.1"]), timeout=30)


def mirror_of(tmp_path: Path, remote: GitRemote, policy: GitPolicy) -> Mirror:
    return Mirror(tmp_path / "mirrors" / "1.git", remote, policy)


def url(port: int, name: str = "lib.git") -> str:
    return f"ssh://git@127.0.0.1:{port}/{name}"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_repository_is_mirrored_with_a_key_that_is_gone_afterwards(
    port: int, policy: GitPolicy, tmp_path: Path, line_end: str
) -> None:
    key = private(CLIENT_KEY).strip().replace("\n", line_end)
    remote = GitRemote(url=url(port), ssh_key=key, known_hosts=known(port))
    mirror = mirror_of(tmp_path / "50% of a folder", remote, policy)
    mirror.sync()
    assert [ref.name for ref in mirror.refs()] == ["main"]
    files = [path for path in (tmp_path / "mirrors").rglob("*") if path.is_file()]
    assert not [path for path in files if b"PRIVATE KEY" in path.read_bytes()]


def test_a_changed_host_key_stops_the_sync_with_the_old_and_new_fingerprints(
    port: int, policy: GitPolicy, tmp_path: Path
) -> None:
    old = new_key()
    remote = GitRemote(url=url(port), ssh_key=private(CLIENT_KEY), known_hosts=known(port, old))
    with pytest.raises(HostKeyChanged) as caught:
        mirror_of(tmp_path, remote, policy).sync()
    expected, offered = old.get_fingerprint(), HOST_KEY.get_fingerprint()
    assert (caught.value.expected, caught.value.offered) == ((expected,), (offered,))
    assert expected in caught.value.reason
    assert offered in caught.value.reason


def test_a_host_key_of_another_type_counts_as_changed(
    port: int, policy: GitPolicy, tmp_path: Path
) -> None:
    old = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    remote = GitRemote(url=url(port), ssh_key=private(CLIENT_KEY), known_hosts=known(port, old))
    with pytest.raises(HostKeyChanged) as caught:
        mirror_of(tmp_path, remote, policy).sync()
    assert caught.value.offered == (HOST_KEY.get_fingerprint(),)


def test_a_host_key_nobody_confirmed_stops_the_sync_with_its_fingerprint(
    port: int, policy: GitPolicy, tmp_path: Path
) -> None:
    remote = GitRemote(url=url(port), ssh_key=private(CLIENT_KEY))
    with pytest.raises(HostKeyUnknown) as caught:
        mirror_of(tmp_path, remote, policy).sync()
    assert caught.value.offered == (HOST_KEY.get_fingerprint(),)


def test_the_keys_a_host_shows_can_be_confirmed_as_they_are(
    port: int, policy: GitPolicy, tmp_path: Path
) -> None:
    lines = scan_host_keys(url(port), policy)
    remote = GitRemote(url=url(port), ssh_key=private(CLIENT_KEY), known_hosts=lines)
    mirror_of(tmp_path, remote, policy).sync()


def test_a_key_the_host_does_not_know_is_refused_without_being_shown(
    port: int, policy: GitPolicy, tmp_path: Path
) -> None:
    wrong = private(new_key())
    remote = GitRemote(url=url(port), ssh_key=wrong, known_hosts=known(port))
    with pytest.raises(AuthenticationFailed) as caught:
        mirror_of(tmp_path, remote, policy).sync()
    assert wrong.splitlines()[1] not in caught.value.reason


def test_the_operators_own_keys_are_not_tried(
    port: int, policy: GitPolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "home" / ".ssh"
    ssh.mkdir(parents=True)
    (ssh / "id_ed25519").write_text(private(CLIENT_KEY))
    (ssh / "id_ed25519").chmod(0o600)
    (ssh / "config").write_text("StrictHostKeyChecking no\n")
    monkeypatch.setenv("HOME", str(ssh.parent))
    remote = GitRemote(url=url(port), known_hosts=known(port))
    with pytest.raises(AuthenticationFailed):
        mirror_of(tmp_path, remote, policy).sync()


def test_a_repository_the_host_does_not_have_is_not_found(
    port: int, policy: GitPolicy, tmp_path: Path
) -> None:
    remote = GitRemote(
        url=url(port, "nothing.git"), ssh_key=private(CLIENT_KEY), known_hosts=known(port)
    )
    with pytest.raises(RepositoryNotFound):
        mirror_of(tmp_path, remote, policy).sync()


def test_a_name_is_reached_at_the_address_that_was_checked(
    port: int, policy: GitPolicy, tmp_path: Path
) -> None:
    answers = [["127.0.0.1"]]
    guard = NetGuard(["127.0.0.1"], lookup=lambda _host, _port: answers.pop())
    remote = GitRemote(
        url=f"ssh://git@rebound.invalid:{port}/lib.git",
        ssh_key=private(CLIENT_KEY),
        known_hosts=known(port).replace("127.0.0.1", "rebound.invalid"),
    )
    mirror_of(tmp_path, remote, GitPolicy(netguard=guard, timeout=30)).sync()
    assert answers == []
