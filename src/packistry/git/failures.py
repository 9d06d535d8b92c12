"""What git's words mean: its error output as one of our errors."""

import re

from packistry.git.errors import (
    AuthenticationFailed,
    GitError,
    MalformedObjects,
    RefusedUrl,
    RepositoryNotFound,
    Unreachable,
)

_RULES: tuple[tuple[str, type[GitError], str], ...] = (
    (
        r"transport '[^']*' not allowed",
        RefusedUrl,
        "URLs of this kind are not allowed.",
    ),
    (
        r"returned error: 30\d|unable to update url base from redirection",
        RefusedUrl,
        "{host} redirects to another address, which is not followed. Use the new address.",
    ),
    (
        r"authentication failed|could not read (username|password)|permission denied \("
        r"|returned error: 40[13]|access denied|invalid credentials",
        AuthenticationFailed,
        "{host} refused the credentials, or needs some.",
    ),
    (
        r"repository( '[^']*')? not found|returned error: (404|410)|could not be found"
        r"|does not appear to be a git repository|does not exist|not a git repository"
        r"|not valid: is this a git repository",
        RepositoryNotFound,
        "{host} has no such repository, or hides it from these credentials.",
    ),
    (
        r"fsck error|error in object|: (hasDot|hasDotdot|hasDotgit|fullPathname|treeNotSorted"
        r"|duplicateEntries|gitmodules\w+): |invalid path",
        MalformedObjects,
        "The repository holds a malformed object.",
    ),
    (
        r"source repository is shallow",
        MalformedObjects,
        "The repository is itself a shallow clone: it lacks history. Use the one it came from.",
    ),
    (
        r"no space left on device|disk quota exceeded|permission denied$|read-only file system",
        GitError,
        "The server cannot write its mirror.",
    ),
    (
        r"corruption on the remote side",
        GitError,
        "The repository is damaged where it comes from.",
    ),
    (
        r"certificate",
        Unreachable,
        "{host} has no certificate that git trusts. Install its CA on this machine.",
    ),
    (
        r"could not resolve|connection (refused|reset|closed|timed out)|timed out|failed to connect"
        r"|unreachable|no route to host|returned error: (429|5\d\d)|unable to access|rpc failed"
        r"|early eof|hung up|could not read from remote|operation too slow"
        r"|\bssl\b|\btls\b",
        Unreachable,
        "{host} did not answer as it should.",
    ),
)

_COMPILED = tuple((re.compile(p, re.IGNORECASE | re.MULTILINE), k, s) for p, k, s in _RULES)
_HOST_KEY = re.compile(
    r"host key verification failed|host identification has changed", re.IGNORECASE
)


_TLS = re.compile(r"certificate|handshake|\bssl\b|\btls\b", re.IGNORECASE)


def is_tls(stderr: str) -> bool:
    """Whether git stopped, as it seems, because of the server's TLS."""
    return bool(_TLS.search(stderr))


def is_host_key(stderr: str) -> bool:
    """Whether ssh stopped because of the server's key."""
    return bool(_HOST_KEY.search(stderr))


def classify(stderr: str, host: str) -> GitError | None:
    """The error that git's words mean, with these words below its sentence.

    None: they mean none of the usual, so the fault may be in our own mirror.
    """
    for pattern, kind, sentence in _COMPILED:
        if pattern.search(stderr):
            return kind(f"{sentence.format(host=host or 'The server')}\n{stderr}")
    return None
