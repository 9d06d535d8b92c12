import time

import pytest

from packistry import jobs, process
from packistry.jobs import functions
from packistry.models import Dist, Package, Project, Sync, SyncReason, SyncState
from packistry.models.base import now
from packistry.plugin import Unavailable
from packistry.runtime import Runtime


@pytest.fixture
def sync_id(runtime: Runtime, add_project) -> int:
    project = add_project()
    with runtime.transaction() as services:
        found = services.session.get_one(Project, project)
        return services.ledger.request(found, SyncReason.MANUAL).id


def claim(runtime: Runtime, sync_id: int) -> None:
    with runtime.transaction() as services:
        assert services.ledger.claim(sync_id, process.identity())


def row(runtime: Runtime, sync_id: int) -> Sync:
    with runtime.transaction() as services:
        sync = services.session.get_one(Sync, sync_id)
        services.session.expunge(sync)
        return sync


def run_and_raise(runtime: Runtime, monkeypatch, sync_id: int, error: BaseException) -> Sync:
    def claim_and_raise(_runtime: Runtime, key: int) -> None:
        claim(runtime, key)
        raise error

    monkeypatch.setattr(jobs, "JOBS", {"sync": claim_and_raise})
    assert not jobs.run(runtime, "sync", sync_id)
    return row(runtime, sync_id)


@pytest.mark.parametrize("error", [ValueError("s3cr3t"), SystemExit("s3cr3t")])
def test_a_fault_nobody_planned_is_in_the_ledger_without_its_text(
    runtime, sync_id, monkeypatch, error
):
    sync = run_and_raise(runtime, monkeypatch, sync_id, error)
    assert type(error).__name__ in sync.error
    assert "s3cr3t" not in sync.error


def test_a_fault_nobody_planned_is_tried_again_later(runtime, sync_id, monkeypatch):
    sync = run_and_raise(runtime, monkeypatch, sync_id, ValueError())
    assert sync.state == SyncState.QUEUED
    assert sync.not_before > now()


def test_a_fault_with_a_sentence_is_in_the_ledger_with_it(runtime, sync_id, monkeypatch):
    sync = run_and_raise(runtime, monkeypatch, sync_id, Unavailable("The host sleeps."))
    assert sync.error == "The host sleeps."


def test_a_sync_that_was_cancelled_meanwhile_stays_cancelled(runtime, sync_id, monkeypatch):
    def cancel_and_raise(_runtime: Runtime, key: int) -> None:
        with runtime.transaction() as services:
            services.ledger.cancel(services.session.get_one(Sync, key))
        raise ValueError

    monkeypatch.setattr(jobs, "JOBS", {"sync": cancel_and_raise})
    jobs.run(runtime, "sync", sync_id)
    assert row(runtime, sync_id).state == SyncState.CANCELLED


def test_a_failure_that_cannot_be_written_down_ends_nothing(runtime, sync_id, monkeypatch, caplog):
    def away(*_arguments: object) -> None:
        raise OSError("the database is away")

    monkeypatch.setattr(jobs, "ABANDON", {"sync": away})
    run_and_raise(runtime, monkeypatch, sync_id, ValueError())
    assert "could not be written down" in caplog.text


def test_a_running_sync_gives_signs_of_life(runtime, sync_id):
    claim(runtime, sync_id)
    before = row(runtime, sync_id).heartbeat_at
    assert before is not None
    with functions.heartbeat(runtime, sync_id, seconds=0.02):
        deadline = time.monotonic() + 20
        while row(runtime, sync_id).heartbeat_at == before:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_dist_whose_build_broke_is_not_tried_again_at_once(runtime, sync_id, monkeypatch):
    def fail(_runtime: Runtime, _dist_id: int) -> None:
        raise ValueError

    with runtime.transaction() as services:
        package = services.session.query(Package).one()
        dist = Dist(package_id=package.id, reference="a" * 40, wanted_at=now())
        services.session.add(dist)
        services.session.flush()
        dist_id = dist.id
    monkeypatch.setattr(jobs, "JOBS", {"build_dist": fail})
    jobs.run(runtime, "build_dist", dist_id)
    with runtime.transaction() as services:
        wanted_at = services.session.get_one(Dist, dist_id).wanted_at
    assert wanted_at is not None
    assert wanted_at > now()
