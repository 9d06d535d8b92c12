"""The four hooks. They register classes or announce facts; the work is done by objects."""

from collections.abc import Sequence
from typing import Any

import pluggy

from packistry.plugin.auth import AuthBackend
from packistry.plugin.events import Event
from packistry.plugin.source import SourceProvider
from packistry.plugin.storage import Storage

PROJECT = "packistry"
"""The name of the hooks' pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """Places projects are imported from."""
    return ()


@hookspec
def packistry_auth_backends() -> Sequence[type[AuthBackend[Any]]]:
    """Places people sign in at."""
    return ()


@hookspec
def packistry_storages() -> Sequence[type[Storage[Any]]]:
    """Places dists are kept."""
    return ()


@hookspec
def packistry_event(event: Event) -> None:
    """A fact, told in a job after it was committed. What is returned or raised changes nothing."""
