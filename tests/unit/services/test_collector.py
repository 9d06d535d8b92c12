import hashlib
import io
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from packistry import process
from packistry.models import (
    Dist,
    Intent,
    Outcome,
    Package,
    Project,
    Repository,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
)
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.collector import CHANGED, MISSING, Collector

HERE, _, _REST = process.identity().partition("/")
BOOT = _REST.partition("/")[0]
DEAD = f"{HERE}/{BOOT}/999999999/1"
ELSEWHERE = f"another-host/{BOOT}/1/1"
BYTES = b"PK the bytes of a dist"


@pytest.fixture
def collector(runtime: Runtime) -> Collector:
    return Collector(runtime)


@pytest.fixture
def package_id(runtime: Runtime) -> int:
    with runtime.transaction() as services:
        repository = Repository(name="Root", path="")
        source = Source(name="Here", provider="git")
        project = Project(source=source, external_id="x", path="x")
        package = Package(repository=repository, project=project, name="acme/lib")
        services.session.add_all([repository, source, project, package])
        services.session.flush()
        return package.id


def put(runtime: Runtime, key: str, data: bytes = BYTES) -> str:
    runtime.storage.put(key, io.BytesIO(data))
    return key


def stored(runtime: Runtime) -> set[str]:
    return set(runtime.storage.keys())


def add_dist(runtime: Runtime, package_id: int, key: str, reference: str = "a" * 40) -> int:
    with runtime.transaction() as services:
        digest = hashlib.sha256(BYTES).hexdigest()
        dist = Dist(package_id=package_id, reference=reference, storage_key=key, sha256=digest)
        services.session.add(dist)
        services.session.flush()
        return dist.id


def intend(runtime: Runtime, key: str, owner: str, age: timedelta = timedelta()) -> None:
    with runtime.transaction() as services:
        services.session.add(Intent(storage_key=key, owner=owner, created_at=now() - age))


def intents(runtime: Runtime) -> set[str]:
    with runtime.transaction() as services:
        return set(services.session.scalars(select(Intent.storage_key)))


def test_a_file_that_no_dist_names_is_removed(runtime, collector):
    put(runtime, "ab/lost.zip")
    assert collector.collect().files == 1
    assert stored(runtime) == set()


def test_a_file_that_a_dist_names_stays_though_no_version_points_at_it(
    runtime, collector, package_id
):
    add_dist(runtime, package_id, put(runtime, "ab/kept.zip"))
    assert collector.collect().files == 0
    assert stored(runtime) == {"ab/kept.zip"}


def test_the_files_of_a_removed_package_go(runtime, collector, package_id):
    add_dist(runtime, package_id, put(runtime, "ab/gone.zip"))
    with runtime.transaction() as services:
        services.session.delete(services.session.get_one(Package, package_id))
    assert collector.collect().files == 1
    assert stored(runtime) == set()


def test_a_file_that_a_living_process_is_about_to_name_stays(runtime, collector):
    intend(runtime, put(runtime, "ab/coming.zip"), process.identity())
    assert collector.collect().files == 0
    assert stored(runtime) == {"ab/coming.zip"}
    assert intents(runtime) == {"ab/coming.zip"}


def test_what_a_dead_process_was_storing_goes_with_its_intent(runtime, collector):
    intend(runtime, put(runtime, "ab/half.zip"), DEAD)
    assert collector.collect().intents == 1
    assert stored(runtime) == intents(runtime) == set()


def test_an_intent_of_a_dead_process_whose_file_was_never_put_goes(runtime, collector):
    intend(runtime, "ab/never.zip", DEAD)
    assert collector.collect().intents == 1
    assert intents(runtime) == set()


def test_a_dead_intent_never_takes_a_named_dist_along(runtime, collector, package_id):
    add_dist(runtime, package_id, put(runtime, "ab/kept.zip"))
    intend(runtime, "ab/kept.zip", DEAD)
    collector.collect()
    assert stored(runtime) == {"ab/kept.zip"}
    assert intents(runtime) == set()


def test_an_intent_of_another_machine_stays_for_a_day(runtime, collector):
    intend(runtime, put(runtime, "ab/young.zip"), ELSEWHERE, timedelta(hours=23))
    assert collector.collect().intents == 0
    assert stored(runtime) == {"ab/young.zip"}


def test_an_intent_of_another_machine_goes_after_a_day(runtime, collector):
    intend(runtime, put(runtime, "ab/old.zip"), ELSEWHERE, timedelta(hours=25))
    assert collector.collect().intents == 1
    assert stored(runtime) == set()


def test_a_file_that_somebody_began_to_store_after_it_was_listed_stays(
    runtime, collector, monkeypatch
):
    put(runtime, "ab/late.zip")

    def unnamed(keys: list[str]) -> list[str]:
        found = Collector._unnamed(collector, keys)
        intend(runtime, "ab/late.zip", process.identity())
        return found

    monkeypatch.setattr(collector, "_unnamed", unnamed)
    assert collector.remove_files() == 0
    assert stored(runtime) == {"ab/late.zip"}


def test_collecting_twice_finds_nothing_more(runtime, collector):
    put(runtime, "ab/lost.zip")
    collector.collect()
    assert collector.collect().files == 0


