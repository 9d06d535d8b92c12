"""GitHub, GitHub Enterprise Server and Cloud: projects come from it, people sign in at it."""

from collections.abc import Sequence
from typing import Any

from packistry.plugin import AuthBackend, SourceProvider, hookimpl
from packistry_github.provider import GitHub
from packistry_github.sign_in import GitHubSignIn


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """Repositories of GitHub."""
    return (GitHub,)


@hookimpl
def packistry_auth_backends() -> Sequence[type[AuthBackend[Any]]]:
    """An account at a GitHub."""
    return (GitHubSignIn,)
