"""Gitea and Forgejo as a place packages come from."""

from collections.abc import Sequence
from typing import Any

from packistry.plugin import SourceProvider, hookimpl
from packistry_gitea.provider import Gitea


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """Repositories of a Gitea or Forgejo."""
    return (Gitea,)
