"""Which URLs are handed to git, and in which form."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from packistry.git.errors import RefusedUrl
from packistry.git.policy import GitPolicy
from packistry.netguard import AddressRefused, canonical_host

MAX_LENGTH = 2048
PORTS = {"http": 80, "https": 443, "ssh": 22}

_SCP = re.compile(r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\s]+):(?P<path>.+)")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~-]*")
_BAD_ESCAPE = re.compile(r"%(?:0[0-9a-f]|1[0-9a-f]|7f)|%(?![0-9a-f]{2})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class RemoteUrl:
    """A URL that passed. `text` is what git is given: no password, host in its canonical form."""

    scheme: str
    user: str
    host: str
    port: int
    text: str
    path: Path = Path()

    @property
    def is_local(self) -> bool:
        return self.scheme == "file"

    @property
    def origin(self) -> str:
        """Scheme, host and port as git's credential protocol writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse(url: str, policy: GitPolicy) -> RemoteUrl:
    """The URL of a repository, checked before git sees it. Raises RefusedUrl with the reason.

    https and ssh (also as `user@host:path`) always, http if the policy says so, absolute paths
    and file:// below the policy's local roots. Everything else is refused.
    """
    _check_text(url)
    if "://" in url:
        return _parse_absolute(url, policy)
    if url.startswith(("/", ".", "~")):
        return _local(url, policy)
    found = _SCP.fullmatch(url)
    if found is None or found["path"].startswith(":"):
        raise RefusedUrl(
            "This is not the URL of a git repository: it starts with https:// or ssh://, or looks"
            " like git@host:path."
        )
    return _scp(found)


def _check_text(url: str) -> None:
    if not url or len(url) > MAX_LENGTH:
        raise RefusedUrl("The URL is empty or too long.")
    if url.startswith("-"):
        raise RefusedUrl("A URL cannot start with a dash.")
    # A folder's name may hold a space; in a URL it is a sign of something else.
    allowed = " " if url.startswith("/") else ""
    if any((ord(c) <= 0x20 or 0x7F <= ord(c) <= 0xA0) and c not in allowed for c in url):
        raise RefusedUrl("The URL holds spaces or control characters.")
    if "\\" in url:
        raise RefusedUrl("The URL holds backslashes.")


def _parse_absolute(url: str, policy: GitPolicy) -> RemoteUrl:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RefusedUrl("The URL cannot be read.") from error
    if _BAD_ESCAPE.search(url):
        raise RefusedUrl("The URL holds escaped control characters.")
    scheme = parts.scheme
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise RefusedUrl("The URL of a repository has no ? or # in it.")
    if scheme == "file":
        return _file(parts.netloc, parts.path, policy)
    if scheme == "http" and not policy.allow_http:
        raise RefusedUrl(
            "Plain http is not allowed here: passwords would be readable. Use https. Where the "
            "host has none, set PACKISTRY_GIT_ALLOW_HTTP=true and restart."
        )
    if scheme not in PORTS:
        raise RefusedUrl("URLs of this kind are not allowed. Use https or ssh.")
    if parts.password is not None:
        raise RefusedUrl("Put the password in its own field, not into the URL.")
    user = _user(parts.username or "")
    host = _host(parts.hostname or "")
    found = RemoteUrl(
        scheme=scheme, user=user, host=host, port=port or PORTS[scheme], text="", path=Path()
    )
    prefix = found.origin
    if scheme == "ssh" and user:
        prefix = prefix.replace("://", f"://{user}@", 1)
    path = quote(parts.path or "/", safe="/%~@:+,=!$&'()*;")
    return RemoteUrl(scheme=scheme, user=user, host=host, port=found.port, text=prefix + path)


def _scp(found: re.Match[str]) -> RemoteUrl:
    user, host, path = _user(found["user"] or ""), _host(found["host"]), found["path"]
    if path.startswith("-"):
        raise RefusedUrl("The path of a repository cannot start with a dash.")
    shown = f"[{host}]" if ":" in host else host
    text = f"{user}@{shown}:{path}" if user else f"{shown}:{path}"
    return RemoteUrl(scheme="ssh", user=user, host=host, port=PORTS["ssh"], text=text)


def _user(user: str) -> str:
    if user and not _USER.fullmatch(user):
        raise RefusedUrl("The user name in the URL holds characters that are not allowed there.")
    return user


def _host(host: str) -> str:
    try:
        return canonical_host(host)
    except AddressRefused as error:
        raise RefusedUrl(str(error)) from error


def _file(netloc: str, path: str, policy: GitPolicy) -> RemoteUrl:
    if netloc not in {"", "localhost"} or "%" in path:
        raise RefusedUrl("A file URL is written file:///path, without escapes.")
    return _local(path, policy)


def _local(text: str, policy: GitPolicy) -> RemoteUrl:
    path = Path(text)
    roots = [root.resolve() for root in policy.local_roots]
    outside = RefusedUrl(
        f"The server may not read {text}: it is not below a folder in "
        "PACKISTRY_GIT_LOCAL_ROOTS. Add its folder there (colons separate several) and restart."
    )
    if not path.is_absolute():
        raise RefusedUrl("A local path must be absolute.")
    # Resolved before existence is told, so that nobody can feel their way about the machine.
    resolved = path.resolve()
    if not _below(resolved, roots):
        raise outside
    repository = _git_directory(resolved)
    if not _below(repository.resolve(), roots):
        raise outside
    return RemoteUrl(
        scheme="file",
        user="",
        host="",
        port=0,
        text="file://" + quote(str(repository)),
        path=repository,
    )


def _below(path: Path, roots: list[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _git_directory(path: Path) -> Path:
    """The folder git would open for a path: itself, its `.git`, or what a `.git` file names."""
    inner = path / ".git"
    try:
        if inner.is_dir():
            return inner.resolve()
        if not inner.is_file():
            return path
        line = inner.read_text("utf-8", "replace")[:MAX_LENGTH].strip()
    except OSError as error:
        raise RefusedUrl("The folder cannot be read by the server.") from error
    return (path / line.removeprefix("gitdir:").strip()).resolve()
