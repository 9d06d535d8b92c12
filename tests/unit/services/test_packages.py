from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from packistry import plugin
from packistry.errors import Conflict, NotFound
from packistry.inputs import NewPackage, NewRepository, NewSource, read
from packistry.models import (
    Dist,
    Dists,
    Outcome,
    Package,
    Project,
    RefVerdict,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
    Version,
    VersionKind,
)
from packistry.models.base import now


class World:
    """A source, and repositories that are made when they are named."""

    def __init__(self, services: Any) -> None:
        self.services = services
        self.packages = services.packages
        self.source = services.sources.add(read(NewSource, name="git", provider="git"))

    def repository(self, path: Any = "") -> Any:
        found = self.services.repositories.find(path)
        new = read(NewRepository, name=path or "root", path=path)
        return found or self.services.repositories.add(new)

    def add(self, *names: Any, path: Any = "", **new: Any) -> Any:
        projects = [plugin.Project(id=f"https://x.org/{each}", path=each) for each in names]
        return self.packages.add(
            self.repository(path), self.source, projects, read(NewPackage, **new)
        )

    def named(self, name: Any, path: Any = "") -> Any:
        (package, _), *_ = self.add(f"{name}.git", path=path)
        package.name = name
        self.services.session.flush()
        return package

    def version(self, package: Any, number: Any, size: Any = 100) -> Any:
        dist = Dist(
            package_id=package.id,
            reference=number * 40,
            storage_key=f"k/{package.uid}/{number}",
            size=size,
        )
        self.services.session.add(dist)
        self.services.session.flush()
        self.services.session.add(
            Version(
                package_id=package.id,
                name=f"{number}.0",
                normalized=f"{number}.0.0.0",
                stability="stable",
                kind=VersionKind.TAG,
                reference=number * 40,
                committed_at=now() + timedelta(days=int(number)),
                manifest={},
                dist_id=dist.id,
            )
        )
        self.services.session.flush()


@pytest.fixture
def world(services):
    return World(services)


def test_each_project_becomes_a_package_that_is_owed_a_sync(world):
    added = world.add("a", "b")
    assert [package.project.path for package, _ in added] == ["a", "b"]
    assert {sync.state for _, sync in added} == {SyncState.QUEUED}
    assert {sync.reason for _, sync in added} == {SyncReason.ADDED}


def test_a_package_has_no_name_before_its_import(world):
    ((package, _),) = world.add("a")
    assert package.name is None


def test_how_it_is_made_is_kept(world):
    ((package, _),) = world.add("a", subdirectory="packages/log", dists="lazy")
    assert (package.subdirectory, package.dists) == ("packages/log", Dists.LAZY)


def test_a_project_is_in_a_repository_once(world):
    world.add("a")
    with pytest.raises(Conflict, match="already"):
        world.add("b", "a")


def test_several_folders_of_one_project_share_a_project_and_its_sync(world):
    ((first, one),) = world.add("a", subdirectory="x")
    ((second, other),) = world.add("a", subdirectory="y")
    assert first.project is second.project
    assert one.id == other.id


def test_a_project_may_be_in_two_repositories(world):
    world.add("a")
    world.add("a", path="team")
    assert len(world.services.session.scalars(select(Project)).all()) == 1


@pytest.mark.parametrize("asked", ["acme/lib", "ACME/Lib", " acme/lib "])
def test_a_package_is_found_by_name(world, asked):
    package = world.named("acme/lib")
    assert world.packages.get(asked) is package


def test_a_package_is_found_by_number(world):
    ((package, _),) = world.add("a")
    assert world.packages.get(str(package.id)) is package


def test_a_name_in_two_repositories_is_not_enough(world):
    first = world.named("acme/lib")
    world.named("acme/lib", path="team")
    with pytest.raises(Conflict, match="say its number"):
        world.packages.get("acme/lib")
    assert world.packages.get("acme/lib", world.repository()) is first


def test_a_package_nobody_added_is_not_found(world):
    with pytest.raises(NotFound, match=r'acme/lib in the repository "root"'):
        world.packages.get("acme/lib", world.repository())


def test_syncing_again_asks_once(world):
    ((package, first),) = world.add("a")
    assert world.packages.sync(package).id == first.id


def test_a_package_of_uploads_cannot_be_synced(world):
    package = Package(repository=world.repository(), name="acme/up")
    world.services.session.add(package)
    world.services.session.flush()
    with pytest.raises(Conflict, match="uploaded"):
        world.packages.sync(package)


def test_syncing_all_asks_for_each_project_once(world):
    world.add("a", subdirectory="x")
    world.add("a", subdirectory="y")
    world.add("b")
    assert len({sync.id for sync in world.packages.sync_all()}) == 2


def test_removing_the_last_package_of_a_project_forgets_the_project(world):
    world.packages.remove(world.named("acme/lib"))
    assert world.services.session.scalars(select(Project)).all() == []
    assert world.services.session.scalars(select(Sync)).all() == []


