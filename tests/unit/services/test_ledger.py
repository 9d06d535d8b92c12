from datetime import timedelta

import pytest

from packistry import process
from packistry.errors import Conflict
from packistry.models import Project, Source, Sync, SyncReason, SyncState
from packistry.models.base import now
from packistry.queue import EmbeddedQueue
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.services.ledger import ClaimLost

ME = process.identity()
DEAD = f"{ME.rpartition('/')[0].rpartition('/')[0]}/999999999/1"


@pytest.fixture
def project(runtime: Runtime) -> int:
    with runtime.transaction() as services:
        project = Project(
            source=Source(name="here", provider="git"), external_id="/lib", path="lib"
        )
        services.session.add(project)
        services.session.flush()
        return project.id


def request(runtime: Runtime, project: int, reason: SyncReason = SyncReason.MANUAL) -> int:
    with runtime.transaction() as services:
        return services.ledger.request(services.session.get_one(Project, project), reason).id


def change(runtime: Runtime, sync: int, **values: object) -> None:
    with runtime.transaction() as services:
        row = services.session.get_one(Sync, sync)
        for name, value in values.items():
            setattr(row, name, value)


def look(runtime: Runtime, sync: int) -> Sync:
    with runtime.transaction() as services:
        row = services.session.get_one(Sync, sync)
        services.session.refresh(row)
        services.session.expunge(row)
        return row


