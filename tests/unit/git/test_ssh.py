import shlex
import subprocess
from pathlib import Path

import pytest

from packistry.git import GitPolicy, GitRemote
from packistry.git.ssh import fingerprints, host_key_name, ssh_command
from packistry.git.urls import parse

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
PRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def options(url: str, tmp_path: Path, addresses: list[str]) -> dict[str, str]:
    """What ssh itself makes of our command."""
    remote = GitRemote(url=url, ssh_key="key", known_hosts="host key")
    policy = GitPolicy()
    command = shlex.split(ssh_command(remote, parse(url, policy), policy, tmp_path, addresses))
    shown = subprocess.run([*command, "-G", "git.example.org"], capture_output=True, check=True)
    rows = (line.partition(" ") for line in shown.stdout.decode().splitlines())
    return {name: value for name, _, value in rows}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("batchmode", "yes"),
        ("stricthostkeychecking", "true"),
        ("globalknownhostsfile", "/dev/null"),
        ("identitiesonly", "yes"),
        ("identityagent", "none"),
        ("forwardagent", "no"),
        ("forwardx11", "no"),
        ("clearallforwardings", "yes"),
        ("permitlocalcommand", "no"),
        ("controlmaster", "false"),
        ("updatehostkeys", "false"),
        ("hostname", "192.0.2.7"),
        ("hostkeyalias", "[git.example.org]:2222"),
    ],
)
def test_ssh_runs_with_nothing_but_our_options(tmp_path: Path, option: str, value: str) -> None:
    url = "ssh://git@git.example.org:2222/a.git"
    assert options(url, tmp_path, ["192.0.2.7"])[option] == value


def test_ssh_reads_only_the_files_of_this_call(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    found = options("git@git.example.org:a.git", folder, [])
    assert found["userknownhostsfile"] == str(folder / "known_hosts")
    assert found["identityfile"].strip('"') == str(folder / "key")
    assert (folder / "key").stat().st_mode & 0o777 == 0o600


def test_a_fingerprint_is_what_ssh_keygen_shows() -> None:
    assert fingerprints(f"github.com {KEY}\n") == (PRINT,)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"github.com,other {KEY}", (PRINT,)),
        (f"*.com {KEY}", (PRINT,)),
        (f"[github.com]:2222 {KEY}", ()),
        (f"# github.com {KEY}", ()),
        (f"@revoked github.com {KEY}", ()),
        ("github.com ssh-ed25519 not-base64!", ()),
        ("github.com", ()),
        (f"|1|{'A' * 27}=|{'A' * 27}= {KEY}", ()),
        (f"|1|broken {KEY}", ()),
    ],
)
def test_only_the_lines_of_a_host_count(line: str, found: tuple[str, ...]) -> None:
    assert fingerprints(line, "github.com") == found


def test_a_hashed_line_is_recognized(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"github.com {KEY}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True)
    assert fingerprints(path.read_text(), "github.com") == (PRINT,)
    assert fingerprints(path.read_text(), "gitlab.com") == ()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("git@Host.Example:a", "host.example"),
        ("ssh://git@host.example:22/a", "host.example"),
        ("ssh://git@host.example:7999/a", "[host.example]:7999"),
    ],
)
def test_a_host_is_looked_up_as_known_hosts_names_it(url: str, name: str) -> None:
    assert host_key_name(parse(url, GitPolicy())) == name
