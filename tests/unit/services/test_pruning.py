"""Of a branch the newest dists are kept where somebody said how many; else all are, for ever."""

from typing import Any

from packistry.inputs import PackageChange, SourceChange, read
from packistry.models import Dists, SyncReason
from packistry.services.collector import Collector
from tests.importing import Importing
from tests.repositories import GitRepository

MANIFEST = {"name": "acme/lib"}


def push(importing: Importing, library: GitRepository, package: int, text: str) -> str:
    """Commit to the branch that is checked out, and import it; the commit."""
    commit = library.commit(MANIFEST, files={"a.php": f"<?php // {text}\n"})
    importing.sync(package)
    return commit


def keep(importing: Importing, package: int, said: Any) -> None:
    with importing.runtime.transaction() as services:
        row = services.packages.get(str(package))
        services.packages.edit(row, read(PackageChange, keep_dists=said))


def collect(importing: Importing) -> int:
    return Collector(importing.runtime).collect().pruned


def test_all_dists_are_kept_unless_somebody_says_otherwise(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    commits = {library.head(), *(push(importing, library, package, text) for text in "abc")}
    assert collect(importing) == 0
    assert set(importing.dists(package)) == commits


def test_the_newest_of_each_branch_stay_and_files_go_with_their_dists(
    importing: Importing, library: GitRepository
) -> None:
    tagged, package = library.head(), importing.imported(library)
    a, b, c, d = (push(importing, library, package, text) for text in "abcd")
    library.branch("feature", at=b)
    library.checkout("feature")
    f, g = (push(importing, library, package, text) for text in "fg")
    keep(importing, package, "2")
    # b is the third of main, and the third of feature.
    gone = {a, b}
    keys = {importing.dists(package)[each].storage_key for each in gone}
    assert collect(importing) == 2
    assert set(importing.dists(package)) == {tagged, c, d, f, g}
    assert keys.isdisjoint(importing.runtime.storage.keys())
    assert collect(importing) == 0
    assert importing.sync(package).error == ""


def test_what_is_among_the_newest_of_any_branch_stays(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    a = push(importing, library, package, "a")
    library.branch("feature", at=a)
    importing.sync(package)
    for text in "bcd":
        push(importing, library, package, text)
    library.delete_branch("feature")
    importing.sync(package)
    keep(importing, package, 1)
    collect(importing)
    assert a in importing.dists(package)


def test_what_a_tag_ever_was_stays_also_when_the_tag_is_gone(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    candidate = push(importing, library, package, "a")
    library.tag("v2.0.0-RC1")
    importing.sync(package)
    library.delete_tag("v2.0.0-RC1")
    library.delete_tag("v1.0.0")
    for text in "bc":
        push(importing, library, package, text)
    keep(importing, package, 1)
    collect(importing)
    assert {candidate, library.head()} < set(importing.dists(package))
    assert "dev-main" in importing.names(package)
    assert len(importing.dists(package)) == 3


def test_a_source_says_it_for_its_packages_and_one_may_say_otherwise(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library, dists=Dists.LAZY)
    for text in "ab":
        push(importing, library, package, text)
    with importing.runtime.transaction() as services:
        change = read(SourceChange, keep_dists=1)
        services.sources.edit(services.sources.get("git"), change)
    keep(importing, package, 0)
    assert collect(importing) == 0
    keep(importing, package, "inherit")
    assert collect(importing) == 1


def test_while_a_sync_runs_nothing_is_forgotten(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    for text in "ab":
        push(importing, library, package, text)
    keep(importing, package, 1)
    sync = importing.request(package, SyncReason.MANUAL)
    with importing.runtime.transaction() as services:
        assert services.ledger.claim(sync, "somebody") is not None
    assert collect(importing) == 0
