"""Jobs through a real Redis, run by RQ's real worker, each in a fork."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from pydantic import SecretStr

from packistry import jobs, process
from packistry.jobs.scheduler import Scheduler
from packistry.models import Sync, SyncState
from packistry.models.base import now
from packistry.queue import connect
from packistry.queue.redis import RqQueue
from packistry.runtime import Runtime
from packistry.settings import Settings
from tests.importing import Importing
from tests.repositories import GitRepository
from tests.services.working import state, status, work

SOON = 30.0


@pytest.fixture
def settings(settings: Settings, redis_url: str, memory: Any) -> Settings:
    return settings.model_copy(update={"redis_url": SecretStr(redis_url)})


def test_a_job_for_a_sync_that_is_not_owed_does_nothing(runtime, memory, sync_id):
    with runtime.transaction() as services:
        services.session.get_one(Sync, sync_id).state = SyncState.DONE
    runtime.queue.send("sync", sync_id)
    runtime.queue.send("sync", 4711)
    work(runtime)
    assert state(runtime, sync_id) == "done"


def test_a_job_that_is_done_leaves_nothing_in_redis(runtime, memory, monkeypatch, marker):
    monkeypatch.setattr(jobs, "JOBS", {"sync": lambda _runtime, _id: marker.touch()})
    runtime.queue.send("sync", 1)
    work(runtime)
    assert marker.exists()
    assert status(memory, "sync-1") == "gone"


def test_an_event_travels_as_text(runtime, memory, monkeypatch, marker):
    def write(_runtime: Runtime, packed: str) -> None:
        marker.write_text(packed)

    monkeypatch.setattr(jobs, "JOBS", {"deliver_event": write})
    runtime.queue.send("deliver_event", '{"kind":"PackageAdded"}')
    work(runtime)
    assert marker.read_text() == '{"kind":"PackageAdded"}'


def finish(runtime: Runtime, sync_id: int) -> None:
    """A sync that always goes well."""
    with runtime.transaction() as services:
        claim = services.ledger.claim(sync_id, process.identity())
        if claim is not None:
            services.ledger.finish(claim, default_branch=None)


def test_a_job_lost_by_redis_is_found_in_the_ledger_and_done(runtime, memory, sync_id, monkeypatch):
    monkeypatch.setattr(jobs, "JOBS", {"sync": finish})
    with runtime.transaction():
        runtime.queue.enqueue("sync", sync_id)
    assert memory.llen("rq:queue:packistry") == 1
    memory.flushall()
    work(runtime)
    assert state(runtime, sync_id) == "done"


def test_what_was_asked_for_while_redis_was_away_is_done_when_it_is_back(
    runtime, memory, sync_id, monkeypatch, caplog
):
    monkeypatch.setattr(jobs, "JOBS", {"sync": finish})
    away = RqQueue("redis://127.0.0.1:1/0")
    away.send("sync", sync_id)
    away.close()
    assert "waits in the ledger" in caplog.text
    work(runtime)
    assert state(runtime, sync_id) == "done"


def test_a_worker_killed_in_a_job_lives_on_and_the_job_is_done_again(
    runtime, memory, sync_id, monkeypatch, marker
):
    def die_once(runtime: Runtime, sync_id: int) -> None:
        if marker.exists():
            finish(runtime, sync_id)
            return
        marker.touch()
        with runtime.transaction() as services:
            services.ledger.claim(sync_id, process.identity())
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(jobs, "JOBS", {"sync": die_once})
    runtime.queue.send("sync", sync_id)
    work(runtime)
    assert state(runtime, sync_id) == "running"
    work(runtime)
    assert state(runtime, sync_id) == "done"


def test_a_package_is_imported_by_a_worker_behind_redis(runtime, memory, tmp_path):
    repository = GitRepository(tmp_path / "lib")
    repository.commit({"name": "acme/lib"})
    repository.tag("v1.0.0")
    importing = Importing(runtime)
    package = importing.add(repository)
    work(runtime)
    assert importing.names(package) == {"dev-main", "v1.0.0"}


def test_a_job_that_hangs_is_stopped_and_written_down(runtime, memory, sync_id, monkeypatch):
    def hang(runtime: Runtime, sync_id: int) -> None:
        with runtime.transaction() as services:
            services.ledger.claim(sync_id, process.identity())
        time.sleep(600)

    queue = runtime.queue
    assert isinstance(queue, RqQueue)
    queue.job_seconds = 1
    monkeypatch.setattr(jobs, "JOBS", {"sync": hang})
    queue.send("sync", sync_id)
    began = time.monotonic()
    work(runtime)
    assert time.monotonic() - began < SOON
    with runtime.transaction() as services:
        assert "JobTimeout" in services.session.get_one(Sync, sync_id).error


def test_a_plugin_that_exits_ends_no_worker(runtime, memory, monkeypatch, marker):
    def leave(_runtime: Runtime, number: int) -> None:
        if number == 1:
            sys.exit("enough")
        marker.touch()

    monkeypatch.setattr(jobs, "JOBS", {"sync": leave})
    runtime.queue.send("sync", 1)
    runtime.queue.send("sync", 2)
    work(runtime)
    assert marker.exists()


def test_what_is_owed_is_sent_again_without_a_flood(runtime, memory, sync_id):
    scheduler = Scheduler(runtime)
    for _ in range(5):
        scheduler.send_again()
    assert memory.llen("rq:queue:packistry") == 1


def test_a_job_under_way_is_not_sent_again(runtime, memory):
    runtime.queue.send("sync", 1)
    memory.delete("rq:queue:packistry")
    heartbeat = now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    memory.hset("rq:job:sync-1", mapping={"status": "started", "last_heartbeat": heartbeat})
    runtime.queue.send("sync", 1)
    assert memory.llen("rq:queue:packistry") == 0


@pytest.mark.parametrize("was", ["queued", "started", "failed", "canceled"])
def test_a_job_redis_half_forgot_is_sent_again(runtime, memory, was):
    runtime.queue.send("sync", 1)
    memory.delete("rq:queue:packistry")
    old = "2020-01-01T00:00:00.000000Z"
    fields = {"status": was, "enqueued_at": old, "started_at": old, "last_heartbeat": old}
    memory.hset("rq:job:sync-1", mapping=fields)
    runtime.queue.send("sync", 1)
    assert memory.lrange("rq:queue:packistry", 0, -1) == [b"sync-1"]


def test_a_new_request_after_a_job_that_waits_for_long_is_not_doubled(runtime, memory):
    runtime.queue.send("sync", 1)
    memory.hset("rq:job:sync-1", "enqueued_at", "2020-01-01T00:00:00.000000Z")
    runtime.queue.send("sync", 1)
    assert memory.llen("rq:queue:packistry") == 1


def test_a_job_is_sent_after_commit_and_never_after_an_abort(runtime, memory):
    with pytest.raises(ZeroDivisionError):
        _enqueue_and_fail(runtime)
    assert memory.llen("rq:queue:packistry") == 0
    with runtime.transaction():
        runtime.queue.enqueue("sync", 1)
    assert memory.llen("rq:queue:packistry") == 1


def _enqueue_and_fail(runtime: Runtime) -> None:
    with runtime.transaction():
        runtime.queue.enqueue("sync", 1)
        raise ZeroDivisionError


def test_settings_with_redis_make_a_queue_in_redis(settings):
    queue = connect(settings)
    assert isinstance(queue, RqQueue)
    queue.close()


PROGRAM = """
from packistry.jobs.redis_worker import run_worker
from packistry.runtime import Runtime
from packistry.settings import load
run_worker(Runtime(load()))
"""


def test_a_worker_process_ends_when_it_is_asked_to(runtime, memory, settings, tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "PACKISTRY_DATA_DIR": str(settings.data_dir),
        "PACKISTRY_DATABASE_URL": settings.database_url.get_secret_value(),
        "PACKISTRY_REDIS_URL": settings.redis_url.get_secret_value(),
    }
    worker = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment)
    try:
        deadline = time.monotonic() + SOON
        while not memory.smembers("rq:workers"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.2)
        worker.terminate()
        assert worker.wait(SOON) == 0
    finally:
        worker.kill()
        worker.wait()
