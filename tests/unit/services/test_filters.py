"""Which branches and tags become versions is said for a source or a package, and can change."""

from typing import Any

import pytest

from packistry.errors import Invalid
from packistry.inputs import PackageChange, SourceChange, read
from packistry.models import Outcome, TagPolicy
from packistry.services.filters import FilterFacts
from tests.importing import Importing
from tests.repositories import GitRepository

MANIFEST = {"name": "acme/lib"}
ALL = {"dev-main", "dev-feature", "1.x-dev", "v1.0.0", "v2.0.0-beta1"}


@pytest.fixture
def many(library: GitRepository) -> GitRepository:
    """main, feature, 1.x and renovate/x; v1.0.0 and v2.0.0-beta1."""
    for name in ("feature", "1.x", "renovate/x"):
        library.branch(name)
    library.tag("v2.0.0-beta1")
    return library


def edit(importing: Importing, package: int, **lists: Any) -> FilterFacts:
    with importing.runtime.transaction() as services:
        row = services.packages.get(str(package))
        services.packages.edit(row, read(PackageChange, **lists))
        return services.filters.of(row)


def edit_source(importing: Importing, **lists: Any) -> None:
    with importing.runtime.transaction() as services:
        services.sources.edit(services.sources.get("git"), read(SourceChange, **lists))


def test_short_lived_branches_are_left_out_unless_the_default_is_replaced(
    importing: Importing, many: GitRepository
) -> None:
    package = importing.imported(many)
    assert importing.names(package) == ALL
    reason = importing.reasons(package)["renovate/x"]
    assert reason == "Filtered out by the default of --exclude-branches: renovate/* fits."
    edit(importing, package, exclude_branches=())
    importing.sync(package)
    assert importing.names(package) == ALL | {"dev-renovate/x"}


def test_a_filter_takes_effect_both_ways_at_the_next_sync_and_dists_stay(
    importing: Importing, many: GitRepository
) -> None:
    package = importing.imported(many)
    built = set(importing.dists(package))
    edit(importing, package, branches=["main", "[0-9]*"], exclude_tags=["*beta*"])
    sync = importing.sync(package)
    assert importing.names(package) == {"dev-main", "1.x-dev", "v1.0.0"}
    items = importing.items(package, sync.id)
    assert {ref: item.outcome for ref, item in items.items()} == {
        "feature": Outcome.REMOVED,
        "v2.0.0-beta1": Outcome.REMOVED,
    }
    assert items["feature"].reason == (
        "Filtered out by the package's --branches: it takes main, [0-9]* alone."
    )
    assert set(importing.dists(package)) == built
    assert "dev-feature" not in importing.document(package)
    again = importing.sync(package)
    assert importing.items(package, again.id) == {}
    edit(importing, package, branches="inherit", exclude_tags="inherit")
    importing.sync(package)
    assert importing.names(package) == ALL


def test_a_packages_list_overrides_its_sources(importing: Importing, many: GitRepository) -> None:
    package = importing.imported(many)
    edit_source(importing, branches=["main"], exclude_tags=["*"])
    importing.sync(package)
    assert importing.names(package) == {"dev-main"}
    edit(importing, package, branches=["feature"])
    importing.sync(package)
    assert importing.names(package) == {"dev-feature"}
    edit_source(importing, exclude_tags="inherit")
    importing.sync(package)
    assert importing.names(package) == {"dev-feature", "v1.0.0", "v2.0.0-beta1"}


def test_a_filter_that_leaves_nothing_says_so_before_and_after_the_sync(
    importing: Importing, many: GitRepository
) -> None:
    package = importing.imported(many)
    assert not edit(importing, package, branches=["main"]).nothing_left
    facts = edit(importing, package, branches=[], tags=["v9*"])
    assert (facts.nothing_left, facts.known) == (True, 6)
    sync = importing.sync(package)
    assert importing.names(package) == set()
    assert "leaves no branch and no tag" in importing.items(package, sync.id)[""].reason
    assert edit(importing, package).nothing_left
    # It is no news every hour.
    assert importing.items(package, importing.sync(package).id) == {}


def test_a_package_is_named_by_what_its_filter_leaves(
    importing: Importing, many: GitRepository
) -> None:
    many.commit({"name": "acme/renamed"})
    package = importing.add(many)
    edit(importing, package, branches=())
    importing.sync(package)
    assert importing.package(package).name == "acme/lib"


def test_a_tag_that_moved_while_it_was_filtered_out_is_held_as_ever(
    importing: Importing, many: GitRepository
) -> None:
    package = importing.imported(many, policy=TagPolicy.PROTECT)
    edit(importing, package, tags=())
    importing.sync(package)
    many.commit(MANIFEST, files={"a.php": "<?php evil();\n"})
    many.tag("v1.0.0")
    edit(importing, package, tags="inherit")
    importing.sync(package)
    assert "v1.0.0" not in importing.names(package)
    assert importing.items(package)["v1.0.0"].outcome == Outcome.HELD


@pytest.mark.parametrize("said", [["a b"], ["[x"], "x" * 300, 7, [7]])
def test_a_pattern_that_cannot_be_is_refused_with_its_field(said: Any) -> None:
    with pytest.raises(Invalid) as caught:
        read(PackageChange, branches=said)
    assert caught.value.field.startswith("branches")


def test_a_text_areas_lines_are_patterns() -> None:
    assert read(PackageChange, branches="main\n\n release/* \nmain").branches == (
        "main",
        "release/*",
    )
