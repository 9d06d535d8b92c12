"""Packages under another name, and in another repository, in the API."""

from packistry.inputs import read
from packistry.inputs.moving import NewName
from packistry.web.api.call import ApiVisit
from packistry.web.api.package_shapes import PackageShape
from packistry.web.api.packages import call, find, repository_of, shape
from packistry.web.api.shapes import Body, Number


class RenameBody(Body):
    """The name that it has from now on."""

    name: str


class MoveBody(Body):
    """The repository that it goes to, which you must maintain."""

    repository: Number


def rename(visit: ApiVisit) -> PackageShape:
    """The old one stays, abandoned in favour of the new one, which is answered."""
    new = read(NewName, name=visit.body(RenameBody).name)
    with visit.change() as services:
        package = find(visit, services)
        renamed = services.moving.rename(package, new.name)
        services.audit.note("package.renamed", package, note=new.name)
        return shape(visit, services, renamed)


def move(visit: ApiVisit) -> PackageShape:
    """Where it was it is gone at once."""
    sent = visit.body(MoveBody)
    with visit.change() as services:
        package = find(visit, services)
        repository = repository_of(visit, services, sent.repository)
        before = package.repository.name
        services.moving.move(package, repository)
        services.audit.note("package.moved", package, note=f"{before}: {repository.name}")
        return shape(visit, services, package)


CALLS = (
    call(
        "package-rename",
        "POST",
        "/rename",
        "Have a package go on under another name; the old one is abandoned in favour of it",
        body=RenameBody,
        returns=PackageShape,
        status=201,
        do=rename,
    ),
    call(
        "package-move",
        "POST",
        "/move",
        "Have a package be in another repository",
        body=MoveBody,
        returns=PackageShape,
        do=move,
    ),
)
