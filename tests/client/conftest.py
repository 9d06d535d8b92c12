"""A running server, set up with its own CLI, and repositories to import from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.client import composer
from tests.client.installation import Installation, install, serving
from tests.client.recorder import Recorder, recording
from tests.repositories import GitRepository
from tests.servers import free_port


@dataclass(frozen=True, kw_only=True)
class Site:
    """The server behind a recorder; clients talk to the recorder."""

    installation: Installation
    recorder: Recorder
    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def url(self) -> str:
        return self.recorder.url

    @property
    def origin(self) -> str:
        """What auth.json calls this server."""
        return f"127.0.0.1:{self.recorder.port}"

    def run(self, *arguments: str, fails: bool = False, stdin: str = "") -> str:
        return self.installation.run(*arguments, fails=fails, stdin=stdin)

    def upstream(self, name: str, **options: Any) -> GitRepository:
        """A new git repository of somebody."""
        return GitRepository(self.folder / "upstream" / name, **options)

    def add(self, *upstreams: GitRepository, repository: str = "", **options: str) -> None:
        """Import packages from these repositories and wait for them."""
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        urls = [upstream.url for upstream in upstreams]
        self.run(
            "package", "add", "--repository", repository, "--source", "git", "--wait", *words, *urls
        )

    def sync(self) -> None:
        self.run("package", "sync", "--all", "--wait")

    def project(self, *repositories: Any, **manifest: Any) -> composer.Composer:
        """A new PHP project that uses these repositories, by default the root one here."""
        folder = self.folder / f"client-{next(self.numbers)}"
        return composer.project(folder, *(repositories or [self.url]), **manifest)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port = free_port()
    with recording(port) as recorder:
        installation = install(tmp_path, port=port, url=recorder.url)
        with serving(installation):
            installation.run("source", "add", "git", "--provider", "git")
            yield Site(installation=installation, recorder=recorder, folder=tmp_path)
