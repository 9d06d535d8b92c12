"""Gitea and Forgejo: projects are imported from them, people sign in at them."""

from collections.abc import Sequence
from typing import Any

from packistry.plugin import AuthBackend, SourceProvider, hookimpl
from packistry_gitea.provider import Gitea
from packistry_gitea.sign_in import GiteaSignIn


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """Repositories of a Gitea or Forgejo."""
    return (Gitea,)


@hookimpl
def packistry_auth_backends() -> Sequence[type[AuthBackend[Any]]]:
    """An account at a Gitea or Forgejo."""
    return (GiteaSignIn,)
