"""GitLab.com and self-managed GitLab: projects are imported from it, people sign in at it."""

from collections.abc import Sequence
from typing import Any

from packistry.plugin import AuthBackend, SourceProvider, hookimpl
from packistry_gitlab.sign_in import GitLabSignIn
from packistry_gitlab.source import GitLab


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """GitLab projects."""
    return (GitLab,)


@hookimpl
def packistry_auth_backends() -> Sequence[type[AuthBackend[Any]]]:
    """An account at a GitLab."""
    return (GitLabSignIn,)
