"""Packages as a list shows them: how much each holds, and how it is."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from packistry.composer.filters import FILTERED_OUT
from packistry.models import (
    Dist,
    Outcome,
    Package,
    Project,
    RefVerdict,
    Repository,
    Source,
    SyncItem,
    Version,
)

NOT_IMPORTED = "not imported yet"
ON_TRIAL = "on trial: it goes again unless its first import finds a composer.json"
NOTHING_UPLOADED = "nobody has uploaded a version yet"
NO_VERSIONS = "no versions yet"


class State(StrEnum):
    """What keeps a package from having what its project has; `OK`: nothing does."""

    OK = "ok"
    EMPTY = "empty"
    WAITING = "waiting"
    ON_TRIAL = "on-trial"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A package as a list shows it.

    `bytes` is the size of its built dists. `left_out` is why a ref of it is no version, or that it
    has none; it is told of packages without versions only.
    """

    package: Package
    repository: Repository
    source: Source | None
    project: Project | None
    versions: int
    dists: int
    bytes: int
    left_out: str

    @property
    def state(self) -> State:
        """How it is, in a word."""
        if self.project is None:
            return State.OK if self.versions else State.EMPTY
        if self.project.unreachable:
            return State.UNREADABLE
        if self.package.on_trial:
            return State.ON_TRIAL
        if self.versions and self.project.synced_at:
            return State.OK
        # The project may have been here before this package was made from it.
        looked = self.project.synced_at and self.project.synced_at >= self.package.created_at
        return State.EMPTY if looked else State.WAITING

    @property
    def reason(self) -> str:
        """What `state` means here, for people; "" when all is well."""
        match self.state:
            case State.OK:
                return ""
            case State.WAITING:
                return NOT_IMPORTED
            case State.ON_TRIAL:
                return ON_TRIAL
            case State.UNREADABLE:
                return _fault(self.project)
            case State.EMPTY:
                if self.project is None:
                    return NOTHING_UPLOADED
                return f"{NO_VERSIONS}; {self.left_out}" if self.left_out else NO_VERSIONS


def summaries(session: Session, ids: Select[int]) -> list[Summary]:
    """The packages with these ids, by name, those without a name yet last."""
    query = (
        select(Package, Repository, Project, Source)
        .join(Repository, Repository.id == Package.repository_id)
        .outerjoin(Project, Project.id == Package.project_id)
        .outerjoin(Source, Source.id == Project.source_id)
        .where(Package.id.in_(ids))
        .order_by(Package.name.is_(None), Package.name, Package.id)
    )
    rows = session.execute(query).all()
    versions = _versions(session, ids)
    dists = _dists(session, ids)
    empty = _left_out(session, [row.Package.id for row in rows if row.Package.id not in versions])
    return [
        Summary(
            package=package,
            repository=home,
            project=project,
            source=source,
            versions=versions.get(package.id, 0),
            dists=dists.get(package.id, (0, 0))[0],
            bytes=dists.get(package.id, (0, 0))[1],
            left_out=empty.get(package.id, ""),
        )
        for package, home, project, source in rows
    ]


def _versions(session: Session, ids: Select[int]) -> dict[int, int]:
    count = func.count().label("versions")
    query = (
        select(Version.package_id, count)
        .where(Version.package_id.in_(ids))
        .group_by(Version.package_id)
    )
    return {row.package_id: row.versions for row in session.execute(query)}


def _dists(session: Session, ids: Select[int]) -> dict[int, tuple[int, int]]:
    query = (
        select(Dist.package_id, func.count(), func.sum(Dist.size))
        .where(Dist.package_id.in_(ids), Dist.storage_key != "")
        .group_by(Dist.package_id)
    )
    return {each: (count, int(size)) for each, count, size in session.execute(query)}


def _left_out(session: Session, ids: Collection[int]) -> dict[int, str]:
    """By package: the latest ref that is no version, and why; a filter's only if all are.

    Where there is no ref at all, what the last look said of that.
    """
    items = (
        select(SyncItem.package_id, SyncItem.reason)
        .where(
            SyncItem.package_id.in_(ids), SyncItem.ref == "", SyncItem.outcome == Outcome.SKIPPED
        )
        .order_by(SyncItem.id)
    )
    found = {row.package_id: row.reason for row in session.execute(items)}
    query = select(RefVerdict).where(RefVerdict.package_id.in_(ids)).order_by(RefVerdict.id)
    told: dict[int, RefVerdict] = {}
    for verdict in session.scalars(query):
        before = told.get(verdict.package_id)
        if before is None or not _filtered(verdict) or _filtered(before):
            told[verdict.package_id] = verdict
    return found | {each: f"{verdict.ref}: {verdict.reason}" for each, verdict in told.items()}


def _filtered(verdict: RefVerdict) -> bool:
    return verdict.reason.startswith(FILTERED_OUT)


def _fault(project: Project | None) -> str:
    if project is None:
        return ""
    if project.lost_at and project.missing_since:
        return f"unreachable since {project.missing_since:%Y-%m-%d}: {project.unreachable}"
    return f"could not be read: {project.unreachable}"
