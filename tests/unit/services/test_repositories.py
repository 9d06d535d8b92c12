from typing import Any

import pytest
from sqlalchemy import select

from packistry.errors import Conflict, NotFound
from packistry.inputs import NewRepository, RepositoryChange, read
from packistry.models import Counter, Document, Grant, Package, Version, VersionKind
from packistry.models.base import now


def add(services: Any, name: Any = "main", **fields: Any) -> Any:
    return services.repositories.add(read(NewRepository, name=name, **fields))


def package(services: Any, repository: Any, name: Any = "acme/lib") -> Any:
    made = Package(repository=repository, name=name)
    services.session.add(made)
    services.session.flush()
    services.session.add(
        Version(
            package_id=made.id,
            name="1.0.0",
            normalized="1.0.0.0",
            stability="stable",
            kind=VersionKind.TAG,
            reference="a" * 40,
            committed_at=now(),
            manifest={"type": "metapackage"},
        )
    )
    services.session.flush()
    services.documents.render(made)
    return made


def test_a_repository_without_a_path_is_the_root(services):
    repository = add(services)
    assert services.repositories.get("") is repository
    assert repository.prefix == ""


def test_there_is_one_root(services):
    add(services)
    with pytest.raises(Conflict, match="root repository already"):
        add(services, name="other")


def test_a_name_is_given_once(services):
    add(services)
    with pytest.raises(Conflict, match="called"):
        add(services, path="b")


def test_a_path_is_given_once(services):
    add(services, path="b")
    with pytest.raises(Conflict, match='path "b"'):
        add(services, name="other", path="b")


@pytest.mark.parametrize("written", ["team", "/r/team", "r/team/", "/team"])
def test_a_repository_is_found_however_its_path_is_written(services, written):
    repository = add(services, path="team")
    assert services.repositories.get(written) is repository


def test_a_path_nobody_uses_is_not_found(services):
    with pytest.raises(NotFound, match="no root repository"):
        services.repositories.get("")


def test_a_repository_is_private_unless_it_is_said(services):
    assert not add(services).public


def test_reserved_vendors_are_kept_once_and_in_order(services):
    made = add(services, reserved_vendors=("b", "a", "b/*"))
    assert made.reserved_vendors == ["a", "b"]


def test_what_is_not_said_stays(services):
    made = add(services, public=True, description="For all", reserved_vendors=("acme",))
    services.repositories.edit(made, RepositoryChange(name="other"))
    assert (made.name, made.public, made.description) == ("other", True, "For all")
    assert made.reserved_vendors == ["acme"]


def test_another_path_gives_the_dists_other_addresses(services):
    made = add(services, path="old")
    lib = package(services, made)
    services.repositories.edit(made, RepositoryChange(path="new"))
    services.session.refresh(lib)
    assert lib.stale


def test_the_same_path_changes_nothing(services):
    made = add(services, path="old")
    lib = package(services, made)
    services.repositories.edit(made, RepositoryChange(path="old"))
    services.session.refresh(lib)
    assert not lib.stale


def test_a_path_that_is_taken_is_refused_in_an_edit(services):
    add(services, name="a", path="a")
    with pytest.raises(Conflict):
        services.repositories.edit(add(services, name="b", path="b"), RepositoryChange(path="a"))


def test_removing_takes_packages_versions_and_grants_along(services):
    made = add(services)
    package(services, made)
    services.session.add(Grant(repository_id=made.id))
    services.session.flush()
    services.repositories.remove(made)
    for model in (Package, Version, Document, Grant):
        assert services.session.scalars(select(model)).all() == []


def test_a_removed_document_is_older_than_any_later_one(services):
    made = add(services)
    package(services, made)
    last = max(services.session.scalars(select(Document.modified)))
    services.repositories.remove(made)
    package(services, add(services))
    assert min(services.session.scalars(select(Document.modified))) > last
    floor = services.session.get(Counter, "floor", populate_existing=True)
    assert floor.value >= last


def test_the_packages_of_another_repository_stay(services):
    first, second = add(services), add(services, name="b", path="b")
    package(services, first)
    package(services, second)
    services.repositories.remove(first)
    assert services.repositories.size(second) == 1
