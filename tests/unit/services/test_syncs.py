import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from packistry import jobs, process, stopping
from packistry.errors import Conflict, NotFound
from packistry.jobs.worker import Workers
from packistry.models import Dists, Outcome, SyncState
from packistry.models.base import now
from packistry.plugin import Unavailable
from packistry.runtime import Runtime
from packistry.services.ledger import DIED, MAX_DEATHS
from packistry.services.synchronizer import Synchronizer
from tests.faulty import Host
from tests.importing import Importing
from tests.repositories import GitRepository

ME = process.identity()
DEAD = f"{ME.rpartition('/')[0].rpartition('/')[0]}/999999999/1"
SOON = 20.0


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + SOON
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def slow_fetch(library: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """git takes a minute to clone or fetch; the file that is there once it began."""
    began = tmp_path / "began"
    folder = tmp_path / "bin"
    folder.mkdir()
    git = folder / "git"
    slow = f": > {began}; exec sleep 60"
    git.write_text(
        f'#!/bin/sh\ncase " $* " in *" fetch "*|*" clone "*) {slow};; esac\n'
        'PATH="${PATH#*:}" exec git "$@"\n'
    )
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/local/bin:/usr/bin:/bin")
    return began


def test_a_sync_tells_what_became_of_each_ref_and_when(
    importing: Importing, library: GitRepository
) -> None:
    library.tag("nonsense")
    sync = importing.sync(importing.add(library)).id
    with importing.runtime.transaction() as services:
        report = services.syncs.get(sync)
    assert (report.state, report.packages) == (SyncState.DONE, ("acme/lib",))
    assert {ref.ref: ref.outcome for ref in report.refs} == {
        "main": Outcome.IMPORTED,
        "v1.0.0": Outcome.IMPORTED,
        "nonsense": Outcome.SKIPPED,
    }
    assert report.seconds is not None
    assert all(0 <= ref.after <= report.seconds for ref in report.refs)


def test_a_ref_that_failed_tells_it_in_the_words_of_the_host(
    importing: Importing, host: Host
) -> None:
    def away(name: str) -> None:
        if name == "1.0.0":
            raise Unavailable("The host is being moved to another rack.")

    host.on_archive = away
    sync = importing.sync(importing.add("7", provider="faulty")).id
    with importing.runtime.transaction() as services:
        (failed,) = (r for r in services.syncs.get(sync).refs if r.outcome == Outcome.FAILED)
    assert (failed.ref, failed.reason) == ("1.0.0", "The host is being moved to another rack.")


def test_syncs_are_listed_by_package_and_state(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    other = GitRepository(library.path.with_name("other"))
    other.commit({"name": "acme/other"})
    second = importing.add(other)
    waiting = importing.request(second)
    with importing.runtime.transaction() as services:
        mine = services.packages.get(str(package))
        assert [each.packages for each in services.syncs.all(package=mine)] == [("acme/lib",)]
        assert [each.id for each in services.syncs.all(state=SyncState.QUEUED)] == [waiting]
        assert len(services.syncs.all()) == 2
        assert len(services.syncs.all(limit=1)) == 1


def test_a_sync_that_is_not_there_cannot_be_cancelled(runtime: Runtime) -> None:
    with pytest.raises(NotFound), runtime.transaction() as services:
        services.syncs.cancel(99)


def test_what_is_over_is_retried_but_not_cancelled(
    importing: Importing, library: GitRepository
) -> None:
    sync = importing.sync(importing.add(library)).id
    with pytest.raises(Conflict), importing.runtime.transaction() as services:
        services.syncs.cancel(sync)
    with importing.runtime.transaction() as services:
        again = services.syncs.retry(sync).id
        assert services.ledger.owed() == [again]


def test_cancelling_ends_a_clone_that_is_under_way(
    importing: Importing, library: GitRepository, slow_fetch: Path
) -> None:
    sync = importing.request(importing.add(library))
    worker = threading.Thread(target=jobs.run, args=(importing.runtime, "sync", sync))
    worker.start()
    wait_until(slow_fetch.exists)
    with importing.runtime.transaction() as services:
        services.syncs.cancel(sync)
    worker.join(SOON)
    assert not worker.is_alive()
    assert importing.sync_row(sync).state == SyncState.CANCELLED


def test_a_server_that_stops_ends_a_clone_and_owes_it_still(
    importing: Importing, library: GitRepository, slow_fetch: Path
) -> None:
    sync = importing.request(importing.add(library))
    workers = Workers(importing.runtime, 1, look_seconds=0.05)
    workers.start()
    wait_until(slow_fetch.exists)
    assert workers.stop(3)
    row = importing.sync_row(sync)
    assert (row.state, row.attempts, row.error) == (SyncState.QUEUED, 0, "")
    assert row.not_before <= now()


def test_stopping_while_archives_are_made_leaves_nothing_half_written(
    importing: Importing, host: Host
) -> None:
    for number in range(20):
        host.push(f"2.{number}", {"name": "acme/lib", "extra": {"n": number}})
    sync = importing.request(importing.add("7", provider="faulty"))
    with stopping.stoppable() as stop:
        host.on_archive = lambda name: stop.ask() if name == "2.3" else None
        Synchronizer(importing.runtime).run(sync)
    assert importing.sync_row(sync).state == SyncState.QUEUED
    host.on_archive = lambda name: None
    Synchronizer(importing.runtime).run(sync)
    assert importing.sync_row(sync).state == SyncState.DONE


def die(importing: Importing, sync: int, *, done: int = 0) -> None:
    """A worker begins the sync, gets so far, and dies."""
    with importing.runtime.transaction() as services:
        claim = services.ledger.claim(sync, DEAD)
        assert claim is not None
        if done:
            services.ledger.advance(claim, done)


def test_a_sync_whose_worker_dies_each_time_has_failed(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.add(library)
    sync = importing.request(package)
    for _ in range(MAX_DEATHS):
        die(importing, sync)
    Synchronizer(importing.runtime).run(sync)
    row = importing.sync_row(sync)
    assert (row.state, row.error, row.owner) == (SyncState.FAILED, DIED, "")
    assert importing.project(package).unreachable == DIED
    with importing.runtime.transaction() as services:
        assert services.ledger.owed() == []


def test_a_sync_that_gets_further_between_deaths_goes_on(
    importing: Importing, library: GitRepository
) -> None:
    sync = importing.request(importing.add(library, dists=Dists.LAZY))
    for _ in range(MAX_DEATHS + 1):
        die(importing, sync, done=1)
    Synchronizer(importing.runtime).run(sync)
    assert importing.sync_row(sync).state == SyncState.DONE


def test_a_sync_that_failed_by_deaths_can_be_retried(
    importing: Importing, library: GitRepository
) -> None:
    sync = importing.request(importing.add(library))
    for _ in range(MAX_DEATHS):
        die(importing, sync)
    Synchronizer(importing.runtime).run(sync)
    with importing.runtime.transaction() as services:
        again = services.syncs.retry(sync).id
    Synchronizer(importing.runtime).run(again)
    assert importing.sync_row(again).state == SyncState.DONE


def test_timings_count_from_the_attempt_that_did_it(
    importing: Importing, library: GitRepository
) -> None:
    sync = importing.sync(importing.add(library)).id
    with importing.runtime.transaction() as services:
        row = services.ledger.recent(services.packages.get("acme/lib"))[0]
        row.started_at = now() + timedelta(minutes=1)
    with importing.runtime.transaction() as services:
        assert all(ref.after == 0 for ref in services.syncs.get(sync).refs)
