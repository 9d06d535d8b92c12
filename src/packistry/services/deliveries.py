"""What hosts sent to us: taken once each, and kept for a while to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from packistry import plugin
from packistry.errors import Conflict, NotFound
from packistry.git.redaction import plain, redact
from packistry.models import (
    Delivery,
    DeliveryVerdict,
    Package,
    Project,
    Source,
    Sync,
    SyncReason,
)
from packistry.services.ledger import Ledger

RECENT = 50
WAYS = {True: "archived", False: "no longer archived"}


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A delivery that was verified and read.

    `door`: the webhook whose address it came to, 0 for that of the whole source; `projects`: the
    host's ids of those it may be about, None for any of the source; `repository`: the path of the
    one the address named, None when it named none. `delivery` is the host's id, hashed.
    """

    source_id: int
    door: int
    projects: frozenset[str] | None
    repository: str | None
    delivery: str | None
    event: str
    label: str
    changes: Sequence[plugin.Change]


class Deliveries:
    """The deliveries of all sources."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger

    def take(self, parcel: Parcel) -> Delivery | None:
        """Owe what it asks for and write it down; None when it was taken before.

        IntegrityError when it is being taken by another process at this moment.
        """
        # Of a burst the first one owes a sync, and the others see it.
        projects = self._lock(parcel)
        if parcel.delivery is not None and self._known(parcel):
            return None
        syncs = [self._owe(project, parcel) for project in projects]
        row = Delivery(
            source_id=parcel.source_id,
            project_id=projects[0].id if projects else None,
            door=parcel.door,
            delivery=parcel.delivery,
            event=parcel.event,
            label=parcel.label,
            changes=[told(change) for change in parcel.changes[:RECENT]],
            verdict=_verdict(parcel, projects),
            sync_id=syncs[0].id if syncs else None,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def note(
        self,
        source_id: int,
        verdict: DeliveryVerdict,
        reason: str,
        *,
        project_id: int | None = None,
        door: int = 0,
        event: str = "",
        label: str = "",
    ) -> None:
        """Write down one that asks for nothing. It may come again, under the same id."""
        self._session.add(
            Delivery(
                source_id=source_id,
                project_id=project_id,
                door=door,
                event=event,
                label=label,
                changes=[],
                verdict=verdict,
                reason=reason,
            )
        )
        self._session.flush()

    def recent(self, about: Source | Project | Package, limit: int = RECENT) -> Sequence[Delivery]:
        """The latest ones, newest first."""
        if isinstance(about, Source):
            where = Delivery.source_id == about.id
        else:
            project_id = about.id if isinstance(about, Project) else about.project_id
            where = Delivery.project_id == project_id
        query = select(Delivery).where(where).order_by(Delivery.id.desc()).limit(limit)
        return self._session.scalars(query).all()

    def get(self, delivery_id: int, *, of: Package) -> Delivery:
        """One of a package's project. Raises NotFound."""
        row = self._session.get(Delivery, delivery_id)
        if row is None or row.project_id is None or row.project_id != of.project_id:
            raise NotFound(f"There is no delivery number {delivery_id} for this package.")
        return row

    def retry(self, delivery: Delivery) -> Sync:
        """The sync now owed to its project. Raises Conflict when it is about none of ours."""
        if delivery.project is None:
            raise Conflict("This delivery is about no project that a package is made from.")
        return self._ledger.request(delivery.project, SyncReason.MANUAL)

    def _lock(self, parcel: Parcel) -> list[Project]:
        """The projects it is about, each locked."""
        ids = {change.project_id for change in parcel.changes}
        if parcel.projects is not None:
            ids &= parcel.projects
        if not ids:
            return []
        packages = select(Package.project_id).where(Package.project_id.is_not(None))
        if parcel.repository is not None:
            packages = packages.where(Package.repository.has(path=parcel.repository))
        query = (
            select(Project)
            .where(
                Project.source_id == parcel.source_id,
                Project.external_id.in_(ids),
                Project.id.in_(packages),
            )
            .order_by(Project.id)
            .with_for_update()
        )
        return list(self._session.scalars(query))

    def _known(self, parcel: Parcel) -> bool:
        query = select(Delivery.id).where(
            Delivery.source_id == parcel.source_id,
            Delivery.door == parcel.door,
            Delivery.delivery == parcel.delivery,
        )
        return self._session.scalar(query) is not None

    def _owe(self, project: Project, parcel: Parcel) -> Sync:
        mine = [each for each in parcel.changes if each.project_id == project.external_id]
        if any(isinstance(change, plugin.ProjectGone) for change in mine):
            project.told_gone = True
        return self._ledger.request(project, SyncReason.WEBHOOK)


def _verdict(parcel: Parcel, projects: Sequence[Project]) -> DeliveryVerdict:
    if not parcel.changes:
        return DeliveryVerdict.IGNORED
    return DeliveryVerdict.ACCEPTED if projects else DeliveryVerdict.UNKNOWN


def told(change: plugin.Change) -> str:
    """The change in words. What a host calls things is made fit to be shown."""
    match change:
        case plugin.RefPushed():
            words = f"{change.kind} {change.name} pushed"
        case plugin.RefDeleted():
            words = f"{change.kind} {change.name} deleted"
        case plugin.ProjectRenamed():
            words = f"renamed to {change.path}"
        case plugin.ProjectArchived():
            words = WAYS[bool(change.archived)]
        case plugin.ProjectGone():
            words = "deleted"
        case _:
            words = "changed"
    return shown(words, 300)


def shown(text: str, longest: int = 100) -> str:
    """Text of a stranger on one line."""
    return " ".join(redact(plain(text)).split())[:longest]
