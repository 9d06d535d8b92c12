"""Repositories, in the API."""

from typing import Any

from sqlalchemy import func, select

from packistry.inputs import NewRepository, RepositoryChange, read
from packistry.models import Package, Repository, TagPolicy
from packistry.services import Services
from packistry.services.access import Permission, enterable
from packistry.web.api.call import ApiVisit, Call
from packistry.web.api.paging import paged
from packistry.web.api.shapes import (
    Body,
    ListQuery,
    Moment,
    Paged,
    PathWords,
    Prose,
    Shape,
    Words,
    list_query,
)
from packistry.web.listing import mentions
from packistry.web.visit import Visit

TAG = "Repositories"

RepositoryList = list_query("RepositoryList", "name", "path", "packages_count", public=bool)

PACKAGES = (
    select(func.count())
    .where(Package.repository_id == Repository.id)
    .correlate(Repository)
    .scalar_subquery()
)


class RepositoryFacts(Shape):
    """What is told of a repository wherever it is named.

    `path` is null for the one at the root; `url` is what composer is told.
    """

    id: int
    name: str
    path: str | None
    description: str | None
    public: bool
    url: str
    created_at: Moment
    updated_at: Moment


class RepositoryShape(RepositoryFacts):
    """A repository."""

    packages_count: int
    reserved_vendors: list[str]
    tag_policy: TagPolicy


class RepositoryBody(Body):
    """A repository to be made. Without a path it is the one at the root."""

    name: Words
    path: PathWords | None = None
    description: Prose | None = None
    public: bool = False
    reserved_vendors: list[str] = []
    tag_policy: TagPolicy = TagPolicy.PROTECT


class RepositoryPatch(Body):
    """What changes about a repository; what is not sent stays."""

    name: Words | None = None
    path: PathWords | None = None
    description: Prose | None = None
    public: bool | None = None
    reserved_vendors: list[str] | None = None
    tag_policy: TagPolicy | None = None


def find(visit: Visit, services: Services) -> Repository:
    """The repository that the path names. Raises NotFound."""
    return services.repositories.at(visit.number("id"))


def facts(visit: Visit, repository: Repository) -> RepositoryFacts:
    """A repository as it is told of beside something else."""
    return RepositoryFacts(
        id=repository.id,
        name=repository.name,
        path=repository.path or None,
        description=repository.description or None,
        public=repository.public,
        url=f"{visit.base_url}{repository.prefix}",
        created_at=repository.created_at,
        updated_at=repository.updated_at,
    )


def shape(visit: Visit, repository: Repository, packages: int) -> RepositoryShape:
    """A repository as it is answered."""
    return RepositoryShape(
        **dict(facts(visit, repository)),
        packages_count=packages,
        reserved_vendors=repository.reserved_vendors,
        tag_policy=repository.tag_policy,
    )


def index(visit: ApiVisit, services: Services) -> Paged[RepositoryShape]:
    """Those that they may enter."""
    asked: Any = visit.narrowed(ListQuery)
    count = PACKAGES.label("packages_count")
    query = select(Repository, count).where(
        enterable(visit.actor), *mentions(asked.search, Repository.name, Repository.description)
    )
    if asked.public is not None:
        query = query.where(Repository.public.is_(asked.public))
    return paged(
        visit,
        services.session,
        query,
        sorts={"name": Repository.name, "path": Repository.path, "packages_count": count},
        unique=Repository.id,
        shapes=lambda rows: [shape(visit, row.Repository, row.packages_count) for row in rows],
    )


def show(visit: ApiVisit, services: Services) -> RepositoryShape:
    """One of them."""
    found = find(visit, services)
    return shape(visit, found, services.repositories.size(found))


def add(visit: ApiVisit) -> RepositoryShape:
    """Makes it."""
    new = read(NewRepository, **_texts(visit.body(RepositoryBody).model_dump()))
    with visit.change() as services:
        return shape(visit, services.repositories.add(new), 0)


def edit(visit: ApiVisit) -> RepositoryShape:
    """Changes it. Another path makes its documents stale: the scheduler renders them anew."""
    sent = visit.body(RepositoryPatch).model_dump(exclude_unset=True)
    change = read(RepositoryChange, **_texts(sent))
    with visit.change() as services:
        found = find(visit, services)
        services.repositories.edit(found, change)
        return shape(visit, found, services.repositories.size(found))


def remove(visit: ApiVisit) -> RepositoryShape:
    """With all its packages."""
    with visit.change() as services:
        found = find(visit, services)
        told = shape(visit, found, services.repositories.size(found))
        services.repositories.remove(found)
        return told


def _texts(sent: dict[str, Any]) -> dict[str, Any]:
    """The root repository's path is null to whoever asks, and "" to us; so is no description."""
    return {
        name: value or "" if name in ("path", "description") else value
        for name, value in sent.items()
    }


CALLS = (
    Call(
        name="repositories",
        method="GET",
        path="/repositories",
        permission=Permission.PERSON,
        tag=TAG,
        summary="The repositories that you may enter",
        query=RepositoryList,
        returns=Paged[RepositoryShape],
        show=index,
    ),
    Call(
        name="repository-add",
        method="POST",
        path="/repositories",
        permission=Permission.ADMINISTER,
        tag=TAG,
        summary="Add a repository",
        body=RepositoryBody,
        returns=RepositoryShape,
        status=201,
        do=add,
    ),
    Call(
        name="repository",
        method="GET",
        path="/repositories/{id}",
        permission=Permission.READ,
        tag=TAG,
        summary="One repository",
        returns=RepositoryShape,
        target=find,
        show=show,
    ),
    Call(
        name="repository-edit",
        method="PATCH",
        also=("PUT",),
        path="/repositories/{id}",
        permission=Permission.ADMINISTER,
        tag=TAG,
        summary="Change a repository",
        body=RepositoryPatch,
        returns=RepositoryShape,
        target=find,
        do=edit,
    ),
    Call(
        name="repository-remove",
        method="DELETE",
        path="/repositories/{id}",
        permission=Permission.ADMINISTER,
        tag=TAG,
        summary="Remove a repository with all its packages",
        returns=RepositoryShape,
        target=find,
        do=remove,
    ),
)
