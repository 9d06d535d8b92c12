from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import pytest
from sqlalchemy import event

from packistry import plugin, process
from packistry.models import Channel, Dists, Outcome, Sync, SyncReason, SyncState
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.services.collector import Collector
from packistry.services.context import Context
from packistry.services.synchronizer import Synchronizer
from tests.faulty import Host
from tests.importing import Importing
from tests.repositories import GitRepository

T = TypeVar("T")

MANIFEST = {"name": "acme/lib"}
DEAD = f"{process.identity().rpartition('/')[0].rpartition('/')[0]}/999999999/1"


class Killed(BaseException):
    """SIGKILL, as far as a test in one process can have it."""


class Mortal:
    """Transactions that end with the process: after so many of them, before or after commit."""

    def __init__(self, runtime: Runtime, lives: int, *, commits: bool) -> None:
        self._runtime = runtime
        self._lives = lives
        self._commits = commits

    @property
    def context(self) -> Context:
        return self._runtime.context

    def transaction(self) -> AbstractContextManager[Services]:
        return self._runtime.transaction()

    def attempt(self, work: Callable[[Services], T]) -> T:
        self._lives -= 1
        # The dead write nothing more, whatever `finally` says.
        if self._lives < 0 or (self._lives == 0 and not self._commits):
            raise Killed
        result = self._runtime.attempt(work)
        if self._lives == 0:
            raise Killed
        return result


def count_statements(runtime: Runtime, work: Callable[[], object]) -> int:
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(runtime.engine, "before_cursor_execute", note)
    work()
    event.remove(runtime.engine, "before_cursor_execute", note)
    return len([each for each in statements if not each.startswith("BEGIN")])


def test_a_sync_that_went_well_is_done(importing: Importing, library: GitRepository) -> None:
    package = importing.add(library)
    sync = importing.sync(package)
    assert (sync.state, sync.error, sync.done, sync.total) == (SyncState.DONE, "", 2, 2)
    project = importing.project(package)
    assert (project.default_branch, project.unreachable) == ("main", "")
    assert project.synced_at is not None


def test_a_sync_that_is_not_owed_does_nothing(importing: Importing, library: GitRepository) -> None:
    package = importing.add(library)
    sync = importing.sync(package)
    library.commit(MANIFEST)
    Synchronizer(importing.runtime).run(sync.id)
    assert importing.sync_row(sync.id).finished_at == sync.finished_at
    Synchronizer(importing.runtime).run(12345)