def test_a_request_sends_a_job_after_commit(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    assert isinstance(runtime.queue, EmbeddedQueue)
    job = runtime.queue.take()
    assert job is not None
    assert (job.name, job.arguments) == ("sync", (sync,))


def test_a_second_request_joins_the_one_that_waits(runtime: Runtime, project: int) -> None:
    assert request(runtime, project) == request(runtime, project, SyncReason.WEBHOOK)


def test_a_request_while_one_runs_is_owed_another_look(runtime: Runtime, project: int) -> None:
    first = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.claim(first, ME)
    assert request(runtime, project, SyncReason.WEBHOOK) != first


def test_a_reconcile_while_one_runs_joins_it(runtime: Runtime, project: int) -> None:
    first = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.claim(first, ME)
    assert request(runtime, project, SyncReason.RECONCILE) == first


def fail(runtime: Runtime, sync: int) -> None:
    with runtime.transaction() as services:
        services.ledger.claim(sync, ME)
        services.ledger.fail(sync, "The host is away.")


def test_a_person_does_not_wait_for_a_pause_to_end(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    change(runtime, sync, not_before=now() + timedelta(hours=1))
    request(runtime, project, SyncReason.MANUAL)
    with runtime.transaction() as services:
        assert services.ledger.owed() == [sync]


def test_a_webhook_waits_for_a_pause_that_the_host_asked_for(
    runtime: Runtime, project: int
) -> None:
    sync = request(runtime, project)
    for _ in range(2):
        fail(runtime, sync)
        change(runtime, sync, not_before=now())
    with runtime.transaction() as services:
        claim = services.ledger.claim(sync, ME)
        assert claim is not None
        services.ledger.reschedule(claim, 3600, "Too many requests.")
    change(runtime, sync, started_at=now() - timedelta(minutes=2))
    request(runtime, project, SyncReason.WEBHOOK)
    with runtime.transaction() as services:
        assert services.ledger.owed() == []


def test_a_webhook_ends_the_wait_after_a_failure_once_a_minute(
    runtime: Runtime, project: int
) -> None:
    sync = request(runtime, project)
    for _ in range(3):
        change(runtime, sync, not_before=now())
        fail(runtime, sync)
    request(runtime, project, SyncReason.WEBHOOK)
    with runtime.transaction() as services:
        assert services.ledger.owed() == []
    change(runtime, sync, started_at=now() - timedelta(minutes=2))
    assert request(runtime, project, SyncReason.WEBHOOK) == sync
    with runtime.transaction() as services:
        assert services.ledger.owed() == [sync]
    fail(runtime, sync)
    # It was one try more, not one of the five.
    assert look(runtime, sync).attempts == 3


def test_a_sync_is_claimed_once(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        assert services.ledger.claim(sync, ME) is not None
    with runtime.transaction() as services:
        assert services.ledger.claim(sync, ME) is None


def test_one_sync_of_a_project_runs_at_a_time(runtime: Runtime, project: int) -> None:
    first = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.claim(first, ME)
    second = request(runtime, project)
    with runtime.transaction() as services:
        assert services.ledger.claim(second, ME) is None
        assert services.ledger.owed() == []


def test_a_sync_that_must_wait_cannot_be_claimed(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    change(runtime, sync, not_before=now() + timedelta(seconds=60))
    with runtime.transaction() as services:
        assert services.ledger.claim(sync, ME) is None


def test_the_sync_of_a_dead_process_is_owed_and_can_be_claimed(
    runtime: Runtime, project: int
) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.claim(sync, DEAD)
    with runtime.transaction() as services:
        assert services.ledger.owed() == [sync]
        assert services.ledger.claim(sync, ME) is not None


def test_a_silent_process_loses_its_sync(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        lost = services.ledger.claim(sync, "elsewhere/boot/1/2")
    assert lost is not None
    change(runtime, sync, heartbeat_at=now() - timedelta(seconds=121))
    with runtime.transaction() as services:
        assert services.ledger.claim(sync, ME) is not None
    with pytest.raises(ClaimLost), runtime.transaction() as services:
        services.ledger.advance(lost, 1)


def test_a_heartbeat_keeps_a_sync(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.claim(sync, "elsewhere/boot/1/2")
    change(runtime, sync, heartbeat_at=now() - timedelta(seconds=121))
    with runtime.transaction() as services:
        assert services.ledger.heartbeat(sync, "elsewhere/boot/1/2")
    with runtime.transaction() as services:
        assert services.ledger.owed() == []


def test_a_heartbeat_of_someone_else_is_not_heard(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.claim(sync, ME)
        assert not services.ledger.heartbeat(sync, "elsewhere/boot/1/2")


def test_failures_are_backed_off_and_end(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    pauses = []
    for _ in range(5):
        change(runtime, sync, not_before=now())
        with runtime.transaction() as services:
            services.ledger.claim(sync, ME)
        before = now()
        with runtime.transaction() as services:
            services.ledger.fail(sync, "The host is away.")
        row = look(runtime, sync)
        pauses.append(round((row.not_before - before).total_seconds()))
    assert pauses[:4] == [30, 120, 480, 1920]
    assert (row.state, row.error) == (SyncState.FAILED, "The host is away.")


def test_a_final_failure_is_not_tried_again(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.claim(sync, ME)
        services.ledger.fail(sync, "No such repository.", final=True)
    with runtime.transaction() as services:
        assert services.session.get_one(Project, project).unreachable == "No such repository."
    assert look(runtime, sync).state == SyncState.FAILED


def test_a_sync_that_does_not_run_here_cannot_fail_here(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.claim(sync, "elsewhere/boot/1/2")
    with pytest.raises(ClaimLost), runtime.transaction() as services:
        services.ledger.fail(sync, "Oops.")


def test_a_pause_the_host_asks_for_is_no_failure(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        claim = services.ledger.claim(sync, ME)
        assert claim is not None
        services.ledger.reschedule(claim, 90, "Too many requests.")
    row = look(runtime, sync)
    assert (row.state, row.attempts) == (SyncState.QUEUED, 0)
    assert timedelta(seconds=80) < row.not_before - now() <= timedelta(seconds=90)


def test_a_waiting_sync_that_is_cancelled_is_not_owed(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        services.ledger.cancel(services.session.get_one(Sync, sync))
        assert services.ledger.owed() == []


def test_a_running_sync_that_is_cancelled_loses_its_claim(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    with runtime.transaction() as services:
        claim = services.ledger.claim(sync, ME)
        services.ledger.cancel(services.session.get_one(Sync, sync))
    assert claim is not None
    with pytest.raises(ClaimLost), runtime.transaction() as services:
        services.ledger.advance(claim, 1)


def test_what_is_over_cannot_be_cancelled(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    change(runtime, sync, state=SyncState.DONE)
    with pytest.raises(Conflict, match="it is done"), runtime.transaction() as services:
        services.ledger.cancel(services.session.get_one(Sync, sync))


def test_a_failed_sync_can_be_retried(runtime: Runtime, project: int) -> None:
    sync = request(runtime, project)
    change(runtime, sync, state=SyncState.FAILED)
    with runtime.transaction() as services:
        again = services.ledger.retry(services.session.get_one(Sync, sync))
        assert services.ledger.owed() == [again.id]


def test_the_latest_syncs_come_first(services: Services, runtime: Runtime) -> None:
    project = Project(source=Source(name="here", provider="git"), external_id="/x", path="x")
    services.session.add(project)
    services.session.flush()
    first = services.ledger.request(project, SyncReason.MANUAL)
    first.state = SyncState.DONE
    services.session.flush()
    second = services.ledger.request(project, SyncReason.MANUAL)
    assert services.ledger.recent(project) == [second, first]