def test_a_project_stays_while_a_package_is_made_from_it(world):
    ((first, _),) = world.add("a", subdirectory="x")
    world.add("a", subdirectory="y")
    world.packages.remove(first)
    assert len(world.services.session.scalars(select(Project)).all()) == 1


def test_versions_and_dists_go_with_their_package(world):
    package = world.named("acme/lib")
    world.version(package, "1")
    world.packages.remove(package)
    assert world.services.session.scalars(select(Version)).all() == []
    assert world.services.session.scalars(select(Dist)).all() == []


def test_a_list_counts_versions_and_what_dists_take(world):
    package = world.named("acme/lib")
    world.version(package, "1", size=100)
    world.version(package, "2", size=20)
    (summary,) = world.packages.summaries()
    assert (summary.versions, summary.dists, summary.bytes) == (2, 2, 120)
    assert summary.source is world.source


def test_a_list_can_be_of_one_repository_and_of_names_that_hold_a_word(world):
    world.named("acme/lib")
    world.named("acme/log", path="team")
    names = [each.package.name for each in world.packages.summaries(search="LO")]
    assert names == ["acme/log"]
    assert [each.package.name for each in world.packages.summaries(world.repository())] == [
        "acme/lib"
    ]


@pytest.mark.parametrize("search", ["%", "_", "\\"])
def test_a_search_means_its_characters(world, search):
    world.named("acme/lib")
    assert world.packages.summaries(search=search) == []


def how(world: Any, package: Any) -> Any:
    """What a list says of the package: a word, and a sentence."""
    world.services.session.flush()
    summary = world.packages.summary(package)
    return summary.state, summary.reason


def test_one_that_was_looked_at_and_has_versions_is_ok(world):
    package = world.named("acme/lib")
    world.version(package, "1")
    package.project.synced_at = now()
    assert how(world, package) == ("ok", "")


def test_one_whose_project_was_not_looked_at_yet_waits(world):
    assert how(world, world.named("acme/lib")) == ("waiting", "not imported yet")


def test_one_of_a_project_that_was_looked_at_for_another_waits(world):
    package = world.named("acme/lib")
    package.project.synced_at = package.created_at - timedelta(seconds=1)
    assert how(world, package) == ("waiting", "not imported yet")


def test_one_on_trial_says_so(world):
    ((package, _),) = world.packages.add(
        world.repository(),
        world.source,
        [plugin.Project(id="https://x.org/a", path="a")],
        read(NewPackage),
        on_trial=True,
    )
    assert how(world, package) == (
        "on-trial",
        "on trial: it goes again unless its first import finds a composer.json",
    )


def test_one_without_versions_says_so_with_the_reason_of_a_ref_that_is_none(world):
    package = world.named("acme/lib")
    package.project.synced_at = now()
    assert how(world, package) == ("empty", "no versions yet")
    for ref, reason in (("v1", "It has no name."), ("v2", "Filtered out by its tags: none.")):
        world.services.session.add(
            RefVerdict(package_id=package.id, kind="tag", ref=ref, reason=reason)
        )
    assert how(world, package) == ("empty", "no versions yet; v1: It has no name.")


def test_one_that_nobody_has_uploaded_to_says_so(world):
    package = world.named("acme/lib")
    package.project = None
    assert how(world, package) == ("empty", "nobody has uploaded a version yet")


def test_a_project_that_cannot_be_read_says_why(world):
    package = world.named("acme/lib")
    package.project.unreachable = "The password is wrong."
    assert how(world, package) == ("unreadable", "could not be read: The password is wrong.")
    package.project.missing_since = package.project.lost_at = now()
    assert how(world, package)[1].startswith(f"unreachable since {now():%Y-%m-%d}: The password")


def test_versions_come_with_their_dists_the_newest_first(world):
    package = world.named("acme/lib")
    world.version(package, "1")
    world.version(package, "2")
    found = [(version.name, dist.size) for version, dist in world.packages.versions(package)]
    assert found == [("2.0", 100), ("1.0", 100)]


def test_progress_tells_what_a_sync_did_once_it_is_over(world):
    ((package, sync),) = world.add("a")
    world.services.session.add(
        SyncItem(
            sync_id=sync.id,
            package_id=package.id,
            kind="tag",
            ref="odd",
            outcome=Outcome.SKIPPED,
            reason="no version",
        )
    )
    world.services.session.flush()
    (before,) = world.packages.progress([sync.id])
    sync.state, sync.finished_at = SyncState.DONE, now()
    world.services.session.flush()
    (after,) = world.packages.progress([sync.id])
    assert before.items == ()
    (item,) = after.items
    assert (item.ref, item.outcome, item.reason) == ("odd", Outcome.SKIPPED, "no version")
