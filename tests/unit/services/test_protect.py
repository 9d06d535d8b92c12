"""A stable version keeps the commit it had, whatever way its tag takes to another one."""

import pytest

from packistry.errors import Conflict, NotFound
from packistry.models import Dists, Outcome, SyncItem, TagPolicy
from packistry.services.protection import HeldTag
from tests.importing import Importing
from tests.repositories import GitRepository

MANIFEST = {"name": "acme/lib"}
NAME = "acme/lib"


def elsewhere(library: GitRepository, tag: str) -> str:
    """Push the tag again, at a new commit; the commit."""
    commit = library.commit(MANIFEST, files={"a.php": "<?php evil();\n"})
    library.tag(tag)
    return commit


def held(importing: Importing) -> list[HeldTag]:
    with importing.runtime.transaction() as services:
        return services.protection.held()


def accept(importing: Importing, version: str = "v1.0.0", commit: str = "") -> None:
    with importing.runtime.transaction() as services:
        services.protection.accept(services.packages.get(NAME), version, commit=commit)


def refuse(importing: Importing, version: str = "v1.0.0") -> None:
    with importing.runtime.transaction() as services:
        services.protection.refuse(services.packages.get(NAME), version)


def remove(importing: Importing, package: int) -> None:
    with importing.runtime.transaction() as services:
        services.packages.remove(services.packages.get(str(package)))


def told(importing: Importing, package: int, tag: str) -> SyncItem:
    return importing.items(package)[tag]


def test_a_moved_tag_is_told_with_its_old_and_new_commit(
    importing: Importing, library: GitRepository
) -> None:
    old, package = library.head(), importing.imported(library)
    new = elsewhere(library, "v1.0.0")
    importing.sync(package)
    item = told(importing, package, "v1.0.0")
    assert item.outcome == Outcome.HELD
    assert {old, new} <= set(item.reason.replace(".", " ").split())
    (tag,) = held(importing)
    assert (tag.package, tag.version, tag.served, tag.held) == (NAME, "v1.0.0", old, new)


def test_a_tag_deleted_and_pushed_elsewhere_with_a_sync_in_between_is_held(
    importing: Importing, library: GitRepository
) -> None:
    old, package = library.head(), importing.imported(library)
    library.delete_tag("v1.0.0")
    importing.sync(package)
    new = elsewhere(library, "v1.0.0")
    importing.sync(package)
    assert importing.names(package) == {"dev-main"}
    assert told(importing, package, "v1.0.0").outcome == Outcome.HELD
    (tag,) = held(importing)
    assert (tag.reference, tag.served, tag.held) == (old, "", new)
    assert importing.dists(package)[old].built


@pytest.mark.parametrize("tag", ["1.0.0", "1.0", "1.0.0+build", "v1.00.0", "release-1.0.0"])
@pytest.mark.parametrize("between", [True, False], ids=["a sync between", "in one sync"])
def test_another_spelling_of_a_deleted_tag_is_held(
    importing: Importing, library: GitRepository, tag: str, between: bool
) -> None:
    package = importing.imported(library)
    library.delete_tag("v1.0.0")
    if between:
        importing.sync(package)
    new = elsewhere(library, tag)
    importing.sync(package)
    assert new not in {
        row.reference for row in importing.versions(package).values() if row.kind == "tag"
    }
    assert [each.held for each in held(importing)] == [new]


def test_a_held_tag_that_moves_back_is_held_no_longer(
    importing: Importing, library: GitRepository
) -> None:
    old, package = library.head(), importing.imported(library)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    library.tag("v1.0.0", at=old)
    importing.sync(package)
    assert held(importing) == []


def test_a_tag_that_comes_back_where_it_was_is_served_again(
    importing: Importing, library: GitRepository
) -> None:
    old, package = library.head(), importing.imported(library)
    library.delete_tag("v1.0.0")
    importing.sync(package)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    library.tag("v1.0.0", at=old)
    importing.sync(package)
    assert importing.versions(package)["v1.0.0"].reference == old
    assert held(importing) == []


def test_a_package_removed_and_made_again_holds_its_tags_where_they_were(
    importing: Importing, library: GitRepository
) -> None:
    library.tag("v1.1.0")
    old = library.head()
    remove(importing, importing.imported(library))
    new = elsewhere(library, "v1.0.0")
    library.tag("v2.0.0")
    package = importing.imported(library)
    assert importing.names(package) == {"v1.1.0", "v2.0.0", "dev-main"}
    (tag,) = held(importing)
    assert (tag.version, tag.reference, tag.held) == ("v1.0.0", old, new)


