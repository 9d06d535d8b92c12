from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from packistry import process
from packistry.jobs.scheduler import Scheduler
from packistry.models import Document, Lease, Package, Project, Sync, SyncReason, SyncState
from packistry.models.base import now
from packistry.queue import EmbeddedQueue, Job
from packistry.runtime import Runtime
from packistry.services.documents import Documents

HOST, _, REST = process.identity().partition("/")
OTHER = f"another-host/{REST}"


@pytest.fixture
def scheduler(runtime: Runtime) -> Scheduler:
    return Scheduler(runtime)


def syncs(runtime: Runtime) -> list[tuple[int, str]]:
    with runtime.transaction() as services:
        rows = services.session.execute(select(Sync.project_id, Sync.reason).order_by(Sync.id))
        return [(project, str(reason)) for project, reason in rows]


def next_look(runtime: Runtime, project_id: int) -> datetime:
    with runtime.transaction() as services:
        return services.session.get_one(Project, project_id).next_look_at


def sent(runtime: Runtime) -> list[Job]:
    queue = runtime.queue
    assert isinstance(queue, EmbeddedQueue)
    found = []
    while job := queue.take():
        found.append(job)
    return found


def test_a_project_that_is_due_is_looked_at(runtime, scheduler, add_project):
    project = add_project()
    scheduler.tick()
    assert syncs(runtime) == [(project, "reconcile")]


def test_the_next_look_is_a_jittered_interval_away(runtime, scheduler, add_project):
    moments = []
    for number in range(20):
        project = add_project(f"lib{number}")
        before = now()
        scheduler.tick()
        moments.append((next_look(runtime, project) - before).total_seconds())
    every = runtime.settings.reconcile_seconds
    assert all(every * 0.9 <= moment <= every * 1.1 + 5 for moment in moments)
    assert len({round(moment) for moment in moments}) > 5


def test_a_project_that_is_not_due_is_left_alone(runtime, scheduler, add_project):
    add_project()
    scheduler.tick()
    scheduler.tick()
    assert len(syncs(runtime)) == 1


def test_more_due_projects_than_fit_one_transaction_are_all_looked_at(
    runtime, scheduler, add_project
):
    projects = [add_project(f"lib{number}") for number in range(60)]
    scheduler.tick()
    assert {project for project, _reason in syncs(runtime)} == set(projects)


def test_a_project_that_waits_for_a_sync_already_gets_no_second(runtime, scheduler, add_project):
    project = add_project()
    with runtime.transaction() as services:
        services.ledger.request(services.session.get_one(Project, project), SyncReason.MANUAL)
    scheduler.tick()
    assert syncs(runtime) == [(project, "manual")]


def test_a_project_that_was_just_looked_at_waits_for_the_next_turn(runtime, scheduler, add_project):
    project = add_project()
    with runtime.transaction() as services:
        services.session.get_one(Project, project).synced_at = now()
    scheduler.tick()
    assert syncs(runtime) == []
    assert next_look(runtime, project) > now()


def test_a_project_nobody_uses_is_not_looked_at(runtime, scheduler, add_project):
    add_project(package=False)
    scheduler.tick()
    assert syncs(runtime) == []


def test_of_two_schedulers_one_acts(runtime, scheduler, add_project):
    assert scheduler.tick()
    add_project()
    assert not Scheduler(runtime, owner=OTHER).tick()
    assert syncs(runtime) == []


def test_another_takes_over_when_the_first_falls_silent(runtime, scheduler, add_project):
    Scheduler(runtime, owner=OTHER).tick()
    with runtime.transaction() as services:
        services.session.get_one(Lease, "scheduler").until = now() - timedelta(seconds=1)
    add_project()
    assert scheduler.tick()
    assert len(syncs(runtime)) == 1


def test_another_takes_over_at_once_when_the_first_stops(runtime, scheduler):
    first = Scheduler(runtime, owner=OTHER, seconds=0.05)
    first.start()
    first.stop()
    assert scheduler.tick()


def documents(runtime: Runtime) -> int:
    with runtime.transaction() as services:
        return len(services.session.scalars(select(Document.id)).all())


def test_a_package_whose_documents_were_not_rendered_is_rendered(runtime, scheduler, add_project):
    add_project(stale=True)
    scheduler.render()
    assert documents(runtime) == 2
    assert scheduler.render() == 0


def test_a_package_that_is_being_imported_is_rendered_by_its_import(
    runtime, scheduler, add_project
):
    project = add_project(stale=True)
    with runtime.transaction() as services:
        services.ledger.request(services.session.get_one(Project, project), SyncReason.ADDED)
    scheduler.render()
    assert documents(runtime) == 0


def test_a_job_the_queue_lost_is_sent_again(runtime, scheduler, add_project):
    add_project()
    scheduler.reconcile()
    lost = sent(runtime)
    scheduler.send_again()
    assert len(lost) == 1
    assert sent(runtime) == lost


def test_a_sync_whose_worker_died_is_sent_again(runtime, scheduler, add_project):
    add_project()
    scheduler.reconcile()
    sent(runtime)
    with runtime.transaction() as services:
        sync = services.session.query(Sync).one()
        boot = REST.partition("/")[0]
        sync.state, sync.owner = SyncState.RUNNING, f"{HOST}/{boot}/999999999/1"
        sync.heartbeat_at = now()
    scheduler.send_again()
    assert len(sent(runtime)) == 1


def test_a_sync_that_is_under_way_is_not_sent_again(runtime, scheduler, add_project):
    add_project()
    scheduler.reconcile()
    sent(runtime)
    with runtime.transaction() as services:
        sync = services.session.query(Sync).one()
        assert services.ledger.claim(sync.id, process.identity())
    scheduler.send_again()
    assert sent(runtime) == []


def test_a_fault_in_one_duty_keeps_no_other_from_being_done(runtime, add_project, monkeypatch):
    def fail(self: Scheduler) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(Scheduler, "reconcile", fail)
    add_project(stale=True)
    assert Scheduler(runtime).tick()
    assert documents(runtime) == 2


def test_a_package_that_cannot_be_rendered_keeps_no_other_waiting(
    runtime, scheduler, add_project, monkeypatch
):
    add_project("one", stale=True)
    add_project("two", stale=True)
    render = Documents.render

    def fail(self: Documents, package: Package) -> None:
        if package.name == "acme/one":
            raise ZeroDivisionError
        render(self, package)

    monkeypatch.setattr(Documents, "render", fail)
    scheduler.render()
    assert documents(runtime) == 2
