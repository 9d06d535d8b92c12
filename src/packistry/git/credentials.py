"""A user name and password for git over http, in no argument, environment or file on disk.

The secret is in an anonymous memory file that only the git process inherits. A credential helper
hands it over if, and only if, git asks for the configured scheme, host and port.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from packistry.git.remote import GitRemote
from packistry.git.urls import RemoteUrl

# Tokens are passwords whose user name hosts ignore, but one must be given.
ANY_USER = "git"

_HELPER = (
    '!f() { test "$1" = get || return 0; p=; h=;'
    " while IFS= read -r l; do case $l in"
    ' "") break;; protocol=*) p=${l#*=};; host=*) h=${l#*=};;'
    " esac; done;"
    ' test "$p://$h" = "$PACKISTRY_GIT_ORIGIN" || return 0;'
    ' cat "/dev/fd/$PACKISTRY_GIT_SECRET"; }; f'
)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a git process needs to be handed a password: variables, a setting, an open file."""

    variables: dict[str, str]
    settings: tuple[str, ...]
    inherited: tuple[int, ...]


@contextmanager
def http_credentials(remote: GitRemote, url: RemoteUrl) -> Iterator[Credentials]:
    """The credentials of a remote while the context lasts; none if it has no password."""
    if not remote.password and not remote.username:
        yield Credentials(variables={}, settings=(), inherited=())
        return
    user = remote.username or url.user or ANY_USER
    descriptor = os.memfd_create("credentials")
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, f"username={user}\npassword={remote.password}\n".encode())
        yield Credentials(
            variables={"PACKISTRY_GIT_ORIGIN": url.origin, "PACKISTRY_GIT_SECRET": str(descriptor)},
            settings=(f"credential.helper={_HELPER}",),
            inherited=(descriptor,),
        )
    finally:
        os.close(descriptor)