def test_a_held_tag_without_a_version_is_told_once_and_not_read_again(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    library.delete_tag("v1.0.0")
    importing.sync(package)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    assert importing.items(package, importing.sync(package).id) == {}


def test_a_held_tag_that_is_deleted_waits_for_nobody(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    library.delete_tag("v1.0.0")
    importing.sync(package)
    assert held(importing) == []


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted between", "moved"])
def test_an_accepted_commit_is_the_version_and_the_old_dist_stays(
    importing: Importing, library: GitRepository, deleted: bool
) -> None:
    old, package = library.head(), importing.imported(library)
    if deleted:
        library.delete_tag("v1.0.0")
        importing.sync(package)
    new = elsewhere(library, "v1.0.0")
    importing.sync(package)
    accept(importing)
    importing.sync(package)
    assert importing.versions(package)["v1.0.0"].reference == new
    assert importing.document(package)["v1.0.0"]["dist"]["reference"] == new
    assert held(importing) == []
    assert {old, new} <= {key for key, dist in importing.dists(package).items() if dist.built}


def test_accepting_asks_for_a_sync(importing: Importing, library: GitRepository) -> None:
    package = importing.imported(library)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    accept(importing)
    with importing.runtime.transaction() as services:
        assert len(services.ledger.owed()) == 1


def test_what_moves_again_after_it_was_accepted_is_held_again(
    importing: Importing, library: GitRepository
) -> None:
    old, package = library.head(), importing.imported(library)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    accept(importing)
    third = elsewhere(library, "v1.0.0")
    importing.sync(package)
    assert importing.versions(package)["v1.0.0"].reference == old
    assert [each.held for each in held(importing)] == [third]


def test_only_the_commit_that_was_looked_at_is_accepted(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    seen = elsewhere(library, "v1.0.0")
    importing.sync(package)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    with pytest.raises(Conflict, match="has moved on"):
        accept(importing, commit=seen)


def test_a_refused_commit_is_reported_no_more_and_never_served(
    importing: Importing, library: GitRepository
) -> None:
    old, package = library.head(), importing.imported(library)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    refuse(importing)
    assert held(importing) == []
    assert importing.items(package, importing.sync(package).id) == {}
    assert importing.versions(package)["v1.0.0"].reference == old


def test_a_refused_tag_that_moves_on_is_reported_again(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    refuse(importing)
    third = elsewhere(library, "v1.0.0")
    importing.sync(package)
    assert [each.held for each in held(importing)] == [third]


def test_what_was_refused_can_be_accepted_later(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    new = elsewhere(library, "v1.0.0")
    importing.sync(package)
    refuse(importing)
    accept(importing, "1.0.0")
    importing.sync(package)
    assert importing.versions(package)["v1.0.0"].reference == new


def test_what_is_not_held_cannot_be_accepted(importing: Importing, library: GitRepository) -> None:
    importing.imported(library)
    with pytest.raises(NotFound, match=r"v1\.0\.0"):
        accept(importing)


def test_a_package_may_follow_where_its_repository_protects(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    new = elsewhere(library, "v1.0.0")
    importing.sync(package)
    with importing.runtime.transaction() as services:
        services.packages.get(NAME).tag_policy = TagPolicy.FOLLOW
    importing.sync(package)
    assert importing.versions(package)["v1.0.0"].reference == new
    assert held(importing) == []


def test_a_source_may_protect_where_the_repository_follows(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library, policy=TagPolicy.FOLLOW)
    with importing.runtime.transaction() as services:
        services.sources.get("git").tag_policy = TagPolicy.PROTECT
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    assert len(held(importing)) == 1


def test_what_was_followed_is_held_from_where_it_was_when_protection_begins(
    importing: Importing, library: GitRepository
) -> None:
    first = library.head()
    package = importing.imported(library, policy=TagPolicy.FOLLOW)
    library.delete_tag("v1.0.0")
    importing.sync(package)
    second = elsewhere(library, "v1.0.0")
    importing.sync(package)
    with importing.runtime.transaction() as services:
        services.packages.get(NAME).tag_policy = TagPolicy.PROTECT
    library.tag("v1.0.0", at=first)
    importing.sync(package)
    assert importing.versions(package)["v1.0.0"].reference == second


def test_a_dist_nobody_asked_for_yet_is_wanted_when_its_tag_leaves(
    importing: Importing, library: GitRepository
) -> None:
    old, package = library.head(), importing.imported(library, dists=Dists.LAZY)
    elsewhere(library, "v1.0.0")
    importing.sync(package)
    assert importing.dists(package)[old].wanted_at is not None
