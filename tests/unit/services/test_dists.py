import io
import shutil
from datetime import timedelta

import pytest

from packistry import plugin
from packistry.models import Dist, Intent, Package
from packistry.models import Dists as When
from packistry.models.base import now
from packistry.queue import EmbeddedQueue
from packistry.runtime import Runtime
from packistry.services.dists import Dists, record
from tests.faulty import Host
from tests.importing import Importing
from tests.repositories import GitRepository

MANIFEST = {"name": "acme/lib"}


def only(importing: Importing, package: int) -> Dist:
    (dist,) = importing.dists(package).values()
    return dist


def intents(runtime: Runtime) -> list[str]:
    with runtime.transaction() as services:
        return [row.storage_key for row in services.session.query(Intent)]


@pytest.fixture
def lazy(importing: Importing, library: GitRepository) -> int:
    """acme/lib with one dist, not built."""
    return importing.imported(library, dists=When.LAZY)


def test_a_lazy_import_stores_nothing(importing: Importing, lazy: int) -> None:
    dist = only(importing, lazy)
    assert (dist.built, dist.sha1, dist.wanted_at) == (False, "", None)
    assert list(importing.runtime.storage.keys()) == []


def test_a_lazy_version_is_listed_with_its_dist(
    importing: Importing, lazy: int, library: GitRepository
) -> None:
    dist = importing.document(lazy)["v1.0.0"]["dist"]
    assert (dist["reference"], dist["shasum"]) == (library.head(), "")


def test_a_dist_that_is_wanted_is_sent_to_be_built(importing: Importing, lazy: int) -> None:
    queue = importing.runtime.queue
    assert isinstance(queue, EmbeddedQueue)
    while queue.take():
        pass
    dist = only(importing, lazy)
    Dists(importing.runtime).want(dist.id)
    job = queue.take()
    assert job is not None
    assert (job.name, job.arguments) == ("build_dist", (dist.id,))
    assert only(importing, lazy).wanted_at is not None


def test_a_wanted_dist_is_the_same_as_an_eager_one(
    importing: Importing, lazy: int, library: GitRepository
) -> None:
    dists = Dists(importing.runtime)
    dists.want(only(importing, lazy).id)
    dists.build(only(importing, lazy).id)
    built = only(importing, lazy)
    eager = importing.imported(library, path="eager")
    assert built.built
    assert built.wanted_at is None
    assert built.sha256 == only(importing, eager).sha256
    assert importing.files(built) == library.archive("HEAD")


def test_a_dist_is_built_once(importing: Importing, lazy: int) -> None:
    dists = Dists(importing.runtime)
    dists.build(only(importing, lazy).id)
    first = only(importing, lazy)
    dists.build(first.id)
    assert only(importing, lazy).storage_key == first.storage_key


def test_a_dist_that_is_built_is_not_wanted(importing: Importing, library: GitRepository) -> None:
    package = importing.imported(library)
    Dists(importing.runtime).want(only(importing, package).id)
    assert only(importing, package).wanted_at is None


def test_the_dist_of_a_commit_no_ref_points_to_can_still_be_built(
    importing: Importing, repository: GitRepository
) -> None:
    old = repository.commit(MANIFEST, files={"a": "1"})
    package = importing.imported(repository, dists=When.LAZY)
    repository.force_push(MANIFEST, files={"a": "2"})
    importing.sync(package)
    Dists(importing.runtime).build(importing.dists(package)[old].id)
    assert importing.files(importing.dists(package)[old])["a"] == b"1"


def test_a_lazy_dist_is_built_while_its_host_is_away(
    importing: Importing, lazy: int, library: GitRepository
) -> None:
    files = library.archive("HEAD")
    library.path.rename(library.path.with_name("away"))
    Dists(importing.runtime).build(only(importing, lazy).id)
    assert importing.files(only(importing, lazy)) == files


def test_a_lazy_dist_whose_commit_was_lost_here_is_fetched(
    importing: Importing, lazy: int, library: GitRepository
) -> None:
    mirror = importing.runtime.workspace(importing.project(lazy)) / "mirror.git"
    shutil.rmtree(mirror)
    shutil.copytree(GitRepository(library.path.with_name("other")).path / ".git", mirror)
    Dists(importing.runtime).build(only(importing, lazy).id)
    assert importing.files(only(importing, lazy)) == library.archive("HEAD")


def test_one_look_at_a_project_builds_all_that_is_wanted_of_it(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library, dists=When.LAZY)
    library.commit(MANIFEST)
    importing.sync(package)
    dists = Dists(importing.runtime)
    first, second = importing.dists(package).values()
    dists.want(first.id)
    dists.want(second.id)
    dists.build(first.id)
    assert all(dist.built for dist in importing.dists(package).values())


