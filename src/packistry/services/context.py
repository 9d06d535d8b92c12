"""What every service may need beside its session."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from packistry.git.policy import GitPolicy
from packistry.models import Project, Source
from packistry.plugin import HttpClient, SourceProvider, Storage
from packistry.queue import Queue
from packistry.services.backends import Backends
from packistry.services.plugins import Plugins
from packistry.services.secrets import SecretBox
from packistry.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Context:
    """The parts of a process that services share. Built once, by `packistry.runtime`."""

    settings: Settings
    secrets: SecretBox
    plugins: Plugins
    storage: Storage[Any]
    queue: Queue
    git: GitPolicy
    http: HttpClient
    backends: Backends

    def provider(self, source: Source) -> SourceProvider[Any]:
        """The configured provider of a source.

        Raises PluginMissing when its plugin is gone, ConfigError when its configuration does not
        fit any more, ConfigurationError when its secrets do not decrypt.
        """
        return self.provider_maker(source)()

    def provider_maker(self, source: Source) -> Callable[[], SourceProvider[Any]]:
        """What makes the configured provider of a source, to be called outside of transactions.

        It runs a plugin's code, which may take its time or hang, and while a transaction is open
        others wait. Raises ConfigurationError; what is returned raises the rest.
        """
        values = {**source.config, **self.secrets.open(source.secrets, secrets_place(source))}
        return partial(
            self.plugins.make_source, source.provider, values, http=self.http, git=self.git
        )

    def lister(self, source: Source) -> Callable[[], SourceProvider[Any]]:
        """As `provider_maker`, to list projects. Raises Conflict where the source lists none."""
        self.plugins.must_list(source.provider)
        return self.provider_maker(source)

    def workspace(self, project: Project) -> Path:
        """The folder of one project, for its provider to cache in. Made if it is not there."""
        folder = self.settings.root / "projects" / project.uid
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def secrets_place(source: Source) -> str:
    """What binds a source's sealed secrets to its row."""
    return f"sources/{source.uid}/config"
