"""The imports: what is owed, under way and done, and one with what became of each ref, live."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pyramid.response import Response
from sqlalchemy import ColumnElement, Select, func, or_, select

from packistry.errors import NotFound
from packistry.models import Outcome, Package, Project, Repository, Sync, SyncItem, SyncState
from packistry.services import Services
from packistry.services.access import Actor, Permission, manages, readable
from packistry.services.ledger import MAX_ATTEMPTS
from packistry.web.admin.packages import as_number
from packistry.web.listing import Listing, listing, mentions, paged
from packistry.web.pages import Page, Shown, part
from packistry.web.visit import Visit

REFS = 100
PART = "part"
OPEN = (SyncState.QUEUED, SyncState.RUNNING)


def find(visit: Visit, services: Services) -> Package:
    """The package that somebody may look after the sync for: of its project, one of theirs.

    Else one that they may read, so that they are told why not. Raises NotFound.
    """
    sync = services.session.get(Sync, visit.number("sync"))
    if sync is None:
        raise NotFound("There is no such import; old ones are forgotten.")
    for may in (manages(visit.actor), readable(visit.actor), None):
        query = select(Package).join(Repository).where(Package.project_id == sync.project_id)
        query = query if may is None else query.where(may)
        found = services.session.scalars(query.order_by(Package.id).limit(1)).first()
        if found is not None:
            return found
    raise NotFound("No package is made from its project any more.")


def index(visit: Visit, services: Services) -> Shown:
    """Those of the projects whose packages they look after."""
    # Only the numbers: there are many more than are shown.
    query: Select[Any] = select(Sync.id).where(*_theirs(visit.actor), *_wanted(visit))
    found = listing(
        visit,
        services.session,
        query,
        sorts={"id": Sync.id},
        sort="-id",
        unique=Sync.id,
        filters=("state", "package"),
    )
    rows = _rows(services, [row.id for row in found.rows])
    syncs = [row.Sync for row in rows]
    about = as_number(visit.query("package"))
    shown = {
        "listing": found,
        "rows": rows,
        "packages": _packages(visit, services, {sync.project_id for sync in syncs}),
        "outcomes": _outcomes(services, [sync.id for sync in syncs]),
        "states": list(SyncState),
        "about": services.session.get(Package, about) if about else None,
        "live": any(sync.state in OPEN for sync in syncs),
    }
    if visit.query(PART):
        return part(visit, services, "imports/list.jinja2", shown)
    plain = found.page == 1 and not found.narrowed
    return {**shown, "bulk": services.bulk_imports.recent(visit.actor) if plain else []}


def _rows(services: Services, ids: Sequence[int]) -> Sequence[Any]:
    query = (
        select(Sync, Project).join(Project, Project.id == Sync.project_id).where(Sync.id.in_(ids))
    )
    found = {row.Sync.id: row for row in services.session.execute(query)}
    return [found[each] for each in ids]


def _theirs(actor: Actor) -> list[ColumnElement[bool]]:
    if actor.admin:
        return []
    mine = select(Package.project_id).join(Repository).where(manages(actor))
    return [Sync.project_id.in_(mine)]


def _wanted(visit: Visit) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if words := mentions(visit.query("q"), Package.name, Project.path):
        # Those without a package of that name may have a project of it.
        named = (
            select(Package.project_id).join(Project, Project.id == Package.project_id).where(*words)
        )
        wanted.append(Sync.project_id.in_(named))
    if visit.query("state") in list(SyncState):
        wanted.append(Sync.state == SyncState(visit.query("state")))
    if package := as_number(visit.query("package")):
        wanted.append(Sync.project_id.in_(select(Package.project_id).where(Package.id == package)))
    return wanted


def _packages(
    visit: Visit, services: Services, project_ids: set[int]
) -> Mapping[int, Sequence[Package]]:
    """By project: the packages made from it, as far as they may be seen."""
    rows = services.session.scalars(
        select(Package)
        .join(Repository)
        .where(Package.project_id.in_(project_ids), readable(visit.actor))
        .order_by(Package.name, Package.id)
    )
    found: dict[int, list[Package]] = defaultdict(list)
    for package in rows:
        if package.project_id is not None:
            found[package.project_id].append(package)
    return found


def _outcomes(services: Services, sync_ids: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    """By sync: how many refs came to what."""
    rows = services.session.execute(
        select(SyncItem.sync_id, SyncItem.outcome, func.count())
        .where(SyncItem.sync_id.in_(sync_ids))
        .group_by(SyncItem.sync_id, SyncItem.outcome)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for sync_id, outcome, number in rows:
        found[sync_id][Outcome(outcome).value] = int(number)
    return found


def show(visit: Visit, services: Services) -> Shown:
    """One, and as it goes on where only the part that changes is asked for."""
    number = visit.number("sync")
    find(visit, services)
    sync = services.session.get_one(Sync, number)
    shown = {
        "sync": sync,
        "project": sync.project,
        "packages": _packages(visit, services, {sync.project_id}).get(sync.project_id, []),
        "outcomes": _outcomes(services, [number]).get(number, {}),
        "refs": _refs(visit, services, sync),
        "asked": visit.query("outcome"),
        "kinds": list(Outcome),
        "attempts": MAX_ATTEMPTS,
        "live": sync.state in OPEN,
    }
    if visit.query(PART):
        return part(visit, services, "imports/progress.jinja2", shown)
    return shown


def _refs(visit: Visit, services: Services, sync: Sync) -> Listing[Any]:
    """What became of each ref, the latest first, of packages that may be seen."""
    query = (
        select(SyncItem.id)
        .join(Package, Package.id == SyncItem.package_id)
        .join(Repository, Repository.id == Package.repository_id)
        .where(SyncItem.sync_id == sync.id, or_(manages(visit.actor), readable(visit.actor)))
        .order_by(SyncItem.id.desc())
    )
    if visit.query("outcome") in list(Outcome):
        query = query.where(SyncItem.outcome == Outcome(visit.query("outcome")))
    ids = paged(visit, services.session.scalars(query).all(), REFS)
    rows = services.session.execute(
        select(SyncItem, Package)
        .join(Package, Package.id == SyncItem.package_id)
        .where(SyncItem.id.in_(ids.rows))
        .order_by(SyncItem.id.desc())
    ).all()
    return Listing(
        rows=rows,
        total=ids.total,
        page=ids.page,
        size=ids.size,
        sort=ids.sort,
        narrowed=visit.query("outcome") != "",
    )


def retry(visit: Visit) -> Response:
    """A look at its project now."""
    with visit.change() as services:
        package = find(visit, services)
        owed = services.syncs.retry(visit.number("sync")).id
        services.audit.note("package.synced", package)
    return visit.go("import", sync=owed)


def cancel(visit: Visit) -> Response:
    """It stops before its next ref."""
    with visit.change() as services:
        package = find(visit, services)
        services.syncs.cancel(visit.number("sync"))
        services.audit.note("package.sync-cancelled", package)
    visit.say("It is stopped. What it imported so far stays.")
    return visit.go("import", sync=visit.number("sync"))


PAGES = (
    Page(
        name="imports",
        path="/admin/imports",
        permission=Permission.MAINTAIN,
        template="imports/index.jinja2",
        show=index,
    ),
    Page(
        name="import",
        path="/admin/imports/{sync}",
        permission=Permission.MAINTAIN,
        template="imports/show.jinja2",
        section="imports",
        target=find,
        show=show,
    ),
    Page(
        name="import-retry",
        path="/admin/imports/{sync}/retry",
        permission=Permission.MAINTAIN,
        section="imports",
        target=find,
        submit=retry,
    ),
    Page(
        name="import-cancel",
        path="/admin/imports/{sync}/cancel",
        permission=Permission.MAINTAIN,
        section="imports",
        target=find,
        submit=cancel,
    ),
)