def test_the_dist_of_a_sub_directory_holds_that_folder(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit({"name": "acme/one"}, folder="one", files={"one/a": "1", "other": "2"})
    package = importing.imported(repository, subdirectory="one", dists=When.LAZY)
    Dists(importing.runtime).build(only(importing, package).id)
    assert set(importing.files(only(importing, package))) == {"a", "composer.json"}


def test_a_lazy_dist_says_what_it_lacks_once_it_is_built(
    importing: Importing, repository: GitRepository
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    repository.commit(MANIFEST, files={"a.bin": pointer})
    package = importing.imported(repository, dists=When.LAZY)
    assert only(importing, package).notices == []
    Dists(importing.runtime).build(only(importing, package).id)
    assert only(importing, package).notices == ["Git LFS files, only pointers in the dist: 1."]


def test_a_dist_that_can_never_be_built_says_why(
    importing: Importing, repository: GitRepository
) -> None:
    repository.commit(MANIFEST, links={"passwd": "/etc/passwd"})
    package = importing.imported(repository, dists=When.LAZY)
    dists = Dists(importing.runtime)
    dists.want(only(importing, package).id)
    dists.build(only(importing, package).id)
    failed = only(importing, package)
    assert "points out of the package" in failed.failure
    assert (failed.built, failed.wanted_at) == (False, None)


def test_a_dist_whose_host_is_away_is_tried_again_later(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty", dists=When.LAZY)
    importing.sync(package)
    dist = next(iter(importing.dists(package).values()))

    def away() -> None:
        raise plugin.Unavailable("The host is away.")

    host.on_open = away
    dists = Dists(importing.runtime)
    dists.want(dist.id)
    dists.build(dist.id)
    waiting = next(iter(importing.dists(package).values()))
    assert waiting.failure == ""
    assert waiting.wanted_at is not None
    assert now() < waiting.wanted_at < now() + timedelta(minutes=1)


def test_a_dist_of_content_the_host_no_longer_has_fails(importing: Importing, host: Host) -> None:
    package = importing.add("7", provider="faulty", dists=When.LAZY)
    importing.sync(package)
    dist = next(iter(importing.dists(package).values()))
    host.push("main", {"name": "acme/lib", "description": "newer"})
    host.push("1.0.0", {"name": "acme/lib", "description": "newer"})
    Dists(importing.runtime).build(dist.id)
    assert importing.dists(package)[dist.reference].failure == "The host has no such commit."


def test_a_package_that_becomes_eager_gets_its_dists(
    importing: Importing, lazy: int, library: GitRepository
) -> None:
    with importing.runtime.transaction() as services:
        services.session.get_one(Package, lazy).dists = When.EAGER
    importing.sync(lazy)
    assert only(importing, lazy).built
    assert importing.document(lazy)["v1.0.0"]["dist"]["shasum"] == only(importing, lazy).sha1


def test_a_stored_file_is_announced_until_it_is_recorded(
    importing: Importing, library: GitRepository
) -> None:
    runtime = importing.runtime
    package = importing.imported(library)
    uid = importing.package(package).uid
    stored = Dists(runtime).store(uid, "a" * 40, io.BytesIO(b"zip"))
    assert intents(runtime) == [stored.key]
    with runtime.transaction() as services:
        record(services.session, package, "a" * 40, stored)
    assert intents(runtime) == []
    assert importing.zip(importing.dists(package)["a" * 40]) == b"zip"


def test_a_file_is_stored_again_after_a_kill_in_between(
    importing: Importing, library: GitRepository
) -> None:
    runtime = importing.runtime
    uid = importing.package(importing.imported(library)).uid
    first = Dists(runtime).store(uid, "a" * 40, io.BytesIO(b"zip"))
    assert Dists(runtime).store(uid, "a" * 40, io.BytesIO(b"zip")) == first
    assert intents(runtime) == [first.key]


def test_the_key_of_a_dist_tells_its_package_reference_and_bytes(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    uid, dist = importing.package(package).uid, only(importing, package)
    assert dist.storage_key == f"{uid[:2]}/{uid}/{library.head()}-{dist.sha256[:16]}.zip"


def test_a_dist_that_is_there_keeps_its_bytes(importing: Importing, library: GitRepository) -> None:
    runtime = importing.runtime
    package = importing.imported(library)
    before = only(importing, package)
    other = Dists(runtime).store(
        importing.package(package).uid, library.head(), io.BytesIO(b"other")
    )
    with runtime.transaction() as services:
        assert record(services.session, package, library.head(), other) == before.id
    assert only(importing, package).storage_key == before.storage_key


def test_a_built_dist_can_be_opened(importing: Importing, library: GitRepository) -> None:
    package = importing.imported(library)
    with Dists(importing.runtime).open(only(importing, package)) as stream:
        assert stream.read(2) == b"PK"
