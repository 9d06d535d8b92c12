"""Where a repository is, and what opens it."""

from dataclasses import dataclass, field

from packistry.git.errors import RefusedUrl


@dataclass(frozen=True, kw_only=True)
class GitRemote:
    """A repository's URL and credentials; only the URL shows in its repr.

    `username` and `password` are for https, `ssh_key` (a private key in OpenSSH or PEM form) and
    `known_hosts` (the lines of a known_hosts file) are for ssh. Raises RefusedUrl for a line break
    or NUL in the user name or password.
    """

    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    known_hosts: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if any(c in self.username + self.password for c in "\r\n\0"):
            raise RefusedUrl("The user name or password holds a line break.")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear in no argument, error or log."""
        basic = f"{self.username}:{self.password}" if self.password else ""
        return tuple(secret for secret in (self.password, basic, self.ssh_key) if secret)
