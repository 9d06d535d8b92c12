"""The ledger: which projects are owed a look, who is at it, and how it went."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import zope.sqlalchemy
from sqlalchemy import ColumnElement, CursorResult, Table, and_, bindparam, select, update
from sqlalchemy.orm import Session

from packistry import process
from packistry.errors import Conflict, PackistryError
from packistry.models import Package, Project, Sync, SyncReason, SyncState
from packistry.models.base import now
from packistry.queue import Queue

JOB = "sync"

ABANDONED_AFTER = timedelta(seconds=120)

MAX_ATTEMPTS = 5
# More than of attempts: a server may be killed for reasons that have nothing to do with a sync.
MAX_DEATHS = 25
FIRST_BACKOFF = timedelta(seconds=30)
BACKOFF_FACTOR = 4

# How soon after a failure a webhook may have it tried again.
HINT_PAUSE = timedelta(minutes=1)

OWED_AT_ONCE = 100
RECENT = 20
# What a look that reached the project says about all before it.
_REACHED: dict[str, Any] = {
    "unreachable": "",
    "away": False,
    "missing_since": None,
    "missed_looks": 0,
    "lost_at": None,
    "told_gone": False,
}
DIED = (
    "The worker died at it each time, as one does that runs out of memory. The log of the server "
    "or of the machine says why; `packistry sync retry` tries again."
)
LOST = "The sync was cancelled or taken over."
_OPEN = (SyncState.QUEUED, SyncState.RUNNING)

_SYNCS = cast(Table, Sync.__table__)
# Run once for each ref: on the table, because the ORM would cost more than the statement.
_ADVANCE = (
    update(_SYNCS)
    .where(
        _SYNCS.c.id == bindparam("sync"),
        _SYNCS.c.state == SyncState.RUNNING,
        _SYNCS.c.owner == bindparam("by"),
        _SYNCS.c.started_at == bindparam("since"),
    )
    .values(done=_SYNCS.c.done + bindparam("more"), heartbeat_at=bindparam("moment"))
)


class ClaimLost(PackistryError):
    """The sync was cancelled, or another process took it over: stop, and write nothing more."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to run one sync. `started_at` tells it from any earlier claim of the same sync."""

    sync_id: int
    project_id: int
    owner: str
    started_at: datetime


@dataclass(frozen=True, kw_only=True)
class LostAfter:
    """When to believe a host that a project is not there: after so many looks over so long."""

    looks: int = 3
    after: timedelta = timedelta(days=1)


