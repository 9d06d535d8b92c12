"""The way from a request to an imported package, through the queue in memory."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from packistry import process
from packistry.jobs.worker import Workers
from packistry.models import Dists, Sync, SyncState
from packistry.models.base import now
from packistry.queue import EmbeddedQueue
from packistry.runtime import Runtime
from packistry.services.dists import Dists as DistService
from tests.importing import Importing
from tests.repositories import GitRepository

SOON = 30.0


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def importing(runtime: Runtime) -> Importing:
    return Importing(runtime)


@pytest.fixture
def library(tmp_path) -> GitRepository:
    repository = GitRepository(tmp_path / "lib")
    repository.commit({"name": "acme/lib"}, files={"a.php": "<?php\n"})
    repository.tag("v1.0.0")
    return repository


@pytest.fixture
def workers(runtime: Runtime) -> Iterator[Workers]:
    workers = Workers(runtime, 2, look_seconds=0.05)
    workers.start()
    yield workers
    workers.stop()


def forget(runtime: Runtime) -> None:
    queue = runtime.queue
    assert isinstance(queue, EmbeddedQueue)
    while queue.take():
        pass


def test_a_package_that_is_added_is_imported(runtime, workers, importing, library):
    package = importing.add(library)
    wait_until(lambda: importing.names(package) == {"dev-main", "v1.0.0"})


def test_a_package_that_another_process_added_is_imported(
    runtime, settings, workers, importing, library
):
    other = Runtime(settings)
    package = Importing(other).add(library)
    other.close()
    wait_until(lambda: importing.names(package) == {"dev-main", "v1.0.0"})


def test_a_job_the_queue_lost_is_found_in_the_ledger(runtime, importing, library):
    package = importing.add(library)
    forget(runtime)
    workers = Workers(runtime, 1, look_seconds=0.05)
    workers.start()
    wait_until(lambda: importing.names(package) == {"dev-main", "v1.0.0"})
    workers.stop()


def test_what_a_killed_process_left_is_finished_by_the_next(runtime, importing, library):
    package = importing.add(library)
    forget(runtime)
    host, _, rest = process.identity().partition("/")
    with runtime.transaction() as services:
        sync = services.session.query(Sync).one()
        sync.state, sync.heartbeat_at = SyncState.RUNNING, now()
        sync.started_at = now() - timedelta(seconds=5)
        sync.owner = f"{host}/{rest.partition('/')[0]}/999999999/1"
    workers = Workers(runtime, 1, look_seconds=0.05)
    workers.start()
    wait_until(lambda: importing.names(package) == {"dev-main", "v1.0.0"})
    workers.stop()


def test_a_dist_that_is_asked_for_is_built(runtime, workers, importing, library):
    package = importing.add(library, dists=Dists.LAZY)
    wait_until(lambda: importing.names(package) == {"dev-main", "v1.0.0"})
    (dist,) = importing.dists(package).values()
    assert not dist.built
    DistService(runtime).want(dist.id)
    wait_until(lambda: importing.dists(package)[dist.reference].built)


def test_two_workers_never_sync_one_project_at_once(runtime, workers, importing, library):
    package = importing.add(library)
    states = []
    for number in range(10):
        library.commit({"name": "acme/lib"}, files={"b.php": f"<?php // {number}\n"})
        importing.request(package)
        with runtime.transaction() as services:
            states.append(services.session.scalars(select(Sync.state)).all())
    assert max(each.count(SyncState.RUNNING) for each in states) == 1
