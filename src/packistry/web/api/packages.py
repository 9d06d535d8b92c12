"""Packages, in the API."""

from typing import Any

from sqlalchemy import Text, func, select, type_coerce
from sqlalchemy.orm import joinedload

from packistry import plugin
from packistry.errors import Invalid, NotFound
from packistry.inputs import NewPackage, PackageChange, read
from packistry.models import Download, Package, Project, Repository, Source
from packistry.models.base import now
from packistry.plugin import PluginError
from packistry.plugin.errors import Unavailable
from packistry.services import Services
from packistry.services.access import Permission, readable
from packistry.services.conditions import Condition, conditions
from packistry.services.requirements import dependents
from packistry.services.sources import contained
from packistry.web.api import config
from packistry.web.api.call import ApiVisit, Call
from packistry.web.api.dashboard import DailyShape, daily, first_of
from packistry.web.api.package_shapes import (
    DependentShape,
    PackageBody,
    PackagePatch,
    PackageShape,
    PackageSourceShape,
)
from packistry.web.api.paging import paged
from packistry.web.api.repositories import facts
from packistry.web.api.shapes import ListQuery, Paged, list_query
from packistry.web.listing import mentions
from packistry.web.visit import Visit

TAG = "Packages"
MOST_DEPENDENTS = 500

PackageList = list_query(
    "PackageList",
    "name",
    "total_downloads",
    "created_at",
    repository_id=int,
    source_id=int,
    type=str,
)

DOWNLOADS = (
    select(func.coalesce(func.sum(Download.downloads), 0))
    .where(Download.package_id == Package.id)
    .correlate(Package)
    .scalar_subquery()
)

WITH_ALL = (
    joinedload(Package.repository),
    joinedload(Package.project).joinedload(Project.source),
)
"""What is told beside a package, so that a list does not look it up one by one."""


def find(visit: Visit, services: Services) -> Package:
    """The package in the path. Raises NotFound."""
    return services.packages.at(visit.number("id"))


def shapes(visit: Visit, services: Services, rows: list[tuple[Package, int]]) -> list[PackageShape]:
    """Packages, each with its downloads, as they are answered."""
    packages = [package for package, _ in rows]
    state = conditions(services.session, packages)
    latest = services.versions.latest([package.id for package in packages])
    return [
        _shape(visit, services, package, downloads, state[package.id], latest.get(package.id))
        for package, downloads in rows
    ]


def _shape(
    visit: Visit,
    services: Services,
    package: Package,
    downloads: int,
    condition: Condition,
    latest: Any,
) -> PackageShape:
    project = package.project
    source = project.source if project else None
    names = ("id", "repository_id", "name", "type", "subdirectory", "keywords", "dists")
    more = (
        "composer_name",
        "tag_policy",
        "keep_dists",
        "branches",
        "exclude_branches",
        "tags",
        "exclude_tags",
    )
    return PackageShape(
        **{name: getattr(package, name) for name in (*names, *more)},
        source_id=source.id if source else None,
        provider_id=project.external_id if project else None,
        latest_version=latest.name if latest else None,
        description=package.description or None,
        total_downloads=downloads,
        project=project.path if project else None,
        abandoned=package.abandonment,
        condition=condition,
        created_at=package.created_at,
        updated_at=package.updated_at,
        repository=facts(visit, package.repository),
        source=_source_of(services, source) if source else None,
    )


def _source_of(services: Services, source: Source) -> PackageSourceShape:
    provider = services.context.plugins.source_providers.get(source.provider)
    told = config.shown(provider.Config if provider else None, source.config)
    url = str(told.get("url", ""))
    return PackageSourceShape(id=source.id, name=source.name, provider=source.provider, url=url)


def shape(visit: Visit, services: Services, package: Package) -> PackageShape:
    """One package as it is answered."""
    number = services.session.scalar(select(DOWNLOADS).where(Package.id == package.id))
    return shapes(visit, services, [(package, int(number or 0))])[0]


def index(visit: ApiVisit, services: Services) -> Paged[PackageShape]:
    """Those that they may read."""
    asked: Any = visit.narrowed(ListQuery)
    keywords = type_coerce(Package.keywords, Text)
    count = DOWNLOADS.label("downloads")
    query = (
        select(Package, count)
        .join(Repository, Repository.id == Package.repository_id)
        .where(
            readable(visit.actor),
            *mentions(asked.search, Package.name, Package.description, keywords),
        )
        .options(*WITH_ALL)
    )
    if asked.repository_id is not None:
        query = query.where(Package.repository_id == asked.repository_id)
    if asked.source_id is not None:
        of = select(Project.id).where(Project.source_id == asked.source_id)
        query = query.where(Package.project_id.in_(of))
    if asked.type is not None:
        query = query.where(Package.type == asked.type)
    return paged(
        visit,
        services.session,
        query,
        sorts={
            "name": func.coalesce(Package.name, ""),
            "total_downloads": count,
            "created_at": Package.created_at,
        },
        unique=Package.id,
        shapes=lambda rows: shapes(
            visit, services, [(row.Package, int(row.downloads)) for row in rows]
        ),
    )


def show(visit: ApiVisit, services: Services) -> PackageShape:
    """One of them."""
    return shape(visit, services, find(visit, services))


