from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from packistry.models import Package, Project, Repository, Source, Sync, SyncReason
from packistry.runtime import Runtime
from tests import servers


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture
def memory(redis_url: str) -> Iterator[Any]:
    """What a stranger with access to Redis has: a connection."""
    connection = redis.Redis.from_url(redis_url)
    connection.flushall()
    yield connection
    connection.close()


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that exists if somebody else's code has run."""
    return tmp_path / "it-ran"


@pytest.fixture
def sync_id(runtime: Runtime) -> int:
    """A sync that is owed, and has not been sent."""
    with runtime.transaction() as services:
        repository = Repository(name="Root", path="")
        config = {"url": "https://127.0.0.1:1"}
        source = Source(name="Host", provider="git", config=config)
        url = "https://127.0.0.1:1/acme/lib.git"
        project = Project(source=source, external_id=url, path="acme/lib", clone_url=url)
        package = Package(repository=repository, project=project)
        sync = Sync(project=project, reason=SyncReason.ADDED)
        services.session.add_all([repository, source, project, package, sync])
        services.session.flush()
        return sync.id
