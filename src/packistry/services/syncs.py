"""Syncs as people see them: what is owed, under way and done, and what became of each ref."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from packistry.errors import NotFound
from packistry.models import (
    Outcome,
    Package,
    Project,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
)
from packistry.models.base import now
from packistry.services.ledger import Ledger

LIMIT = 50


@dataclass(frozen=True, kw_only=True)
class RefReport:
    """What a sync did with one ref of a package, `after` so many seconds of work.

    `reason` is why it was left out or failed, in the host's own words where it was the host.
    """

    package_id: int
    package: str
    kind: str
    ref: str
    reference: str
    version: str
    outcome: Outcome
    reason: str
    after: float


@dataclass(frozen=True, kw_only=True)
class SyncReport:
    """A sync. `packages` are those made from its project, by name or number.

    `seconds` is how long it has worked, None before it begins; `refs` is empty in lists.
    """

    id: int
    project: str
    source: str
    packages: tuple[str, ...]
    reason: SyncReason
    state: SyncState
    attempts: int
    done: int
    total: int
    error: str
    requested_at: datetime
    not_before: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    refs: tuple[RefReport, ...] = field(default=())


class Syncs:
    """The syncs of all projects."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger

    def all(
        self,
        *,
        package: Package | None = None,
        state: SyncState | None = None,
        limit: int = LIMIT,
    ) -> list[SyncReport]:
        """The latest syncs first: of all projects, or of the one a package is made from."""
        query = _query()
        if package is not None:
            query = query.where(Sync.project_id == package.project_id)
        if state is not None:
            query = query.where(Sync.state == state)
        rows = self._session.execute(query.order_by(Sync.id.desc()).limit(limit)).all()
        return self._reports(rows)

    def these(self, ids: Sequence[int]) -> list[SyncReport]:
        """Those of these that there are, in this order."""
        rows = self._session.execute(_query().where(Sync.id.in_(ids))).all()
        found = {report.id: report for report in self._reports(rows)}
        return [found[each] for each in ids if each in found]

    def get(self, sync_id: int) -> SyncReport:
        """One sync with all it did. Raises NotFound."""
        rows = self._session.execute(_query().where(Sync.id == sync_id)).all()
        if not rows:
            raise NotFound(f"There is no sync {sync_id}; old ones are forgotten.", noun="sync")
        return self._reports(rows, refs=self._refs(rows[0].Sync))[0]

    def cancel(self, sync_id: int) -> None:
        """One that runs stops before its next ref. Raises NotFound and Conflict."""
        self._ledger.cancel(self._row(sync_id))

    def retry(self, sync_id: int) -> Sync:
        """The sync now owed to the same project, to be run at once. Raises NotFound."""
        return self._ledger.retry(self._row(sync_id))

    def forget_finished(self) -> None:
        """Remove those that are over, with what is known of their refs."""
        self._session.execute(
            delete(Sync)
            .where(Sync.finished_at.is_not(None))
            .execution_options(synchronize_session=False)
        )

    def _row(self, sync_id: int) -> Sync:
        sync = self._session.get(Sync, sync_id)
        if sync is None:
            raise NotFound(f"There is no sync {sync_id}; old ones are forgotten.", noun="sync")
        return sync

    def _reports(self, rows: Sequence[Any], refs: tuple[RefReport, ...] = ()) -> list[SyncReport]:
        packages = self._packages({row.Sync.project_id for row in rows})
        return [
            _report(row.Sync, row.path, row.name, tuple(packages[row.Sync.project_id]), refs)
            for row in rows
        ]

    def _packages(self, project_ids: set[int]) -> dict[int, list[str]]:
        query = select(Package.project_id, Package.id, Package.name).order_by(Package.id)
        found: dict[int, list[str]] = defaultdict(list)
        for row in self._session.execute(query.where(Package.project_id.in_(project_ids))):
            found[row.project_id].append(row.name or f"number {row.id}")
        return found

    def _refs(self, sync: Sync) -> tuple[RefReport, ...]:
        return tuple(
            RefReport(
                package_id=item.package_id,
                package=name or f"number {item.package_id}",
                kind=item.kind,
                ref=item.ref,
                reference=item.reference,
                version=item.version,
                outcome=Outcome(item.outcome),
                reason=item.reason,
                after=_seconds(item.at - (sync.started_at or sync.requested_at)),
            )
            for item, name in self._session.execute(items_of(sync))
        )


def items_of(sync: Sync) -> Select[SyncItem, str | None]:
    """What it did with each ref, in its order, beside the name of the package."""
    return (
        select(SyncItem, Package.name)
        .join(SyncItem.package)
        .where(SyncItem.sync_id == sync.id)
        .order_by(SyncItem.id)
    )


def _query() -> Select[Sync, str, str]:
    return (
        select(Sync, Project.path, Source.name)
        .join(Project, Project.id == Sync.project_id)
        .join(Source, Source.id == Project.source_id)
    )


def _report(
    sync: Sync, path: str, source: str, packages: tuple[str, ...], refs: tuple[RefReport, ...]
) -> SyncReport:
    worked = None
    if sync.started_at is not None:
        worked = _seconds((sync.finished_at or now()) - sync.started_at)
    return SyncReport(
        id=sync.id,
        project=path,
        source=source,
        packages=packages,
        reason=SyncReason(sync.reason),
        state=SyncState(sync.state),
        attempts=sync.attempts,
        done=sync.done,
        total=sync.total,
        error=sync.error,
        requested_at=sync.requested_at,
        not_before=sync.not_before,
        started_at=sync.started_at,
        finished_at=sync.finished_at,
        seconds=worked,
        refs=refs,
    )


def _seconds(span: timedelta) -> float:
    # An item of an earlier attempt is older than the start of this one.
    return max(0.0, round(span.total_seconds(), 3))