def test_an_unchanged_project_is_not_read(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    host.read.clear()
    before = importing.modified(package)
    sync = importing.sync(package)
    assert (host.read, sync.total) == ([], 0)
    assert importing.modified(package) == before
    assert importing.items(package, sync.id) == {}


def test_an_unchanged_project_of_odd_refs_is_not_read_either(
    importing: Importing, host: Host
) -> None:
    host.refs["0.9.0"] = {"composer.json": b"{"}
    host.refs["0.8.0"] = {"README": b"hello"}
    host.push("release", MANIFEST)
    host.push("v1.0.0", MANIFEST)
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    host.read.clear()
    sync = importing.sync(package)
    assert host.read == []
    assert importing.items(package, sync.id) == {}


def test_only_what_moved_is_read(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    host.read.clear()
    host.push("main", {"name": "acme/lib", "description": "newer"})
    importing.sync(package)
    assert set(host.read) == {"main"}


def test_an_unchanged_project_costs_a_dozen_statements(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    sync = importing.request(package)
    count = count_statements(importing.runtime, lambda: Synchronizer(importing.runtime).run(sync))
    assert count <= 12


def test_an_unchanged_lazy_project_is_not_read(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty", dists=Dists.LAZY)
    importing.sync(package)
    host.read.clear()
    importing.sync(package)
    assert host.read == []


def test_a_project_that_is_gone_fails_at_once_and_its_versions_stay(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    before = importing.modified(package)
    library.path.rename(library.path.with_name("elsewhere"))
    sync = importing.sync(package)
    assert sync.state == SyncState.FAILED
    assert importing.project(package).unreachable == sync.error != ""
    assert importing.names(package) == {"v1.0.0", "dev-main"}
    assert importing.modified(package) == before


def test_a_project_that_is_back_is_reachable_again(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    away = library.path.rename(library.path.with_name("elsewhere"))
    importing.sync(package)
    away.rename(library.path)
    importing.sync(package)
    assert importing.project(package).unreachable == ""


def raising(error: Exception) -> Callable[[], None]:
    def fault() -> None:
        raise error

    return fault


def test_a_host_that_is_away_is_asked_again(importing: Importing, host: Host) -> None:
    host.on_open = raising(plugin.Unavailable("The host is away."))
    package = importing.add("7", provider="faulty")
    sync = importing.sync(package)
    assert (sync.state, sync.error, sync.attempts) == (SyncState.QUEUED, "The host is away.", 1)


def test_a_host_that_wants_a_pause_gets_it(importing: Importing, host: Host) -> None:
    host.on_open = raising(plugin.RateLimited("Slow down.", retry_after=60))
    package = importing.add("7", provider="faulty")
    sync = importing.sync(package)
    assert (sync.state, sync.attempts) == (SyncState.QUEUED, 0)
    assert sync.not_before > sync.requested_at


def test_refused_credentials_never_look_like_deleted_refs(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    host.on_open = raising(plugin.CredentialsError("The token has expired."))
    sync = importing.sync(package)
    assert (sync.state, sync.error) == (SyncState.FAILED, "The token has expired.")
    assert importing.names(package) == {"1.0.0", "dev-main"}


def test_a_fault_inside_a_plugin_is_raised_to_the_worker(importing: Importing, host: Host) -> None:
    host.on_open = raising(ZeroDivisionError())
    package = importing.add("7", provider="faulty")
    with pytest.raises(ZeroDivisionError):
        importing.sync(package)


def test_a_source_whose_plugin_is_gone_keeps_its_packages(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    later = Runtime(importing.runtime.settings)
    sync = Importing(later).sync(package)
    later.close()
    assert sync.state == SyncState.FAILED
    assert "'faulty'" in sync.error
    assert importing.names(package) == {"1.0.0", "dev-main"}


def test_an_archive_that_fails_once_is_made_the_next_time(importing: Importing, host: Host) -> None:
    def fail(name: str) -> None:
        if name == "1.0.0":
            raise plugin.Unavailable("One blob could not be read.")

    host.on_archive = fail
    package = importing.add("7", provider="faulty")
    assert importing.sync(package).state == SyncState.DONE
    assert importing.items(package)["1.0.0"].outcome == Outcome.FAILED
    assert importing.names(package) == {"dev-main"}
    host.on_archive = lambda name: None
    importing.sync(package)
    assert importing.names(package) == {"1.0.0", "dev-main"}


def test_a_host_that_gives_no_archives_at_all_is_asked_again(
    importing: Importing, host: Host
) -> None:
    for number in range(10):
        host.push(f"2.{number}", {"name": "acme/lib", "extra": {"n": number}})

    def fail(name: str) -> None:
        raise plugin.Unavailable("The host is away.")

    host.on_archive = fail
    package = importing.add("7", provider="faulty")
    sync = importing.sync(package)
    assert (sync.state, sync.error) == (SyncState.QUEUED, "The host is away.")


def test_the_archive_of_a_host_that_is_not_git_is_looked_into(
    importing: Importing, host: Host
) -> None:
    host.refs["2.0.0"] = {"composer.json": b'{"name": "acme/lib"}', "../../evil": b"x"}
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    assert importing.names(package) == {"1.0.0", "dev-main"}
    assert importing.items(package)["2.0.0"].outcome == Outcome.FAILED


def test_more_refs_than_allowed_fail_the_sync_and_touch_nothing(
    importing: Importing, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    monkeypatch.setitem(importing.runtime.settings.__dict__, "max_refs", 1)
    sync = importing.sync(package)
    assert "PACKISTRY_MAX_REFS" in sync.error
    assert importing.names(package) == {"1.0.0", "dev-main"}


def test_a_project_that_was_renamed_at_its_host_is_found_again(
    importing: Importing, host: Host
) -> None:
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    host.path = "acme/renamed"
    assert importing.sync(package).state == SyncState.DONE
    assert importing.project(package).path == "acme/renamed"


def test_a_cancelled_sync_stops_between_refs(importing: Importing, host: Host) -> None:
    for number in range(20):
        host.push(f"2.{number}", {"name": "acme/lib", "extra": {"n": number}})
    package = importing.add("7", provider="faulty")
    sync = importing.request(package)

    def cancel(name: str) -> None:
        if name == "2.0":
            with importing.runtime.transaction() as services:
                services.ledger.cancel(services.session.get_one(Sync, sync))

    host.on_archive = cancel
    Synchronizer(importing.runtime).run(sync)
    assert importing.sync_row(sync).state == SyncState.CANCELLED
    assert len(importing.names(package)) < 22


def test_what_a_cancelled_sync_did_is_seen(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    for number in range(40):
        host.push(f"2.{number}", {"name": "acme/lib", "extra": {"n": number}})
    sync = importing.request(package)

    def cancel(name: str) -> None:
        if name == "2.9":
            with importing.runtime.transaction() as services:
                services.ledger.cancel(services.session.get_one(Sync, sync))

    host.on_archive = cancel
    Synchronizer(importing.runtime).run(sync)
    stable = {name for name in importing.names(package) if name != "dev-main"}
    assert set(importing.document(package)) == stable
    assert len(stable) > 1


def test_the_rest_of_a_cancelled_sync_is_done_by_the_next(importing: Importing, host: Host) -> None:
    for number in range(20):
        host.push(f"2.{number}", {"name": "acme/lib", "extra": {"n": number}})
    package = importing.add("7", provider="faulty")
    sync = importing.request(package)

    def cancel(name: str) -> None:
        if name == "2.0":
            with importing.runtime.transaction() as services:
                services.ledger.cancel(services.session.get_one(Sync, sync))

    host.on_archive = cancel
    Synchronizer(importing.runtime).run(sync)
    host.on_archive = lambda name: None
    importing.sync(package)
    assert len(importing.names(package)) == 22


@pytest.mark.parametrize("commits", [True, False], ids=["after a commit", "before a commit"])
@pytest.mark.parametrize("dists", list(Dists))
def test_an_import_that_is_killed_again_and_again_ends_as_if_it_was_not(
    importing: Importing, repository: GitRepository, dists: Dists, commits: bool
) -> None:
    repository.commit(files={"composer.json": "{"})
    repository.tag("0.1.0")
    repository.commit({**MANIFEST, "description": "old"}, files={"README.md": "hello"})
    for tag in ("1.0.0", "1.0", "nonsense"):
        repository.tag(tag)
    repository.commit(MANIFEST, files={"a": "b"})
    repository.branch("1.x")
    repository.tag("2.0.0")
    package = importing.add(repository, dists=dists)
    sync = importing.request(package)
    lives = 0
    while importing.sync_row(sync).state in (SyncState.QUEUED, SyncState.RUNNING):
        lives += 1
        try:
            Synchronizer(Mortal(importing.runtime, lives, commits=commits)).run(sync)
        except Killed:
            with importing.runtime.transaction() as services:
                services.session.get_one(Sync, sync).owner = DEAD
    assert lives > 4
    assert importing.sync_row(sync).state == SyncState.DONE
    assert importing.names(package) == {"1.0", "2.0.0", "dev-main", "1.x-dev"}
    assert set(importing.document(package)) == {"1.0", "2.0.0"}
    assert set(importing.document(package, Channel.DEV)) == {"dev-main", "1.x-dev"}
    assert importing.package(package).readme == "hello"
    runtime = importing.runtime
    built = {dist.storage_key for dist in importing.dists(package).values()} - {""}
    assert len(built) == (2 if dists is Dists.EAGER else 0)
    Collector(runtime).collect()
    assert set(runtime.storage.keys()) == built


def test_a_webhook_may_ask_while_a_sync_runs(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty")
    asked: list[int] = []

    def ask() -> None:
        if not asked:
            host.push("3.0.0", MANIFEST)
            asked.append(importing.request(package, SyncReason.WEBHOOK))

    sync = importing.request(package)
    host.on_open = ask
    Synchronizer(importing.runtime).run(sync)
    assert asked != [sync]
    Synchronizer(importing.runtime).run(asked[0])
    assert "3.0.0" in importing.names(package)
