from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from packistry.runtime import Runtime
from packistry.services.plugins import Plugins
from tests import faulty
from tests.importing import Importing
from tests.repositories import GitRepository


@pytest.fixture
def importing(runtime: Runtime) -> Importing:
    return Importing(runtime)


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """An empty git repository that the settings allow to be imported."""
    return GitRepository(tmp_path / "lib")


@pytest.fixture
def library(repository: GitRepository) -> GitRepository:
    """One with the package acme/lib on main, tagged v1.0.0."""
    repository.commit({"name": "acme/lib", "description": "A library"}, files={"a.php": "<?php\n"})
    repository.tag("v1.0.0")
    return repository


@pytest.fixture
def host(runtime: Runtime) -> Iterator[faulty.Host]:
    """A host of the provider `faulty`, with the project "7", which has acme/lib 1.0.0."""
    points = [
        EntryPoint(name="builtin", value="packistry.builtin", group="packistry"),
        EntryPoint(name="faulty", value="tests.faulty", group="packistry"),
    ]
    runtime.plugins = Plugins.load(points, strict=True)
    host = faulty.Host()
    host.push("main", {"name": "acme/lib"})
    host.push("1.0.0", {"name": "acme/lib", "description": "one"})
    faulty.HOSTS["7"] = host
    yield host
    del faulty.HOSTS["7"]