def add(visit: ApiVisit) -> list[PackageShape]:
    """One for each project, whose import is owed from now on; there may be one already."""
    sent = visit.body(PackageBody)
    how = sent.model_dump(exclude={"repository", "source", "projects"})
    new = read(NewPackage, **how)
    with visit.reading() as services:
        repository_of(visit, services, sent.repository)
        make = services.context.provider_maker(source_of(services, sent.source))
    # The host is asked outside of any transaction: it may take its time.
    projects = _projects(make, sent.projects)

    def work(services: Services) -> list[int]:
        repository = repository_of(visit, services, sent.repository)
        source = source_of(services, sent.source)
        added = services.packages.add(repository, source, projects, new, again=True)
        return [package.id for package, _ in added]

    ids = visit.runtime.attempt(work, visit.author)
    with visit.reading() as services:
        query = select(Package, DOWNLOADS).where(Package.id.in_(ids)).options(*WITH_ALL)
        rows = services.session.execute(query.order_by(Package.id)).all()
        return shapes(visit, services, [(package, int(number)) for package, number in rows])


def repository_of(visit: ApiVisit, services: Services, number: int) -> Repository:
    """The repository of this number. Raises Invalid unless they maintain it."""
    found = services.session.get(Repository, number)
    if found is None or not visit.may(services, Permission.MAINTAIN, found):
        raise Invalid("There is no such repository that you maintain.", field="repository")
    return found


def source_of(services: Services, number: int) -> Source:
    """The source of this number. Raises Invalid."""
    try:
        return services.sources.at(number)
    except NotFound as error:
        raise Invalid(str(error), field="source") from None


def _projects(make: Any, names: list[str]) -> list[plugin.Project]:
    try:
        return contained("search", lambda: [make().project(name) for name in dict.fromkeys(names)])
    except Unavailable:
        raise
    except PluginError as error:
        raise Invalid(str(error), field="projects") from None


def edit(visit: ApiVisit) -> PackageShape:
    """Changes it. How it is imported counts from its next sync on."""
    sent = visit.body(PackagePatch)
    change = read(PackageChange, **sent.model_dump(exclude_unset=True))
    with visit.change() as services:
        package = find(visit, services)
        services.packages.edit(package, change)
        return shape(visit, services, package)


def remove(visit: ApiVisit) -> PackageShape:
    """With its versions; the zips go at the next collection of garbage."""
    with visit.change() as services:
        package = find(visit, services)
        told = shape(visit, services, package)
        services.packages.remove(package)
        return told


def rebuild(visit: ApiVisit) -> PackageShape:
    """A look at its project, at once."""
    with visit.change() as services:
        package = find(visit, services)
        services.packages.sync(package)
        services.audit.note("package.synced", package)
        return shape(visit, services, package)


def downloads(visit: ApiVisit, services: Services) -> list[DailyShape]:
    """Of each of the last 90 days."""
    last = now().date()
    return daily(services.versions.daily(find(visit, services), first_of(last)), last)


def index_dependents(visit: ApiVisit, services: Services) -> list[DependentShape]:
    """Those here that need it."""
    name = find(visit, services).name
    if not name:
        return []
    found, _ = dependents(services.session, visit.actor, name, limit=MOST_DEPENDENTS)
    return [DependentShape.model_validate(each) for each in found]


def call(name: str, method: str, path: str, summary: str, **rest: Any) -> Call:
    """A call about one package: below its address."""
    reads = method == "GET"
    return Call(
        name=name,
        method=method,
        path=f"/packages/{{id}}{path}",
        permission=rest.pop("permission", Permission.READ if reads else Permission.MAINTAIN),
        tag=rest.pop("tag", TAG),
        summary=summary,
        target=find,
        **rest,
    )


CALLS = (
    Call(
        name="packages",
        method="GET",
        path="/packages",
        permission=Permission.PERSON,
        tag=TAG,
        summary="The packages that you may read",
        query=PackageList,
        returns=Paged[PackageShape],
        show=index,
    ),
    Call(
        name="package-add",
        method="POST",
        path="/packages",
        permission=Permission.MAINTAIN,
        tag=TAG,
        summary="Make packages of projects of a source",
        body=PackageBody,
        returns=list[PackageShape],
        status=201,
        do=add,
    ),
    call("package", "GET", "", "One package", returns=PackageShape, show=show),
    call(
        "package-edit",
        "PATCH",
        "",
        "Change a package, or have composer told that it is abandoned",
        also=("PUT",),
        body=PackagePatch,
        returns=PackageShape,
        do=edit,
    ),
    call(
        "package-remove",
        "DELETE",
        "",
        "Remove a package with its versions",
        returns=PackageShape,
        do=remove,
    ),
    call(
        "package-rebuild",
        "POST",
        "/rebuild",
        "Look at the project of a package now",
        returns=PackageShape,
        do=rebuild,
    ),
    call(
        "package-downloads",
        "GET",
        "/downloads",
        "How often it was downloaded on each of the last 90 days",
        returns=list[DailyShape],
        show=downloads,
    ),
    call(
        "package-dependents",
        "GET",
        "/dependents",
        "The packages here that need it",
        returns=list[DependentShape],
        show=index_dependents,
    ),
)