class Ledger:
    """Syncs that are owed, under way and done."""

    def __init__(self, session: Session, queue: Queue, lost: LostAfter = LostAfter()) -> None:
        self._session = session
        self._queue = queue
        self._lost = lost

    def request(self, project: Project, reason: SyncReason) -> Sync:
        """The sync that is now owed to the project: one that waits already, else a new one.

        A sync that runs may have missed the change, so another one is owed; not so for a
        reconcile. A person's request ends any wait; a webhook that after a failure, once a minute.
        """
        sync = self._waiting(project, reason)
        if sync is None:
            sync = Sync(project_id=project.id, reason=reason)
            self._session.add(sync)
        elif sync.state == SyncState.QUEUED and reason == SyncReason.MANUAL:
            sync.not_before, sync.attempts = now(), 0
        elif reason == SyncReason.WEBHOOK:
            self._hurry(sync)
        self._session.flush()
        if sync.state == SyncState.QUEUED and sync.not_before <= now():
            self._queue.enqueue(JOB, sync.id)
        return sync

    def claim(
        self, sync_id: int, owner: str, *, on_death: Callable[[int], None] | None = None
    ) -> Claim | None:
        """The right to run it now; None when it is not owed, not yet, or its project is busy.

        A sync whose process died, or gave no sign of life for two minutes, is taken over. One that
        had got further since it was begun has all its attempts again; one whose worker died 25
        times in a row has failed, which `on_death` is told with the project's id.
        """
        project_id = self._session.scalar(select(Sync.project_id).where(Sync.id == sync_id))
        if project_id is None or not self._lock(project_id):
            return None
        moment = now()
        rows = self._open(project_id)
        abandoned = {
            row.id
            for row in rows
            if row.state == SyncState.RUNNING and _abandoned(row.owner, row.heartbeat_at, moment)
        }
        ready = {
            row.id for row in rows if row.state == SyncState.QUEUED and row.not_before <= moment
        }
        busy = any(
            row.state == SyncState.RUNNING and row.id != sync_id and row.id not in abandoned
            for row in rows
        )
        if busy or sync_id not in ready | abandoned:
            return None
        values = {"state": SyncState.RUNNING, "owner": owner, "heartbeat_at": moment}
        (mine,) = (row for row in rows if row.id == sync_id)
        attempts = 0 if sync_id in abandoned and mine.done else mine.attempts
        if sync_id in abandoned and attempts >= MAX_DEATHS:
            self._bury(sync_id, project_id)
            if on_death is not None:
                on_death(project_id)
            return None
        values |= {"started_at": moment, "attempts": attempts + 1, "done": 0, "total": 0}
        self._update(Sync.id == sync_id, **values)
        return Claim(sync_id=sync_id, project_id=project_id, owner=owner, started_at=moment)

    def heartbeat(self, sync_id: int, owner: str) -> bool:
        """Says that `owner` still works on the sync. False: it does not, or no longer."""
        mine = and_(Sync.id == sync_id, Sync.state == SyncState.RUNNING, Sync.owner == owner)
        return self._update(mine, heartbeat_at=now()) > 0

    def advance(self, claim: Claim, done: int) -> None:
        """Says that so many more refs are done. Raises ClaimLost, so that nothing is committed."""
        parameters = {
            "sync": claim.sync_id,
            "by": claim.owner,
            "since": claim.started_at,
            "more": done,
            "moment": now(),
        }
        if not self._session.connection().execute(_ADVANCE, parameters).rowcount:
            raise ClaimLost(LOST)
        zope.sqlalchemy.mark_changed(self._session)

    def expect(self, claim: Claim, total: int) -> None:
        """Says how many refs are to be done. Raises ClaimLost."""
        self._held(claim, total=total, heartbeat_at=now())

    def finish(self, claim: Claim, *, default_branch: str | None) -> None:
        """The project was read to the end. Raises ClaimLost."""
        moment = now()
        self._held(claim, state=SyncState.DONE, finished_at=moment, error="", owner="")
        self._session.execute(
            update(Project)
            .where(Project.id == claim.project_id)
            .values(synced_at=moment, default_branch=default_branch, **_REACHED)
            .execution_options(synchronize_session=False)
        )

    def fail(
        self, sync_id: int, reason: str, *, final: bool = False, missing: bool = False
    ) -> SyncState:
        """The project could not be read by this process; what it holds is kept.

        It is tried again after 30 s, 2, 8 and 32 minutes; after the fifth time, or at once when
        `final`, it has failed, and the next reconcile is the next look. `missing`: the host says
        that it is not there, or not ours to see. Raises ClaimLost.
        """
        claim, attempts = self._mine(sync_id)
        moment = now()
        failed = final or attempts >= MAX_ATTEMPTS
        if failed:
            self._held(claim, state=SyncState.FAILED, finished_at=moment, error=reason, owner="")
        else:
            wait = FIRST_BACKOFF * BACKOFF_FACTOR ** max(0, attempts - 1)
            self._put_back(claim, moment + wait, reason)
        self._unreachable(claim.project_id, reason)
        if missing:
            self._missing(self._session.get_one(Project, claim.project_id, populate_existing=True))
        return SyncState.FAILED if failed else SyncState.QUEUED

    def reschedule(self, claim: Claim, retry_after: float, reason: str) -> None:
        """The host asks for a pause of so many seconds. That is no failure. Raises ClaimLost."""
        wait = timedelta(seconds=retry_after)
        # It answers, so what failed before is over; and 0 tells this wait from one of ours.
        self._put_back(claim, now() + wait, reason, attempts=0)
        self._unreachable(claim.project_id, reason)

    def give_back(self, claim: Claim) -> None:
        """It was stopped for no fault of its own, and is owed at once. Raises ClaimLost."""
        self._put_back(claim, now(), "", attempts=Sync.attempts - 1)

    def cancel(self, sync: Sync) -> None:
        """A sync that runs stops before its next ref. Raises Conflict when it is over already."""
        changed = self._update(
            and_(Sync.id == sync.id, Sync.state.in_(_OPEN)),
            state=SyncState.CANCELLED,
            finished_at=now(),
            owner="",
        )
        self._session.refresh(sync)
        if not changed:
            raise Conflict(f"This sync is over: it is {sync.state}.")

    def retry(self, sync: Sync) -> Sync:
        """The sync now owed to the same project, to be run at once."""
        return self.request(sync.project, SyncReason.MANUAL)

    def owed(self, limit: int = OWED_AT_ONCE) -> list[int]:
        """Ids of syncs that could be run now, the longest waiting first, one per project.

        With those whose process died.
        """
        moment = now()
        running = self._session.execute(
            select(Sync.id, Sync.project_id, Sync.owner, Sync.heartbeat_at).where(
                Sync.state == SyncState.RUNNING
            )
        ).all()
        abandoned = {
            row.project_id: row.id
            for row in running
            if _abandoned(row.owner, row.heartbeat_at, moment)
        }
        busy = {row.project_id for row in running}
        query = select(Sync.id, Sync.project_id).where(
            Sync.state == SyncState.QUEUED, Sync.not_before <= moment
        )
        if busy:
            query = query.where(Sync.project_id.not_in(busy))
        queued = self._session.execute(query.order_by(Sync.not_before, Sync.id).limit(limit))
        first: dict[int, int] = {}
        for sync_id, project_id in queued:
            first.setdefault(project_id, sync_id)
        return [*abandoned.values(), *first.values()][:limit]

    def recent(self, about: Project | Package, limit: int = RECENT) -> Sequence[Sync]:
        """The latest syncs of a project, or of the project a package is made from."""
        project_id = about.id if isinstance(about, Project) else about.project_id
        query = select(Sync).where(Sync.project_id == project_id)
        return self._session.scalars(query.order_by(Sync.id.desc()).limit(limit)).all()

    def _waiting(self, project: Project, reason: SyncReason) -> Sync | None:
        states = _OPEN if reason == SyncReason.RECONCILE else (SyncState.QUEUED,)
        query = select(Sync).where(Sync.project_id == project.id, Sync.state.in_(states))
        return self._session.scalars(query.order_by(Sync.id).limit(1)).first()

    def _hurry(self, sync: Sync) -> None:
        """Ends the wait after a failure: something happened there since. It counts as no attempt.

        A pause that the host asked for is kept.
        """
        moment = now()
        begun = sync.started_at
        if sync.attempts < 1 or sync.not_before <= moment or begun is None:
            return
        if moment - begun < HINT_PAUSE:
            return
        # Another process may have claimed it meanwhile.
        same = and_(Sync.id == sync.id, Sync.state == SyncState.QUEUED, Sync.started_at == begun)
        self._update(same, not_before=moment, attempts=Sync.attempts - 1)
        self._session.refresh(sync)

    def _bury(self, sync_id: int, project_id: int) -> None:
        values = {"state": SyncState.FAILED, "finished_at": now(), "error": DIED, "owner": ""}
        self._update(Sync.id == sync_id, **values)
        self._unreachable(project_id, DIED)

    def _open(self, project_id: int) -> Sequence[Any]:
        columns = (Sync.id, Sync.state, Sync.owner, Sync.heartbeat_at, Sync.not_before)
        return self._session.execute(
            select(*columns, Sync.attempts, Sync.done)
            .where(Sync.project_id == project_id, Sync.state.in_(_OPEN))
            .with_for_update()
        ).all()

    def _lock(self, project_id: int) -> bool:
        # Two claims for one project come one after the other, on every database.
        query = select(Project.id).where(Project.id == project_id).with_for_update()
        return self._session.scalar(query) is not None

    def _mine(self, sync_id: int) -> tuple[Claim, int]:
        row = self._session.execute(
            select(Sync.project_id, Sync.owner, Sync.started_at, Sync.attempts).where(
                Sync.id == sync_id, Sync.state == SyncState.RUNNING
            )
        ).one_or_none()
        if row is None or row.owner != process.identity():
            raise ClaimLost(LOST)
        claim = Claim(
            sync_id=sync_id,
            project_id=row.project_id,
            owner=row.owner,
            started_at=row.started_at,
        )
        return claim, row.attempts

    def _put_back(self, claim: Claim, not_before: datetime, reason: str, **values: Any) -> None:
        values |= {"state": SyncState.QUEUED, "owner": "", "error": reason}
        self._held(claim, not_before=not_before, **values)

    def _unreachable(self, project_id: int, reason: str) -> None:
        self._session.execute(
            update(Project)
            .where(Project.id == project_id)
            .values(unreachable=reason, away=reason != "")
            .execution_options(synchronize_session=False)
        )

    def _missing(self, project: Project) -> None:
        """One more look that did not find it. What was imported from it is never removed."""
        moment = now()
        project.missing_since = project.missing_since or moment
        project.missed_looks += 1
        long = moment - project.missing_since >= self._lost.after
        if project.told_gone or (long and project.missed_looks >= self._lost.looks):
            project.lost_at = project.lost_at or moment
        self._session.flush()

    def _held(self, claim: Claim, **values: Any) -> None:
        mine = and_(
            Sync.id == claim.sync_id,
            Sync.state == SyncState.RUNNING,
            Sync.owner == claim.owner,
            Sync.started_at == claim.started_at,
        )
        if not self._update(mine, **values):
            raise ClaimLost(LOST)

    def _update(self, where: ColumnElement[bool], **values: Any) -> int:
        result = self._session.execute(
            update(Sync).where(where).values(**values).execution_options(synchronize_session=False)
        )
        assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type: it is an UPDATE
        return result.rowcount


def _abandoned(owner: str, heartbeat_at: datetime | None, moment: datetime) -> bool:
    silent = heartbeat_at is None or moment - heartbeat_at > ABANDONED_AFTER
    return silent or process.alive(owner) is False
