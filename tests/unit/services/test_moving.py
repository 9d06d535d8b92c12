"""A package goes on under another name, or in another repository."""

import pytest

from packistry.errors import Conflict, Invalid
from packistry.inputs import NewRepository
from packistry.models import Grant, User
from packistry.services.grants import Rights
from tests.importing import Importing
from tests.repositories import GitRepository


def rename(importing: Importing, package: int, name: str) -> int:
    with importing.runtime.transaction() as services:
        return services.moving.rename(services.packages.at(package), name).id


def move(importing: Importing, package: int, path: str) -> None:
    with importing.runtime.transaction() as services:
        services.moving.move(services.packages.at(package), services.repositories.get(path))


def push_elsewhere(library: GitRepository, tag: str) -> str:
    commit = library.commit({"name": "acme/lib"}, files={"a.php": "<?php evil();\n"})
    library.tag(tag)
    return commit


def held(importing: Importing) -> list[tuple[str, str]]:
    with importing.runtime.transaction() as services:
        return [(each.package, each.held) for each in services.protection.held()]


def test_both_names_are_served_and_the_old_one_says_what_to_use(
    importing: Importing, library: GitRepository
) -> None:
    old = importing.imported(library)
    runtime = importing.runtime
    with runtime.transaction() as services:
        services.session.add(User(email="jo@x.org", name="Jo"))
        services.session.flush()
        jo = services.users.get("jo@x.org")
        services.grants.grant(jo, services.packages.at(old), Rights(read=True))
        services.packages.at(old).tags = ["v*"]
    new = rename(importing, old, "acme/new")
    importing.sync(new)
    assert importing.names(new) == importing.names(old) == {"v1.0.0", "dev-main"}
    document, before = importing.document(new), importing.document(old)
    assert {each["name"] for each in document.values()} == {"acme/new"}
    assert not any("abandoned" in each for each in document.values())
    assert {each["abandoned"] for each in before.values()} == {"acme/new"}
    with runtime.transaction() as services:
        assert services.packages.at(new).tags == ["v*"]
        rights = [(each.package_id, each.can_read) for each in services.session.query(Grant)]
        assert sorted(rights) == sorted([(old, True), (new, True)])
    # What the versions were is remembered under both names.
    moved = push_elsewhere(library, "v1.0.0")
    importing.sync(new)
    assert sorted(held(importing)) == [("acme/lib", moved), ("acme/new", moved)]


def test_a_name_that_is_taken_or_no_other_one_is_refused(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    with pytest.raises(Invalid, match="the name that it has"):
        rename(importing, package, "acme/lib")
    rename(importing, package, "acme/new")
    with pytest.raises(Conflict, match="has a package acme/new already"):
        rename(importing, package, "acme/new")
    with importing.runtime.transaction() as services:
        services.packages.at(package).project_id = None
    with pytest.raises(Conflict, match="upload the next one under the new name"):
        rename(importing, package, "acme/newer")


def test_it_is_in_the_other_repository_alone_and_its_tags_stay_held(
    importing: Importing, library: GitRepository
) -> None:
    package = importing.imported(library)
    with importing.runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Team", path="team"))
    before = importing.document(package)
    move(importing, package, "team")
    document = importing.document(package)
    assert set(document) == set(before)
    assert all("/r/team/dists/acme/lib/" in each["dist"]["url"] for each in document.values())
    with pytest.raises(Conflict, match='in the repository "Team" already'):
        move(importing, package, "team")
    moved = push_elsewhere(library, "v1.0.0")
    importing.sync(package)
    assert held(importing) == [("acme/lib", moved)]
    again = importing.imported(library)
    with pytest.raises(Conflict, match="has a package acme/lib already"):
        move(importing, again, "team")
