"""Stored dists that were lost or altered, and what brings them back."""

import io

import pytest

from packistry.models import Dist
from packistry.runtime import Runtime
from packistry.services.collector import Collector, Fault
from packistry.services.repair import NO_PROJECT, OTHER_BYTES, Repair
from tests.importing import Importing
from tests.repositories import GitRepository


@pytest.fixture
def package(importing: Importing, library: GitRepository) -> int:
    """acme/lib, with one dist."""
    return importing.imported(library)


def only(importing: Importing, package: int) -> Dist:
    (dist,) = importing.dists(package).values()
    return dist


def lose(runtime: Runtime, dist: Dist, *, instead: bytes | None = None) -> None:
    runtime.storage.delete(dist.storage_key)
    if instead is not None:
        runtime.storage.put(dist.storage_key, io.BytesIO(instead))


def repair(runtime: Runtime) -> tuple[Fault, ...]:
    _, faults = Collector(runtime).verify()
    assert faults
    return Repair(runtime).run(faults)


@pytest.mark.parametrize("instead", [None, b"PK altered"], ids=["lost", "altered"])
def test_a_bad_dist_is_built_anew_with_the_same_bytes(
    runtime: Runtime, importing: Importing, package: int, instead: bytes | None
) -> None:
    dist = only(importing, package)
    before = importing.zip(dist)
    lose(runtime, dist, instead=instead)
    assert repair(runtime) == ()
    assert importing.zip(dist) == before
    assert only(importing, package).failure == ""


def test_a_host_that_is_away_is_not_needed_for_it(
    runtime: Runtime, importing: Importing, package: int, library: GitRepository
) -> None:
    lose(runtime, only(importing, package))
    library.path.rename(library.path.with_name("away"))
    assert repair(runtime) == ()


def test_without_the_commit_it_stays_bad_for_the_time_being(
    runtime: Runtime, importing: Importing, package: int, library: GitRepository
) -> None:
    lose(runtime, only(importing, package))
    library.path.rename(library.path.with_name("away"))
    mirror = runtime.workspace(importing.project(package)) / "mirror.git"
    mirror.rename(mirror.with_name("elsewhere"))
    (fault,) = repair(runtime)
    assert "cannot be built anew now" in fault.reason
    assert only(importing, package).failure != ""


def test_other_bytes_never_take_the_place_of_those_that_lock_files_name(
    runtime: Runtime, importing: Importing, package: int
) -> None:
    with runtime.transaction() as services:
        dist = services.session.get_one(Dist, only(importing, package).id)
        dist.sha256, dist.storage_key = "0" * 64, f"{dist.storage_key[:-8]}0000.zip"
    (fault,) = repair(runtime)
    assert OTHER_BYTES in fault.reason
    assert not runtime.storage.exists(only(importing, package).storage_key)


def test_an_upload_can_only_come_from_a_backup(
    runtime: Runtime, importing: Importing, package: int
) -> None:
    lose(runtime, only(importing, package))
    with runtime.transaction() as services:
        dist = services.session.get_one(Dist, only(importing, package).id)
        dist.package.project = None
    (fault,) = repair(runtime)
    assert NO_PROJECT in fault.reason
