"""All projects of a source that fit, made packages at once, in the API."""

from typing import Any

from pydantic import Field

from packistry.inputs import NewPackage, read
from packistry.inputs.many import ManyProjects
from packistry.models import Dists, Repository, TagPolicy
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.bulk_imports import Trial
from packistry.web.api.call import ApiVisit, Call
from packistry.web.api.packages import repository_of, source_of
from packistry.web.api.shapes import Body, Kept, Moment, Number, Shape
from packistry.web.visit import Visit

TAG = "Bulk imports"


class BulkImportBody(Body):
    """Which projects of a source are added: those whose path fits a pattern and are not there."""

    repository: Number
    source: Number
    patterns: list[str] = Field(["*"], min_length=1)
    archived: bool = False
    webhook: bool = True
    dists: Dists | None = None
    tag_policy: TagPolicy | None = None
    keep_dists: Kept | None = None
    branches: list[str] | None = None
    exclude_branches: list[str] | None = None
    tags: list[str] | None = None
    exclude_tags: list[str] | None = None


class BulkImportShape(Shape):
    """How far one is. `found` projects were listed so far, and while `listing` more may come.

    Of those that were added `packages` turned out to be some, `none` are not and leave nothing,
    `waiting` are not looked at yet. `left_out` counts the others, by the reason.
    """

    id: int
    source: str
    repository_id: int
    patterns: list[str]
    archived: bool
    listing: bool
    found: int
    left_out: dict[str, int]
    packages: int
    none: int
    waiting: int
    error: str
    created_at: Moment


class TriedShape(Shape):
    """What became of a project; `reason` is why it is no package."""

    project: str
    state: Trial
    package_id: int | None
    package: str | None
    reason: str


class WholeBulkImportShape(BulkImportShape):
    """A bulk import with all that it added."""

    projects: list[TriedShape]


def find(visit: Visit, services: Services) -> Repository:
    """The repository that the one in the path is for. Raises NotFound."""
    return services.bulk_imports.at(visit.number("id")).repository


def add(visit: ApiVisit) -> BulkImportShape:
    """A job goes through the source, which may take its time."""
    sent = visit.body(BulkImportBody)
    how = sent.model_dump(exclude={"repository", "source", "patterns", "archived"})
    new = read(NewPackage, **how)
    many = read(ManyProjects, patterns=sent.patterns, archived=sent.archived)
    with visit.change() as services:
        repository = repository_of(visit, services, sent.repository)
        source = source_of(services, sent.source)
        row = services.bulk_imports.start(repository, source, new, many, visit.author)
        note = f"{', '.join(many.patterns)} of {source.name}"
        services.audit.note("repository.bulk-import", repository, note=note)
        return BulkImportShape.model_validate(services.bulk_imports.facts(row))


def show(visit: ApiVisit, services: Services) -> WholeBulkImportShape:
    """One with what became of each project."""
    row = services.bulk_imports.at(visit.number("id"))
    facts = BulkImportShape.model_validate(services.bulk_imports.facts(row))
    projects = [TriedShape.model_validate(each) for each in services.bulk_imports.projects(row)]
    return WholeBulkImportShape(**facts.model_dump(), projects=projects)


def again(visit: ApiVisit) -> BulkImportShape:
    """The source is gone through once more."""
    with visit.change() as services:
        row = services.bulk_imports.at(visit.number("id"))
        services.bulk_imports.again(row, visit.author)
        return BulkImportShape.model_validate(services.bulk_imports.facts(row))


def _call(name: str, method: str, path: str, summary: str, **rest: Any) -> Call:
    return Call(
        name=name,
        method=method,
        path=f"/bulk-imports{path}",
        permission=Permission.MAINTAIN,
        tag=TAG,
        summary=summary,
        target=find if path else None,
        **rest,
    )


CALLS = (
    _call(
        "bulk-import-add",
        "POST",
        "",
        "Make packages of all projects of a source that fit and have a composer.json",
        body=BulkImportBody,
        returns=BulkImportShape,
        status=201,
        do=add,
    ),
    _call(
        "bulk-import",
        "GET",
        "/{id}",
        "How far a bulk import is, and what became of each project",
        returns=WholeBulkImportShape,
        show=show,
    ),
    _call(
        "bulk-import-again",
        "POST",
        "/{id}/retry",
        "Go through the source of a bulk import once more",
        returns=BulkImportShape,
        do=again,
    ),
)
