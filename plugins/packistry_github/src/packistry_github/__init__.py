"""GitHub, GitHub Enterprise Server and GitHub Enterprise Cloud as a place packages come from."""

from collections.abc import Sequence
from typing import Any

from packistry.plugin import SourceProvider, hookimpl
from packistry_github.provider import GitHub


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """Repositories of GitHub."""
    return (GitHub,)
