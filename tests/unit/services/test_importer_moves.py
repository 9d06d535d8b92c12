"""Dists, and what becomes of versions as refs move and go: a sync is requested and run."""

import json

import pytest

from packistry.models import Channel, Outcome, SyncState, TagPolicy
from packistry.services import importer
from tests.importing import Importing
from tests.repositories import GitRepository

MANIFEST = {"name": "acme/lib"}


def test_a_dist_is_what_git_archive_gives(importing: Importing, repository: GitRepository) -> None:
    repository.commit(
        MANIFEST,
        files={
            ".gitattributes": "/tests export-ignore\nversion.txt export-subst\n",
            "tests/a.php": "left out",
            "src/Ünïcode ✓.php": "<?php // ä",
            "version.txt": "$Format:%D$",
            "bin/tool": "#!/bin/sh\n",
        },
        links={"bin/alias": "tool"},
    )
    package = importing.imported(repository)
    files = importing.files(importing.dists(package)[repository.head()])
    assert files == {**repository.archive("HEAD"), "version.txt": b"$Format:%D$"}
    assert "src/Ünïcode ✓.php" in files
    assert "tests/a.php" not in files


def test_a_link_out_of_the_tree_fails_that_ref_alone(
    importing: Importing, library: GitRepository
) -> None:
    library.commit(MANIFEST, links={"passwd": "../../etc/passwd"})
    library.tag("2.0.0")
    library.branch("main", at="v1.0.0")
    package = importing.imported(library)
    assert importing.names(package) == {"v1.0.0", "dev-main"}
    item = importing.items(package)["2.0.0"]
    assert item.outcome == Outcome.FAILED
    assert "points out of the package" in item.reason


def test_two_refs_of_one_commit_share_a_dist(importing: Importing, library: GitRepository) -> None:
    library.branch("1.x")
    package = importing.imported(library)
    assert len(importing.dists(package)) == 1
    assert len({version.dist_id for version in importing.versions(package).values()}) == 1


def test_a_branch_that_moves_keeps_the_dist_it_had(
    importing: Importing, repository: GitRepository
) -> None:
    old = repository.commit(MANIFEST, files={"a": "1"})
    package = importing.imported(repository)
    before = importing.zip(importing.dists(package)[old])
    new = repository.force_push(MANIFEST, files={"a": "2"})
    importing.sync(package)
    assert importing.versions(package)["dev-main"].reference == new
    assert importing.zip(importing.dists(package)[old]) == before


def test_a_deleted_tag_goes_and_its_dist_stays(
    importing: Importing, repository: GitRepository
) -> None:
    tagged = repository.commit(MANIFEST)
    repository.tag("1.0.0")
    repository.commit(MANIFEST)
    package = importing.imported(repository)
    repository.delete_tag("1.0.0")
    importing.sync(package)
    assert importing.names(package) == {"dev-main"}
    assert importing.items(package)["1.0.0"].outcome == Outcome.REMOVED
    assert importing.dists(package)[tagged].built


def test_a_deleted_branch_goes(importing: Importing, library: GitRepository) -> None:
    library.branch("1.x")
    package = importing.imported(library)
    library.delete_branch("1.x")
    importing.sync(package)
    assert importing.names(package) == {"v1.0.0", "dev-main"}


