"""Where the content of a project is read."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packistry import plugin
from packistry.models import Project, Source
from packistry.plugin import Snapshot, SourceProvider
from packistry.services.context import Context
from packistry.services.projects import as_told


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the content of a project is read, for one who has no transaction open."""

    provider: SourceProvider[Any]
    project: plugin.Project
    workspace: Path

    def open(self) -> AbstractContextManager[Snapshot]:
        """The project's content as it is now."""
        return self.provider.open(self.project, self.workspace)

    def open_kept(self) -> AbstractContextManager[Snapshot]:
        """The project's content as it was seen last, if that is still at hand."""
        return self.provider.open_kept(self.project, self.workspace)


def place(context: Context, source: Source, project: Project) -> Callable[[], Place]:
    """What gives the place, to be called outside of transactions: it runs a plugin's code.

    Needs a transaction for its rows. Raises ConfigurationError; what is returned raises
    PluginMissing, ConfigError and PluginFault.
    """
    make = context.provider_maker(source)
    told, workspace = as_told(project), context.workspace(project)
    return lambda: Place(provider=make(), project=told, workspace=workspace)
