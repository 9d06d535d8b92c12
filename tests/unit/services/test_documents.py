import gzip
import json
from datetime import UTC, datetime

import pytest

from packistry.composer.minifier import expand
from packistry.models import Channel, Package, Project
from packistry.runtime import Runtime
from packistry.services import documents
from packistry.services.documents import dist_path, rebase
from tests.importing import Importing
from tests.repositories import GitRepository

MANIFEST = {"name": "acme/lib"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Time stands still for the documents."""
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(documents, "now", lambda: moment)
    return moment


def test_both_documents_exist_even_if_one_is_empty(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit(MANIFEST)
    package = importing.imported(repository)
    assert importing.document(package) == {}
    assert set(importing.document(package, Channel.DEV)) == {"dev-main"}


def test_a_version_names_its_dist_by_a_url_that_holds_the_reference(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library, path="private")
    dist = importing.dists(package)[library.head()]
    assert importing.document(package)["v1.0.0"]["dist"] == {
        "type": "zip",
        "url": f"http://packages.test/r/private/dists/acme/lib/v1.0.0/{library.head()}.zip",
        "reference": library.head(),
        "shasum": dist.sha1,
    }


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("v1.0.0", "v1.0.0/abc.zip"),
        ("dev-feature/x", "dev-feature-x/abc.zip"),
        ("dev-issue+12", "dev-issue+12/abc.zip"),
        ("dev-../../x", "dev-..-..-x/abc.zip"),
        ("dev-ü", "dev--/abc.zip"),
        ("..", "dev/abc.zip"),
    ],
)
def test_any_version_can_be_part_of_a_path(version: str, path: str) -> None:
    assert dist_path(version, "abc") == path


def test_a_local_path_is_not_told(importing: Importing, library: GitRepository) -> None:
    package = importing.imported(library)
    assert "source" not in importing.document(package)["v1.0.0"]
    for row in importing.stored(package).values():
        assert str(library.path).encode() not in gzip.decompress(row.body)


@pytest.mark.parametrize(
    ("clone_url", "told"),
    [
        ("https://git.test/acme/lib.git", True),
        ("ssh://git@git.test/acme/lib.git", True),
        ("git@git.test:acme/lib.git", True),
        ("file:///srv/lib", False),
        ("ext::sh -c x", False),
        ("--upload-pack=x", False),
        ("", False),
    ],
)
def test_a_source_is_told_only_if_clients_can_clone_it(
    importing: Importing, library: GitRepository, clone_url: str, told: bool
) -> None:
    package = importing.imported(library)
    with importing.runtime.transaction() as services:
        services.session.get_one(
            Project, importing.package(package).project_id
        ).clone_url = clone_url
        services.documents.render(services.session.get_one(Package, package))
    entry = importing.document(package)["v1.0.0"]
    expected = {"type": "git", "url": clone_url, "reference": library.head()}
    assert entry.get("source") == (expected if told else None)


def test_equal_versions_give_equal_bytes(importing: Importing, library: GitRepository) -> None:
    package = importing.imported(library)
    before = importing.stored(package)[Channel.STABLE]
    with importing.runtime.transaction() as services:
        row = services.session.get_one(Package, package)
        assert services.documents.render_for(row, Channel.STABLE, "http://packages.test") == (
            before.body
        )


def test_rendering_again_what_did_not_change_touches_nothing(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    before = importing.modified(package)
    with importing.runtime.transaction() as services:
        services.documents.render(services.session.get_one(Package, package))
    assert importing.modified(package) == before


def listed(importing: Importing, package: int) -> int:
    """When it changed, as lists are sorted by it."""
    with importing.runtime.reading() as services:
        return services.packages.at(package).modified


def test_two_changes_in_one_second_have_two_times(
    importing: Importing, library: GitRepository, clock: datetime
) -> None:
    package = importing.imported(library)
    first = importing.modified(package)[Channel.DEV]
    assert listed(importing, package) == max(importing.modified(package).values())
    library.commit(MANIFEST)
    importing.sync(package)
    assert (first, importing.modified(package)[Channel.DEV]) == (
        clock.timestamp(),
        clock.timestamp() + 1,
    )
    assert listed(importing, package) == max(importing.modified(package).values())


def test_a_change_of_dev_versions_leaves_the_stable_document_alone(
    importing: Importing, library: GitRepository, clock: datetime
) -> None:
    package = importing.imported(library)
    before = importing.modified(package)[Channel.STABLE]
    library.commit(MANIFEST)
    importing.sync(package)
    assert importing.modified(package)[Channel.STABLE] == before


def test_a_package_that_comes_back_has_times_it_never_had(
    importing: Importing, library: GitRepository, clock: datetime
) -> None:
    package = importing.imported(library)
    used = {importing.modified(package)[Channel.DEV]}
    for _ in range(3):
        library.commit(MANIFEST)
        importing.sync(package)
        used.add(importing.modified(package)[Channel.DEV])
    with importing.runtime.transaction() as services:
        services.packages.remove(services.session.get_one(Package, package))
    again = importing.imported(library)
    assert min(importing.modified(again).values()) > max(used)


def test_the_documents_can_be_had_for_another_base_url(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    with importing.runtime.transaction() as services:
        row = services.session.get_one(Package, package)
        body = services.documents.render_for(row, Channel.STABLE, "https://other.test/sub")
    (entry,) = expand(json.loads(gzip.decompress(body))["packages"]["acme/lib"])
    assert entry["dist"]["url"].startswith("https://other.test/sub/dists/acme/lib/")


def test_a_new_base_url_renders_everything_again(
    importing: Importing, library: GitRepository
) -> None:
    rebase(importing.runtime)
    package = importing.imported(library)
    before = importing.modified(package)[Channel.STABLE]
    moved = Runtime(importing.runtime.settings.model_copy(update={"url": "https://new.test"}))
    rebase(moved)
    moved.close()
    url = importing.document(package)["v1.0.0"]["dist"]["url"]
    assert url.startswith("https://new.test/dists/")
    assert importing.modified(package)[Channel.STABLE] > before


def test_the_same_base_url_renders_nothing_again(
    importing: Importing, library: GitRepository
) -> None:
    rebase(importing.runtime)
    package = importing.imported(library)
    before = importing.modified(package)
    rebase(importing.runtime)
    assert importing.modified(package) == before


def test_a_package_that_has_no_name_yet_has_no_documents(
    importing: Importing, repository: GitRepository
) -> None:
    package = importing.imported(repository)
    assert importing.stored(package) == {}


def test_a_yanked_version_is_not_listed(importing: Importing, library: GitRepository) -> None:
    package = importing.imported(library)
    with importing.runtime.transaction() as services:
        row = services.session.get_one(Package, package)
        next(each for each in row.versions if each.name == "v1.0.0").yanked_at = datetime.now(UTC)
        services.session.flush()
        services.documents.render(row)
    assert importing.document(package) == {}
