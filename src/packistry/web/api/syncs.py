"""Imports: every look at a project, and the PHP Packistry's batches, which are these."""

from typing import Any

from pydantic import Field
from sqlalchemy import case, exists, select

from packistry.errors import NotFound
from packistry.models import Outcome, Package, Project, Repository, Sync, SyncReason, SyncState
from packistry.services import Services
from packistry.services.access import Permission, manages
from packistry.services.syncs import SyncReport
from packistry.web.api.call import ApiVisit, Call, calls_below
from packistry.web.api.paging import paged
from packistry.web.api.people import NamedPackage
from packistry.web.api.shapes import ListQuery, Moment, Paged, Shape, list_query
from packistry.web.visit import Visit

TAG, BATCHES = "Syncs", "Batches"
MOST_BATCHES = 1000


SyncList = list_query("SyncList", "-id", state=SyncState, package_id=int)


class RefShape(Shape):
    """What a sync did with one branch or tag of one package; `reason` is why, where it did not."""

    package_id: int
    package: str
    kind: str
    ref: str
    reference: str
    version: str
    outcome: Outcome
    reason: str
    after: float = Field(description="Seconds since the sync began")


class SyncShape(Shape):
    """A look at a project. `done` of `total` refs are done; `seconds` is null before it begins."""

    id: int
    project: str
    source: str
    packages: list[str]
    reason: SyncReason
    state: SyncState
    attempts: int
    done: int
    total: int
    error: str
    requested_at: Moment
    not_before: Moment
    started_at: Moment | None
    finished_at: Moment | None
    seconds: float | None


class WholeSyncShape(SyncShape):
    """A sync with what became of each ref that it changed or could not take."""

    refs: list[RefShape]


class BatchShape(Shape):
    """A sync in the shape of the PHP Packistry's batches, a ref being a job."""

    id: str
    name: str
    package: NamedPackage | None
    total_jobs: int
    pending_jobs: int
    processed_jobs: int
    progress: int
    failed_jobs: int
    created_at: Moment
    cancelled_at: Moment | None
    finished_at: Moment | None


def find(visit: Visit, services: Services) -> Repository | Package | Sync:
    """The package that the sync in the path is for, or the sync if there is none any more.

    Of several packages one that they maintain comes first. Raises NotFound.
    """
    sync = services.session.get(Sync, visit.number("id"))
    if sync is None:
        raise NotFound("There is no such sync; old ones are forgotten.", noun="sync")
    mine = (
        select(Package)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.project_id == sync.project_id)
        .order_by(case((manages(visit.actor), 0), else_=1), Package.id)
        .limit(1)
    )
    return services.session.scalars(mine).first() or sync


def sync_shape(report: SyncReport) -> SyncShape:
    """A sync as it is answered."""
    return SyncShape.model_validate(report)


def index(visit: ApiVisit, services: Services) -> Paged[SyncShape]:
    """Those of packages that they maintain."""
    asked: Any = visit.narrowed(ListQuery)
    query = select(Sync.id).where(_mine(visit))
    if asked.state is not None:
        query = query.where(Sync.state == asked.state)
    if asked.package_id is not None:
        of = select(Package.project_id).where(Package.id == asked.package_id)
        query = query.where(Sync.project_id.in_(of))
    return paged(
        visit,
        services.session,
        query,
        sorts={"id": Sync.id},
        unique=Sync.id,
        shapes=lambda rows: [
            sync_shape(each) for each in services.syncs.these([row.id for row in rows])
        ],
    )


def _mine(visit: Visit) -> Any:
    return exists().where(
        Package.project_id == Sync.project_id,
        Repository.id == Package.repository_id,
        manages(visit.actor),
    )


def show(visit: ApiVisit, services: Services) -> WholeSyncShape:
    """One with all that it did."""
    return WholeSyncShape.model_validate(services.syncs.get(visit.number("id")))


def retry(visit: ApiVisit) -> SyncShape:
    """Another look at its project, at once."""
    with visit.change() as services:
        owed = services.syncs.retry(visit.number("id"))
        services.audit.note("project.sync-retried", owed.project)
        number = owed.id
    with visit.reading() as services:
        return sync_shape(services.syncs.get(number))


def cancel(visit: ApiVisit) -> SyncShape:
    """One that runs stops before its next ref."""
    number = visit.number("id")
    with visit.change() as services:
        services.syncs.cancel(number)
        services.audit.note(
            "project.sync-cancelled", services.session.get_one(Sync, number).project
        )
    with visit.reading() as services:
        return sync_shape(services.syncs.get(number))


def batches(visit: ApiVisit, services: Services) -> list[BatchShape]:
    """The latest ones."""
    query = select(Sync, Project).join(Project, Project.id == Sync.project_id)
    newest = query.where(_mine(visit)).order_by(Sync.id.desc()).limit(MOST_BATCHES)
    rows = services.session.execute(newest).all()
    ids = {project.id for _, project in rows}
    packages: dict[int, Package] = {}
    for each in services.session.scalars(
        select(Package).where(Package.project_id.in_(ids)).order_by(Package.id.desc())
    ):
        packages[each.project_id or 0] = each
    return [_batch(sync, project, packages.get(project.id)) for sync, project in rows]


def _batch(sync: Sync, project: Project, package: Package | None) -> BatchShape:
    over = sync.finished_at is not None
    # A sync that has nothing to do is done all the same.
    progress = 100 if over and not sync.total else 100 * sync.done // max(1, sync.total)
    return BatchShape(
        id=str(sync.id),
        name=f"Import {project.path}",
        package=None
        if package is None
        else NamedPackage(id=package.id, name=package.name, repository_id=package.repository_id),
        total_jobs=sync.total,
        pending_jobs=max(0, sync.total - sync.done),
        processed_jobs=sync.done,
        progress=progress,
        failed_jobs=int(sync.state == SyncState.FAILED),
        created_at=sync.requested_at,
        cancelled_at=sync.finished_at if sync.state == SyncState.CANCELLED else None,
        finished_at=sync.finished_at,
    )


def prune(visit: ApiVisit) -> None:
    """Forgets those that are over; the others go on."""
    with visit.change() as services:
        services.syncs.forget_finished()
        services.audit.note("sync.forgotten", name="all that are over")


_call = calls_below("/syncs", tag=TAG, permission=Permission.MAINTAIN, target=find)

CALLS = (
    _call(
        "syncs",
        "GET",
        "",
        "The syncs of packages that you maintain",
        query=SyncList,
        returns=Paged[SyncShape],
        show=index,
    ),
    _call("sync", "GET", "/{id}", "One sync with its refs", returns=WholeSyncShape, show=show),
    _call(
        "sync-retry",
        "POST",
        "/{id}/retry",
        "Look at the project of a sync again, now",
        returns=SyncShape,
        status=201,
        do=retry,
    ),
    _call("sync-cancel", "POST", "/{id}/cancel", "Stop a sync", returns=SyncShape, do=cancel),
    Call(
        name="batches",
        method="GET",
        path="/batches",
        permission=Permission.MAINTAIN,
        tag=BATCHES,
        summary="The latest syncs in the shape of the PHP Packistry's batches",
        returns=list[BatchShape],
        show=batches,
    ),
    Call(
        name="batches-remove",
        method="DELETE",
        path="/batches",
        permission=Permission.ADMINISTER,
        tag=BATCHES,
        summary="Forget the syncs that are over",
        do=prune,
    ),
)
