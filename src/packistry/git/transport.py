"""Talking to the host: what it has, and getting it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from packistry.git.command import CommandFailed
from packistry.git.connection import Connection
from packistry.git.errors import Corrupt, GitError, TooLarge, Unreachable
from packistry.git.failures import classify, is_host_key, is_tls
from packistry.git.process import Limits
from packistry.git.ssh import host_key_error
from packistry.git.tls import look_at

HEADS = b"refs/heads/"
TAGS = b"refs/tags/"
MAX_LISTING = 256 * 1024 * 1024
MAX_LINE = 8192
SMALL_FILE = 1024 * 1024

_REMOTE = re.compile(r'^\[remote "origin"\]\n(?:\t.*\n)*', re.MULTILINE)

Download = Callable[[Connection, Path, int, Callable[[], None]], None]

# Only these: a mirror of everything would hold the commits of whoever opens a pull request.
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


@dataclass(frozen=True, kw_only=True)
class Advertisement:
    """A host's branches and tags (full name to object id), and the full name of its HEAD's branch.

    `head` is b"" if HEAD is detached, unborn or names a branch that is not there.
    """

    refs: dict[bytes, bytes]
    head: bytes


def advertised(connection: Connection) -> Advertisement:
    """Ask the host for its refs. Raises GitError, TooLarge for more than the policy's refs."""
    listing = _Listing(connection.policy.max_refs)
    git = connection.git
    limits = Limits(seconds=connection.policy.timeout, file_bytes=SMALL_FILE)
    arguments = ["ls-remote", "--symref", "--", connection.url.text]
    try:
        with git.start(arguments, limits) as process:
            for piece in process.chunks():
                listing.feed(piece)
            git.expect_success(process)
    except CommandFailed as error:
        raise _explained(error, connection) from error
    head = listing.head if listing.head in listing.refs else b""
    return Advertisement(refs=listing.refs, head=head)


def clone(
    connection: Connection, git_dir: Path, file_bytes: int, watch: Callable[[], None]
) -> None:
    """Make a bare repository with the host's branches and tags, all in one file.

    That is a `fetch` into a new one, for less: whoever has all objects from one pack need not
    follow them from one to the next. `file_bytes`, `watch` and errors are those of `fetch`.
    """
    options = ["--quiet", "--bare", "--template=", "--reject-shallow", "--no-local"]
    limits = Limits(seconds=connection.policy.timeout, file_bytes=file_bytes)
    arguments = ["clone", *options, "--", connection.url.text, str(git_dir)]
    try:
        connection.git.output(arguments, limits, watch=watch)
    except CommandFailed as error:
        raise _explained(error, connection, otherwise=Corrupt) from error
    git_dir.chmod(0o700)
    _forget_remote(git_dir / "config")


def _forget_remote(config: Path) -> None:
    # The next fetch is told the URL; one that stayed here would be an old one some day.
    config.write_text(_REMOTE.sub("", config.read_text("utf-8")), "utf-8")


def fetch(
    connection: Connection, git_dir: Path, file_bytes: int, watch: Callable[[], None]
) -> None:
    """Make the branches and tags of a bare repository equal to the host's.

    `file_bytes` is the most one file may have, `watch` is called about twice a second and may
    raise to stop. Raises GitError, Corrupt if the fault seems to be in the repository itself.
    """
    git = replace(connection.git, git_dir=git_dir)
    options = [
        "--quiet",
        "--prune",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-show-forced-updates",
    ]
    limits = Limits(seconds=connection.policy.timeout, file_bytes=file_bytes)
    try:
        git.output(["fetch", *options, "--", connection.url.text, *_REFSPECS], limits, watch=watch)
    except CommandFailed as error:
        raise _explained(error, connection, otherwise=Corrupt) from error


def _explained(
    error: CommandFailed, connection: Connection, otherwise: type[GitError] = GitError
) -> GitError:
    if connection.url.scheme == "ssh" and is_host_key(error.stderr):
        return host_key_error(error.stderr, connection.remote, connection.url, connection.policy)
    if connection.url.scheme == "https" and is_tls(error.stderr):
        fault = _tls_fault(connection)
        if fault:
            return Unreachable(f"{connection.url.host} {fault}\n{error.stderr}")
    known = classify(error.stderr, connection.url.host)
    return known or otherwise(f"git failed with status {error.status}.\n{error.stderr}")


def _tls_fault(connection: Connection) -> str:
    # Many a git, such as Debian's, is built with GnuTLS, whose words are the same for each fault.
    url, policy = connection.url, connection.policy
    return look_at(url.host, url.port, connection.addresses, policy.ca_file, policy.connect_timeout)


class _Listing:
    """Reads the lines of `ls-remote --symref` as they come."""

    def __init__(self, max_refs: int) -> None:
        self.refs: dict[bytes, bytes] = {}
        self.head = b""
        self._max_refs = max_refs
        self._rest = b""
        self._size = 0

    def feed(self, piece: bytes) -> None:
        self._size += len(piece)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._line(line)
        if self._size > MAX_LISTING or len(self._rest) > MAX_LINE:
            raise TooLarge("The host lists more refs than can be read.")

    def _line(self, line: bytes) -> None:
        value, _, name = line.partition(b"\t")
        if value.startswith(b"ref: ") and name == b"HEAD":
            self.head = value[len(b"ref: ") :]
        elif name.startswith((HEADS, TAGS)) and not name.endswith(b"^{}"):
            self.refs[name] = value
            if len(self.refs) > self._max_refs:
                raise TooLarge(f"The repository has more than {self._max_refs} branches and tags.")
