"""A remote made reachable: its URL checked, its address pinned, its credentials at hand."""

import ipaddress
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from packistry.git.command import Git
from packistry.git.credentials import http_credentials
from packistry.git.environment import MEMORY, TRANSFER
from packistry.git.errors import RefusedUrl, Unreachable
from packistry.git.policy import GitPolicy
from packistry.git.remote import GitRemote
from packistry.git.ssh import ssh_command
from packistry.git.urls import RemoteUrl, parse
from packistry.netguard import AddressRefused, HostUnknown


class Connection:
    """What commands that talk to a remote need; made by `connect`."""

    def __init__(
        self,
        remote: GitRemote,
        url: RemoteUrl,
        policy: GitPolicy,
        git: Git,
        addresses: Sequence[str] = (),
    ) -> None:
        """`addresses` are those of the host that may be contacted, the host itself for any."""
        self.remote = remote
        self.url = url
        self.policy = policy
        self.git = git
        self.addresses = addresses or (url.host,)


@contextmanager
def connect(
    remote: GitRemote, policy: GitPolicy, workspace: Path, *, inherited: tuple[int, ...] = ()
) -> Iterator[Connection]:
    """Check a remote and prepare its credentials; nothing is contacted but the name server.

    `workspace` is an empty folder of the caller's, private and removed afterwards. `inherited`
    are open files every git process shall hold. Raises RefusedUrl, Unreachable.
    """
    url = parse(remote.url, policy)
    if url.is_local:
        yield Connection(remote, url, policy, _local(url, workspace, inherited))
        return
    addresses = _resolve(url, policy)
    if url.scheme == "ssh":
        command = ssh_command(remote, url, policy, workspace, addresses)
        git = Git(
            directory=workspace,
            variables={
                "GIT_ALLOW_PROTOCOL": "ssh",
                "GIT_SSH_COMMAND": command,
                "GIT_SSH_VARIANT": "ssh",
            },
            settings=TRANSFER,
            inherited=inherited,
            secrets=remote.secrets,
        )
        yield Connection(remote, url, policy, git)
        return
    with http_credentials(remote, url) as credentials:
        git = Git(
            directory=workspace,
            variables={"GIT_ALLOW_PROTOCOL": url.scheme, **credentials.variables},
            settings=(
                *TRANSFER,
                *_http_settings(url, policy, addresses),
                *credentials.settings,
            ),
            inherited=(*inherited, *credentials.inherited),
            secrets=remote.secrets,
        )
        yield Connection(remote, url, policy, git, addresses)


def _resolve(url: RemoteUrl, policy: GitPolicy) -> list[str]:
    if policy.netguard is None:
        return []
    try:
        return policy.netguard.resolve(url.host, url.port)
    except AddressRefused as error:
        raise RefusedUrl(str(error)) from error
    except HostUnknown as error:
        raise Unreachable(str(error)) from error


def _http_settings(url: RemoteUrl, policy: GitPolicy, addresses: list[str]) -> tuple[str, ...]:
    settings: tuple[str, ...] = ()
    if policy.ca_file is not None:
        settings += (f"http.sslCAInfo={policy.ca_file}",)
    if addresses and not _is_address(url.host):
        pinned = ",".join(f"[{text}]" if ":" in text else text for text in addresses)
        settings += (f"http.curloptResolve={url.host}:{url.port}:{pinned}",)
    return settings


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _local(url: RemoteUrl, workspace: Path, inherited: tuple[int, ...]) -> Git:
    # The other end runs here as well. It drops the settings of the command line, but reads a
    # global file.
    lines = ["[core]", *(setting.removeprefix("core.") for setting in MEMORY)]
    if _owner(url.path) != os.geteuid():
        quoted = str(url.path).replace("\\", "\\\\").replace('"', '\\"')
        lines += ["[safe]", f'directory = "{quoted}"']
    config = workspace / "gitconfig"
    config.write_text("\n".join(lines) + "\n", "utf-8")
    variables = {"GIT_ALLOW_PROTOCOL": "file", "GIT_CONFIG_GLOBAL": str(config)}
    return Git(directory=workspace, variables=variables, settings=TRANSFER, inherited=inherited)


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return os.geteuid()
