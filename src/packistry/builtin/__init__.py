"""The plugin that comes with Packistry, made and registered like anyone's."""

from collections.abc import Sequence
from typing import Any

from packistry.builtin.source import Git
from packistry.builtin.storage import Local
from packistry.plugin import SourceProvider, Storage, hookimpl


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """Any git repository, by its URL."""
    return (Git,)


@hookimpl
def packistry_storages() -> Sequence[type[Storage[Any]]]:
    """A folder of this machine."""
    return (Local,)
