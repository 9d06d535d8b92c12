"""What the refs of a real repository become: a sync is requested and run."""

import pytest

from packistry.models import Outcome, SyncState
from tests.importing import Importing
from tests.repositories import GitRepository

MANIFEST = {"name": "acme/lib"}


@pytest.fixture
def repository_of_all_refs(repository: GitRepository) -> GitRepository:
    """The refs of Composer's own table of what a VCS repository gives."""
    repository.commit(MANIFEST)
    for tag in ("v0.1.0", "0.2", "release-0.3.0", "0.7.0", "0.7.0+meta", "0.8.0", "v0.8"):
        repository.tag(tag)
    for tag in ("2.0.0", "v2.0", "v00.2", "foo", "1.0.x", "0.4.0-dev", "dev-0.5"):
        repository.tag(tag)
    for branch in ("1.0", "1.x", "v2", "v2.1.x", "2.0.0", "1.2.3.4", "feature/x", "5.x-wip"):
        repository.branch(branch)
    for branch in ("issue#12", "a,b", "gh-pages", "renovate/all", "dependabot/npm"):
        repository.branch(branch)
    return repository


def test_refs_become_the_versions_composer_makes_of_them(
    importing: Importing, repository_of_all_refs: GitRepository
) -> None:
    package = importing.imported(repository_of_all_refs)
    assert {name: version.normalized for name, version in importing.versions(package).items()} == {
        "v0.1.0": "0.1.0.0",
        "0.2": "0.2.0.0",
        "0.3.0": "0.3.0.0",
        "0.7.0": "0.7.0.0",
        "0.8.0": "0.8.0.0",
        "2.0.0": "2.0.0.0",
        "dev-main": "dev-main",
        "1.0.x-dev": "1.0.9999999.9999999-dev",
        "1.x-dev": "1.9999999.9999999.9999999-dev",
        "v2.x-dev": "2.9999999.9999999.9999999-dev",
        "v2.1.x-dev": "2.1.9999999.9999999-dev",
        "2.0.0.x-dev": "2.0.0.9999999-dev",
        "1.2.3.4-dev": "1.2.3.4-dev",
        "dev-feature/x": "dev-feature/x",
        "dev-5.x-wip": "dev-5.x-wip",
        "dev-issue+12": "dev-issue+12",
    }


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ("0.7.0+meta", '"0.7.0" is the same version and comes first.'),
        ("v0.8", '"0.8.0" is the same version and comes first.'),
        ("v2.0", '"2.0.0" is the same version and comes first.'),
        ("v00.2", '"0.2" is the same version and comes first.'),
        ("foo", 'the tag "foo" is not a version'),
        ("1.0.x", 'the tag "1.0.x" is not a version'),
        ("0.4.0-dev", 'the tag "0.4.0-dev" is a dev version, which only a branch can be'),
        ("dev-0.5", 'the tag "dev-0.5" is a dev version, which only a branch can be'),
        ("a,b", '"dev-a,b" cannot be used in a constraint'),
        ("gh-pages", "Filtered out by the default of --exclude-branches: gh-pages fits."),
    ],
)
def test_a_ref_that_is_no_version_is_skipped_with_a_reason(
    importing: Importing, repository_of_all_refs: GitRepository, ref: str, reason: str
) -> None:
    package = importing.imported(repository_of_all_refs)
    item = importing.items(package)[ref]
    assert (item.outcome, item.reason) == (Outcome.SKIPPED, reason)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{nonsense", id="broken JSON"),
        pytest.param("[]", id="an empty list"),
        pytest.param("{}", id="an empty object"),
        pytest.param('{"name": "acme/lib", "require": {"a/b": "~>1"}}', id="a bad constraint"),
        pytest.param('{"name": "acme/lib", "require": {"a/b": 1}}', id="a number as constraint"),
        pytest.param("[" * 100_000, id="100 000 brackets"),
        pytest.param(b'{"name": "acme/lib", "x": "\xff"}', id="not UTF-8"),
        pytest.param('{"name": "acme/lib", "description": "\\ud800"}', id="half a surrogate pair"),
    ],
)
def test_a_bad_manifest_on_an_old_tag_fails_that_tag_alone(
    importing: Importing, repository: GitRepository, content: str | bytes
) -> None:
    """Statement 27."""
    repository.commit(files={"composer.json": content})
    repository.tag("0.9.0")
    repository.commit(MANIFEST)
    repository.tag("1.0.0")
    package = importing.imported(repository)
    assert importing.names(package) == {"1.0.0", "dev-main"}
    assert importing.items(package)["0.9.0"].outcome == Outcome.SKIPPED
    assert importing.reasons(package)["0.9.0"]