def test_the_mirror_of_a_removed_project_goes_and_others_stay(runtime, collector, package_id):
    with runtime.transaction() as services:
        project = services.session.get_one(Package, package_id).project
        kept = runtime.workspace(project)
    gone = kept.with_name("0" * 32)
    (gone / "mirror.git").mkdir(parents=True)
    assert collector.collect().mirrors == 1
    assert not gone.exists()
    assert kept.exists()


def test_a_folder_that_is_no_mirror_of_ours_stays(runtime, collector):
    folder = runtime.settings.root / "projects" / "notes"
    folder.mkdir(parents=True)
    assert collector.collect().mirrors == 0
    assert folder.exists()


def test_a_link_among_the_mirrors_takes_nothing_along(runtime, collector, tmp_path: Path):
    precious = tmp_path / "precious"
    precious.mkdir()
    root = runtime.settings.root / "projects"
    root.mkdir(parents=True)
    (root / ("0" * 32)).symlink_to(precious)
    collector.collect()
    assert precious.exists()


def add_syncs(
    runtime: Runtime, package_id: int, count: int, age: timedelta, *, eventful: bool = False
) -> None:
    with runtime.transaction() as services:
        package = services.session.get_one(Package, package_id)
        for _ in range(count):
            sync = Sync(
                project=package.project,
                reason=SyncReason.RECONCILE,
                state=SyncState.DONE,
                finished_at=now() - age,
            )
            if eventful:
                outcome = Outcome.IMPORTED
                sync.items = [SyncItem(package=package, kind="tag", ref="v1", outcome=outcome)]
            services.session.add(sync)


def count_syncs(runtime: Runtime) -> int:
    with runtime.transaction() as services:
        return services.session.scalars(select(func.count()).select_from(Sync)).one()


def test_of_old_history_the_newest_twenty_of_a_project_stay(runtime, collector, package_id):
    add_syncs(runtime, package_id, 30, timedelta(days=100), eventful=True)
    assert collector.collect().syncs == 10
    assert count_syncs(runtime) == 20


def test_history_that_says_something_stays_for_ninety_days(runtime, collector, package_id):
    add_syncs(runtime, package_id, 30, timedelta(days=80), eventful=True)
    assert collector.collect().syncs == 0


def test_looks_that_changed_nothing_are_forgotten_after_a_day(runtime, collector, package_id):
    add_syncs(runtime, package_id, 30, timedelta(days=2))
    assert collector.collect().syncs == 10


def test_what_is_still_owed_is_never_forgotten(runtime, collector, package_id):
    with runtime.transaction() as services:
        project = services.session.get_one(Package, package_id).project
        old = now() - timedelta(days=400)
        services.session.add(
            Sync(project=project, reason=SyncReason.MANUAL, requested_at=old, not_before=old)
        )
    add_syncs(runtime, package_id, 25, timedelta(days=100))
    collector.collect()
    with runtime.transaction() as services:
        owed = select(func.count()).where(Sync.state == SyncState.QUEUED)
        assert services.session.scalar(owed) == 1


def damage(runtime: Runtime, key: str) -> Path:
    path = runtime.settings.root / "dists" / key
    path.chmod(0o600)
    path.write_bytes(BYTES.replace(b"dist", b"dust"))
    return path


def failure(runtime: Runtime, dist_id: int) -> str:
    with runtime.transaction() as services:
        return services.session.get_one(Dist, dist_id).failure


def test_whole_dists_pass_the_check(runtime, collector, package_id):
    add_dist(runtime, package_id, put(runtime, "ab/kept.zip"))
    found = collector.collect(verify=True)
    assert (found.verified, found.faults) == (1, ())


def test_a_flipped_byte_is_found_and_reported(runtime, collector, package_id):
    add_dist(runtime, package_id, put(runtime, "ab/kept.zip"))
    damage(runtime, "ab/kept.zip")
    (fault,) = collector.collect(verify=True).faults
    assert (fault.package, fault.key, fault.reason) == ("acme/lib", "ab/kept.zip", CHANGED)


def test_a_damaged_dist_is_marked_so_that_it_is_not_served(runtime, collector, package_id):
    dist_id = add_dist(runtime, package_id, put(runtime, "ab/kept.zip"))
    damage(runtime, "ab/kept.zip")
    collector.collect(verify=True)
    assert failure(runtime, dist_id) == CHANGED


def test_a_dist_that_was_restored_is_served_again(runtime, collector, package_id):
    dist_id = add_dist(runtime, package_id, put(runtime, "ab/kept.zip"))
    path = damage(runtime, "ab/kept.zip")
    collector.collect(verify=True)
    path.write_bytes(BYTES)
    collector.collect(verify=True)
    assert failure(runtime, dist_id) == ""


def test_a_missing_file_is_found_and_reported(runtime, collector, package_id):
    add_dist(runtime, package_id, "ab/absent.zip")
    (fault,) = collector.collect(verify=True).faults
    assert fault.reason == MISSING


def test_a_dist_that_is_not_built_yet_is_not_missed(runtime, collector, package_id):
    add_dist(runtime, package_id, "")
    assert collector.collect(verify=True).verified == 0


def test_no_more_syncs_of_a_project_are_remembered_than_the_setting_says(
    runtime, settings, package_id
):
    add_syncs(runtime, package_id, 30, timedelta(hours=1), eventful=True)
    few = Runtime(settings.model_copy(update={"syncs_kept": 25}))
    assert Collector(few).forget_syncs() == 5
    few.close()
