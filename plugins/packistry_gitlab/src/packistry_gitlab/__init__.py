"""GitLab, the service and self-managed, as a place that projects are imported from."""

from collections.abc import Sequence
from typing import Any

from packistry.plugin import SourceProvider, hookimpl
from packistry_gitlab.source import GitLab


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """GitLab projects."""
    return (GitLab,)