def test_what_a_dist_lacks_stands_beside_its_import(
    importing: Importing, repository: GitRepository
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    repository.commit(MANIFEST, files={"a.bin": pointer, "b.bin": pointer + "\n"})
    repository.tag("1.0.0")
    package = importing.imported(repository)
    item = importing.items(package)["1.0.0"]
    assert item.outcome == Outcome.IMPORTED
    assert item.reason == "Git LFS files, only pointers in the dist: 2."
    (dist,) = importing.dists(package).values()
    assert dist.notices == [item.reason]


def test_a_tag_that_spells_an_imported_version_with_more_zeros_changes_nothing(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit(MANIFEST)
    repository.tag("1.1")
    package = importing.imported(repository)
    repository.commit(MANIFEST)
    repository.tag("1.01")
    importing.sync(package)
    assert importing.names(package) == {"1.1", "dev-main"}
    assert importing.reasons(package)["1.01"] == '"1.1" is the same version and comes first.'


def test_a_tag_before_there_was_a_composer_json_is_skipped(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit(files={"README": "soon"})
    repository.tag("0.1.0")
    repository.commit(MANIFEST)
    repository.tag("1.0.0")
    package = importing.imported(repository)
    assert importing.names(package) == {"1.0.0", "dev-main"}
    assert importing.reasons(package)["0.1.0"] == "There is no composer.json."


def test_a_tag_must_match_the_version_in_its_composer_json(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({**MANIFEST, "version": "2.0.0"})
    repository.tag("1.9.0")
    repository.commit({**MANIFEST, "version": "3.6"})
    repository.tag("3.6.0")
    package = importing.imported(repository)
    assert importing.names(package) == {"3.6", "dev-main"}
    assert "does not match the version" in importing.reasons(package)["1.9.0"]


def test_a_version_typed_in_composer_json_does_not_name_a_branch(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({**MANIFEST, "version": "7.0.0"})
    package = importing.imported(repository)
    assert importing.names(package) == {"dev-main"}


def test_the_second_of_equal_tags_is_taken_when_the_first_is_broken(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit(files={"composer.json": "{"})
    repository.tag("0.8.0")
    repository.commit(MANIFEST)
    repository.tag("v0.8")
    package = importing.imported(repository)
    assert importing.names(package) == {"v0.8", "dev-main"}


def test_the_second_of_equal_tags_takes_over_when_the_first_is_deleted(
    importing: Importing, library: GitRepository
) -> None:
    library.tag("1.0")
    package = importing.imported(library)
    assert "1.0" in importing.names(package)
    library.delete_tag("1.0")
    importing.sync(package)
    assert importing.names(package) == {"v1.0.0", "dev-main"}


def test_a_version_keeps_its_tag_when_an_equal_one_appears_that_sorts_before_it(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    library.commit(MANIFEST)
    library.tag("1.0")
    importing.sync(package)
    assert importing.names(package) == {"v1.0.0", "dev-main"}


def test_an_annotated_tag_gives_the_commit_it_points_to(
    importing: Importing, repository: GitRepository
) -> None:
    commit = repository.commit(MANIFEST)
    repository.tag("1.0.0", annotated=True)
    package = importing.imported(repository)
    assert importing.versions(package)["1.0.0"].reference == commit


def test_the_time_of_a_version_is_that_of_its_commit(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    stamp = int(library.git("log", "-1", "--format=%at"))
    assert importing.versions(package)["v1.0.0"].committed_at.timestamp() == stamp


def test_the_name_on_the_default_branch_is_that_of_every_version(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({"name": "old/name"})
    repository.tag("0.1.0")
    repository.commit({"name": "acme/lib"})
    package = importing.imported(repository)
    assert importing.package(package).name == "acme/lib"
    assert {entry["name"] for entry in importing.document(package).values()} == {"acme/lib"}


def test_the_highest_version_names_a_package_whose_default_branch_does_not(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({"name": "acme/ten"})
    repository.tag("10.0.0")
    repository.commit({"name": "acme/nine"})
    repository.tag("9.0.0")
    repository.commit({"description": "no name"})
    package = importing.imported(repository)
    assert importing.package(package).name == "acme/ten"
    assert importing.names(package) == {"10.0.0", "9.0.0", "dev-main"}


def test_a_name_is_kept_in_lower_case(importing: Importing, repository: GitRepository) -> None:
    repository.commit({"name": "Acme/Lib"})
    package = importing.imported(repository)
    assert importing.package(package).name == "acme/lib"


def test_a_package_keeps_its_name_when_composer_json_is_renamed(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    library.commit({"name": "acme/renamed"})
    importing.sync(package)
    assert importing.package(package).name == "acme/lib"
    assert importing.reasons(package)["main"] == (
        'composer.json now says "acme/renamed"; the package keeps the name acme/lib.'
    )


@pytest.mark.parametrize(
    ("names", "remembered"),
    [
        (["acme/renamed"], "acme/renamed"),
        (["acme/renamed", "acme/lib"], None),
        (["Not A Name"], None),
        ([None], None),
    ],
)
def test_another_name_in_composer_json_is_remembered_until_it_is_the_same_again(
    names: list[str | None],
    remembered: str | None,
    importing: Importing,
    library: GitRepository,
) -> None:
    package = importing.imported(library)
    for number, name in enumerate(names):
        library.commit({"description": f"{number}", **({"name": name} if name else {})})
        importing.sync(package)
    assert importing.package(package).composer_name == remembered


def test_a_name_another_package_has_is_refused_with_a_reason(
    importing: Importing, library: GitRepository
) -> None:
    importing.imported(library)
    other = GitRepository(library.path.with_name("other"))
    other.commit(MANIFEST)
    package = importing.imported(other)
    assert importing.package(package).name is None
    assert importing.reasons(package)["main"] == (
        "Another package of this repository has the name acme/lib already."
    )


def test_a_refused_name_is_taken_as_soon_as_it_is_free(
    importing: Importing, library: GitRepository
) -> None:
    first = importing.imported(library)
    other = GitRepository(library.path.with_name("other"))
    other.commit(MANIFEST)
    package = importing.imported(other)
    with importing.runtime.transaction() as services:
        services.packages.remove(services.packages.find("acme/lib")[0])
    importing.sync(package)
    assert first != package
    assert importing.names(package) == {"dev-main"}


def test_a_name_that_no_package_can_have_is_refused_with_a_reason(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({"name": "p2/lib"})
    package = importing.imported(repository)
    assert importing.package(package).name is None
    assert importing.reasons(package)["main"] == (
        'the vendor "p2" is a word of this server\'s own paths'
    )


def test_an_empty_repository_gives_a_package_without_versions(
    importing: Importing, repository: GitRepository
) -> None:
    package = importing.add(repository)
    sync = importing.sync(package)
    assert (sync.state, sync.error) == (SyncState.DONE, "")
    assert importing.reasons(package) == {"": "The repository has no branches and no tags."}


def test_a_repository_without_composer_json_gives_a_package_without_versions(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit(files={"README": "hello"})
    package = importing.add(repository)
    assert importing.sync(package).state == SyncState.DONE
    assert importing.reasons(package) == {"main": "There is no composer.json."}


def test_a_package_appears_when_its_repository_gets_a_composer_json(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit(files={"README": "hello"})
    package = importing.imported(repository)
    repository.commit(MANIFEST)
    importing.sync(package)
    assert importing.names(package) == {"dev-main"}


def test_a_repository_whose_manifests_have_no_name_says_so(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({"description": "an application"})
    package = importing.imported(repository)
    assert importing.reasons(package)["main"] == "composer.json does not say the package's name."


def test_old_tags_become_versions_once_the_default_branch_names_the_package(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({"description": "an application"})
    repository.tag("1.0.0")
    package = importing.imported(repository)
    repository.commit(MANIFEST)
    importing.sync(package)
    assert importing.names(package) == {"1.0.0", "dev-main"}


def test_sub_directories_of_one_project_are_packages_of_their_own(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({"name": "acme/one"}, folder="packages/one", files={"packages/one/1": "1"})
    repository.commit({"name": "acme/two"}, folder="packages/two", files={"packages/two/2": "2"})
    repository.tag("1.0.0")
    one = importing.add(repository, subdirectory="packages/one")
    two = importing.add(repository, subdirectory="packages/two")
    importing.sync(one)
    assert (importing.package(one).name, importing.package(two).name) == ("acme/one", "acme/two")
    dist = importing.dists(two)[repository.head()]
    assert importing.files(dist) == repository.archive("HEAD", "packages/two")


def test_a_tag_without_the_sub_directory_is_skipped(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit(files={"README": "hello"})
    repository.tag("0.1.0")
    repository.commit({"name": "acme/one"}, folder="one")
    package = importing.imported(repository, subdirectory="one")
    assert importing.names(package) == {"dev-main"}
    assert importing.reasons(package)["0.1.0"] == "There is no composer.json in one."