def test_a_stable_tag_that_moves_is_held_where_tags_are_protected(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    before = importing.versions(package)["v1.0.0"]
    moved = library.commit(MANIFEST)
    library.tag("v1.0.0")
    importing.sync(package)
    after = importing.versions(package)["v1.0.0"]
    assert after.reference == before.reference != moved
    assert importing.items(package)["v1.0.0"].outcome == Outcome.HELD


def test_a_held_tag_is_told_once(importing: Importing, library: GitRepository) -> None:
    package = importing.imported(library)
    library.commit(MANIFEST)
    library.tag("v1.0.0")
    importing.sync(package)
    assert importing.items(package, importing.sync(package).id) == {}


def test_a_stable_tag_replaced_by_an_equal_one_elsewhere_is_held(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    before = importing.versions(package)["v1.0.0"].reference
    library.commit(MANIFEST)
    library.delete_tag("v1.0.0")
    library.tag("1.0.0")
    importing.sync(package)
    (version,) = (row for row in importing.versions(package).values() if row.kind == "tag")
    assert version.reference == before
    assert importing.items(package)["1.0.0"].outcome == Outcome.HELD


def test_a_tag_that_moves_is_followed_where_the_repository_says_so(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library, policy=TagPolicy.FOLLOW)
    old = library.head()
    moved = library.commit(MANIFEST)
    library.tag("v1.0.0")
    importing.sync(package)
    assert importing.versions(package)["v1.0.0"].reference == moved
    assert importing.dists(package)[old].built


def test_a_pre_release_tag_that_moves_is_followed(
    importing: Importing, library: GitRepository
) -> None:
    library.tag("2.0.0-RC1")
    package = importing.imported(library)
    moved = library.commit(MANIFEST)
    library.tag("2.0.0-RC1")
    importing.sync(package)
    assert importing.versions(package)["2.0.0-RC1"].reference == moved


def test_a_branch_keeps_its_version_while_its_composer_json_is_broken(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    before = importing.versions(package)["dev-main"].reference
    library.commit(files={"composer.json": "{"})
    importing.sync(package)
    assert importing.versions(package)["dev-main"].reference == before
    assert importing.items(package)["main"].outcome == Outcome.FAILED


def test_a_branch_that_loses_its_composer_json_goes(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    library.commit(remove=("composer.json",))
    importing.sync(package)
    assert importing.names(package) == {"v1.0.0"}


def test_a_branch_takes_over_the_number_of_one_that_loses_its_composer_json(
    importing: Importing, library: GitRepository
) -> None:
    library.branch("v1")
    package = importing.imported(library)
    library.branch("1")
    library.checkout("v1")
    library.commit(remove=("composer.json",))
    library.git("checkout", "--quiet", "main")
    importing.sync(package)
    assert importing.versions(package)["1.x-dev"].ref == "1"


def test_exactly_the_default_branch_is_marked(importing: Importing, library: GitRepository) -> None:
    library.branch("next")
    package = importing.imported(library)
    library.set_default("next")
    importing.sync(package)
    marked = {name for name, row in importing.versions(package).items() if row.default_branch}
    assert marked == {"dev-next"}
    assert importing.document(package, Channel.DEV)["dev-next"]["default-branch"] is True
    assert "default-branch" not in importing.document(package, Channel.DEV)["dev-main"]


def test_a_package_is_described_by_its_default_branch(
    importing: Importing, library: GitRepository
) -> None:
    library.commit(
        {
            "name": "acme/lib",
            "description": "Newer",
            "type": "symfony-bundle",
            "keywords": ["log"],
            "abandoned": "acme/other",
        },
        files={"README.md": "# Read me"},
    )
    package = importing.package(importing.imported(library))
    assert (package.description, package.type, package.keywords, package.abandoned) == (
        "Newer",
        "symfony-bundle",
        ["log"],
        "acme/other",
    )
    assert package.readme.strip() == "# Read me"


def test_a_package_without_a_good_default_branch_is_described_by_its_highest_stable_version(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({**MANIFEST, "description": "ten"})
    repository.tag("10.0.0")
    repository.commit({**MANIFEST, "description": "two"})
    repository.tag("2.0.0")
    repository.commit({**MANIFEST, "description": "beta"})
    repository.tag("11.0.0-beta1")
    repository.commit(remove=("composer.json",))
    package = importing.package(importing.imported(repository))
    assert package.description == "ten"


def test_every_version_says_that_the_package_is_abandoned(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    library.commit({**MANIFEST, "abandoned": True})
    importing.sync(package)
    assert importing.document(package)["v1.0.0"]["abandoned"] is True


def test_commits_of_pull_requests_are_in_no_version(
    importing: Importing, library: GitRepository
) -> None:
    commit = library.commit(MANIFEST)
    library.update_ref("refs/pull/1/head", commit)
    library.branch("main", at="v1.0.0")
    package = importing.imported(library)
    assert commit not in importing.dists(package)


def test_a_ref_name_that_is_not_utf_8_is_skipped_with_a_reason(
    importing: Importing, library: GitRepository
) -> None:
    packed = library.path / ".git" / "packed-refs"
    packed.write_bytes(f"{library.head()} refs/heads/".encode() + b"caf\xe9\n")
    package = importing.imported(library)
    assert "The name is not UTF-8." in importing.reasons(package).values()


def test_one_bad_ref_does_not_fail_the_others(importing: Importing, library: GitRepository) -> None:
    library.commit(files={"composer.json": "{"})
    library.tag("1.5.0")
    for number in range(2, 6):
        library.commit(MANIFEST, files={"n": str(number)})
        library.tag(f"{number}.0.0")
    package = importing.add(library)
    assert importing.sync(package).state == SyncState.DONE
    assert importing.names(package) == {
        "v1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0", "dev-main",
    }  # fmt: skip


def test_a_zip_beyond_the_limit_fails_that_ref_alone(
    importing: Importing, library: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.commit(MANIFEST, files={"big": bytes(range(256)) * 64})
    settings = importing.runtime.settings
    monkeypatch.setitem(settings.__dict__, "max_archive_bytes", 600)
    package = importing.imported(library)
    assert importing.names(package) == {"v1.0.0"}
    assert "PACKISTRY_MAX_ARCHIVE_BYTES" in importing.reasons(package)["main"]


def test_many_refs_are_read_and_recorded_in_parts(
    importing: Importing, library: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "READ_AT_ONCE", 4)
    monkeypatch.setattr(importer, "RECORDED_AT_ONCE", 3)
    for number in range(2, 12):
        library.commit(MANIFEST, files={"n": str(number)})
        library.tag(f"{number}.0")
    package = importing.add(library)
    sync = importing.sync(package)
    assert len(importing.names(package)) == 12
    assert (sync.done, sync.total) == (12, 12)


def test_the_manifest_is_served_as_it_was_written(
    importing: Importing, repository: GitRepository
) -> None:
    manifest = {**MANIFEST, "require": {"php": ">=8.1"}, "replace": {"old/lib": "self.version"}}
    repository.commit(manifest)
    package = importing.imported(repository)
    entry = importing.document(package, Channel.DEV)["dev-main"]
    assert json.dumps(entry["require"]) == json.dumps(manifest["require"])
    assert entry["replace"] == manifest["replace"]
