"""git over ssh: one key, the confirmed host keys, nothing of the operator's own set-up."""

import base64
import binascii
import contextlib
import fnmatch
import hashlib
import hmac
import re
import shlex
from pathlib import Path

from packistry.errors import PackistryError
from packistry.git.environment import environment
from packistry.git.errors import GitError, HostKeyChanged, HostKeyUnknown
from packistry.git.policy import GitPolicy
from packistry.git.process import Limits, Process
from packistry.git.remote import GitRemote
from packistry.git.urls import PORTS, RemoteUrl, parse

SCAN_SECONDS = 15.0
MAX_SCAN_BYTES = 65536

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")

_OPTIONS = (
    "BatchMode=yes",
    "CanonicalizeHostname=no",
    "CheckHostIP=no",
    "ClearAllForwardings=yes",
    "ControlMaster=no",
    "ControlPath=none",
    "ForwardAgent=no",
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PermitLocalCommand=no",
    "ServerAliveCountMax=4",
    "ServerAliveInterval=15",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
)


def host_key_name(url: RemoteUrl) -> str:
    """The name a known_hosts file has for a host."""
    return url.host if url.port == PORTS["ssh"] else f"[{url.host}]:{url.port}"


def ssh_command(
    remote: GitRemote, url: RemoteUrl, policy: GitPolicy, workspace: Path, addresses: list[str]
) -> str:
    """The value of GIT_SSH_COMMAND; writes the key and the known hosts into the workspace.

    `addresses` are the checked ones of the host, the first is used; none: ssh resolves itself.
    """
    known_hosts = workspace / "known_hosts"
    known_hosts.write_text(_lines(remote.known_hosts), "utf-8")
    identity = "none"
    if remote.ssh_key:
        key = workspace / "key"
        key.touch(mode=0o600)
        key.write_text(_lines(remote.ssh_key), "utf-8")
        identity = _quoted(key)
    options = [
        *_OPTIONS,
        f"ConnectTimeout={max(1, int(policy.connect_timeout))}",
        f"UserKnownHostsFile={_quoted(known_hosts)}",
        f"IdentityFile={identity}",
        f"HostKeyAlias={host_key_name(url)}",
    ]
    if addresses:
        options.append(f"HostName={addresses[0]}")
    command = ["ssh", "-F", "/dev/null", "-a", "-x", "-T"]
    for option in options:
        command += ["-o", option]
    return shlex.join(command)


def fingerprints(known_hosts: str, host: str = "") -> tuple[str, ...]:
    """The keys of a known_hosts text, as `ssh-keygen -l` shows them: `SHA256:…`.

    `host` picks the lines of one host (`name`, or `[name]:port` for a port other than 22).
    """
    found: list[str] = []
    for line in known_hosts.splitlines():
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith(("#", "@")):
            continue
        if host and not _names(fields[0], host):
            continue
        try:
            key = base64.b64decode(fields[2], validate=True)
        except binascii.Error:
            continue
        digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
        found.append(f"SHA256:{digest}")
    return tuple(dict.fromkeys(found))


def scan_host_keys(url: str, policy: GitPolicy) -> str:
    """The known_hosts lines of a URL's ssh server, as it shows them now and unconfirmed.

    Empty if it shows none, or the URL is not ssh. Raises RefusedUrl, AddressRefused, TimedOut.
    """
    parsed = parse(url, policy)
    if parsed.scheme != "ssh":
        return ""
    addresses = (
        policy.netguard.resolve(parsed.host, parsed.port) if policy.netguard else [parsed.host]
    )
    arguments = ["ssh-keyscan", "-T", "10", "-p", str(parsed.port), "--", addresses[0]]
    limits = Limits(seconds=SCAN_SECONDS, file_bytes=MAX_SCAN_BYTES)
    output = b""
    with Process(
        arguments, environment=environment("/"), directory=Path("/"), limits=limits
    ) as process:
        for piece in process.chunks():
            output += piece
            if len(output) > MAX_SCAN_BYTES:
                break
    name = host_key_name(parsed)
    rows = [row.split() for row in output.decode("ascii", "replace").splitlines()]
    return "".join(f"{name} {row[1]} {row[2]}\n" for row in rows if len(row) == 3 and row[0] != "#")


def host_key_error(stderr: str, remote: GitRemote, url: RemoteUrl, policy: GitPolicy) -> GitError:
    """What to say when ssh could not verify a host's key: the old and the new fingerprints."""
    expected = fingerprints(remote.known_hosts, host_key_name(url))
    shown = tuple(
        found
        for line in stderr.splitlines()
        if not line.startswith("remote:")
        for found in _FINGERPRINT.findall(line)
        if found not in expected
    )
    offered = shown
    if not offered:
        with contextlib.suppress(PackistryError):
            offered = fingerprints(scan_host_keys(remote.url, policy))
    new = " or ".join(offered) or "not shown"
    if not expected:
        return HostKeyUnknown(
            f"The host key of {url.host} is not confirmed yet. It shows {new}.", offered=offered
        )
    return HostKeyChanged(
        f"The host key of {url.host} has changed. Confirmed is {' or '.join(expected)}, but the"
        f" host shows {new}. If the host's owner says so, confirm the new key.",
        expected=expected,
        offered=offered,
    )


def _names(field: str, host: str) -> bool:
    if field.startswith("|1|"):
        try:
            _, _, salt, digest = field.split("|")
            wanted = hmac.digest(base64.b64decode(salt), host.encode(), "sha1")
            return hmac.compare_digest(wanted, base64.b64decode(digest))
        except ValueError:
            return False
    # `[` opens a character class for fnmatch, but is a bracket around a host here.
    return any(
        pattern == host or ("[" not in pattern and fnmatch.fnmatchcase(host, pattern))
        for pattern in field.lower().split(",")
    )


def _quoted(path: Path) -> str:
    """A path as ssh's configuration takes it: with spaces, without its % tokens."""
    return '"' + str(path).replace("%", "%%") + '"'


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip() + "\n"
