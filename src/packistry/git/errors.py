"""What git can fail with. Each reason is a sentence or two, safe to store and show."""

from packistry.errors import PackistryError
from packistry.git.redaction import plain, redact


class GitError(PackistryError):
    """git could not do what was asked.

    `reason` is plain text of at most 4 KB: no control characters but line breaks, no secrets.
    """

    def __init__(self, reason: str) -> None:
        self.reason = plain(redact(reason))
        super().__init__(self.reason)


class AuthenticationFailed(GitError):
    """The host wants credentials, or refused the ones it was given."""


class RepositoryNotFound(GitError):
    """The host answers, but has no such repository, or hides it from these credentials."""


class Unreachable(GitError):
    """The host did not answer, or stopped answering; trying again later may work."""


class RefusedUrl(GitError):
    """The URL is of a kind, or leads to a place, that is not contacted."""


class TooLarge(GitError):
    """A limit on files, bytes or refs is exceeded."""


class TimedOut(GitError):
    """git took longer than it may, and was stopped."""


class Busy(TimedOut):
    """Another sync of this mirror went on for longer than one waits."""


class UnsafeTree(GitError):
    """A tree holds a name or a symbolic link that could leave the package."""


class MalformedObjects(GitError):
    """The host has objects that no git should hold, or not all it should."""


class CommitNotFound(GitError):
    """The mirror has no such commit, or the commit has no such directory."""


class Corrupt(GitError):
    """The mirror cannot be read, and cloning it anew did not help."""


class HostKeyChanged(GitError):
    """An SSH server shows a key that is not the confirmed one.

    `expected` and `offered` are fingerprints, as `ssh-keygen -l` writes them.
    """

    def __init__(
        self, reason: str, *, expected: tuple[str, ...] = (), offered: tuple[str, ...] = ()
    ) -> None:
        super().__init__(reason)
        self.expected = expected
        self.offered = offered


class HostKeyUnknown(HostKeyChanged):
    """No key of an SSH server is confirmed yet; `offered` are the ones it shows."""
