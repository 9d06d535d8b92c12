"""What has to happen from time to time, in one process of however many run."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import SystemRandom
from threading import Event, Thread

from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError

from packistry import process
from packistry.jobs import lease, owed
from packistry.models import Package, Project, Sync, SyncReason, SyncState
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services import Services, popularity
from packistry.services.collector import Collector

DUTY = "scheduler"
DUTY_SECONDS = 60.0
TICK_SECONDS = 10.0
SEND_AGAIN_SECONDS = 30.0
FORGET_SECONDS = 3600.0
NEW_URL_SECONDS = 300.0
NEW_DAY_SECONDS = 60.0
JITTER = 0.1
PROJECTS_AT_ONCE = 50
PROJECTS_A_TICK = 1000
PACKAGES_A_TICK = 100

log = logging.getLogger(__name__)

_OWED = (
    exists()
    .where(Sync.project_id == Project.id, Sync.state.in_((SyncState.QUEUED, SyncState.RUNNING)))
    .correlate(Project)
)
_USED = exists().where(Package.project_id == Project.id).correlate(Project)


class Scheduler:
    """Looks at every project now and then, and finds again whatever was lost.

    Any number may run; the one with the lease acts, and when its process dies another takes over.
    """

    def __init__(self, runtime: Runtime, *, owner: str = "", seconds: float = TICK_SECONDS) -> None:
        """`owner` is whose lease it is ("": this process's), `seconds` the time between ticks."""
        self.runtime = runtime
        self.owner = owner or process.identity()
        self.seconds = seconds
        self._stopping = Event()
        self._thread: Thread | None = None
        self._chores: list[tuple[float, Callable[[], object]]] = [
            (0.0, self.reconcile),
            (0.0, self.render),
            (SEND_AGAIN_SECONDS, self.send_again),
            (FORGET_SECONDS, self.forget),
            (NEW_URL_SECONDS, self.move_webhooks),
            (NEW_DAY_SECONDS, self.notice_new_day),
        ]
        self._next = [0.0 for _ in self._chores]

    def start(self) -> None:
        """Tick in a thread of its own. To be called after any fork."""
        self._thread = Thread(target=self._run, name="packistry-scheduler", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop ticking and let another process have the duty at once."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
        self.resign()

    def resign(self) -> None:
        """Give the lease back, if this has it."""
        try:
            with self.runtime.transaction() as services:
                lease.give_back(services.session, DUTY, self.owner)
        except SQLAlchemyError:
            log.warning("The scheduler's lease was not given back; it runs out by itself.")

    def tick(self) -> bool:
        """Do what is due, if this has the lease; whether it has. Never raises."""
        if not _survives(self._take):
            return False
        for number, (seconds, chore) in enumerate(self._chores):
            if time.monotonic() >= self._next[number]:
                self._next[number] = time.monotonic() + seconds
                _survives(chore)
        return True

    def _take(self) -> bool:
        with self.runtime.transaction() as services:
            return lease.take(services.session, DUTY, self.owner, DUTY_SECONDS)

    def reconcile(self) -> int:
        """Ask for a sync of every project that is due; the number asked for."""
        asked = looked_at = 0
        while looked_at < PROJECTS_A_TICK:
            due, requested = self.runtime.attempt(self._reconcile_some)
            asked += requested
            looked_at += due
            if due < PROJECTS_AT_ONCE:
                break
        return asked

    def _reconcile_some(self, services: Services) -> tuple[int, int]:
        every = self.runtime.settings.reconcile_seconds
        moment = now()
        due = services.session.execute(
            select(Project, _OWED, _USED)
            .where(Project.next_look_at <= moment)
            .order_by(Project.next_look_at, Project.id)
            .limit(PROJECTS_AT_ONCE)
        ).all()
        requested = 0
        for project, is_owed, used in due:
            spread = SystemRandom().uniform(1 - JITTER, 1 + JITTER)
            project.next_look_at = moment + timedelta(seconds=every * spread)
            # Someone else has just had it looked at: a webhook, a person, its first import.
            recent = project.synced_at and moment - project.synced_at < timedelta(seconds=every / 2)
            if used and not is_owed and not recent:
                services.ledger.request(project, SyncReason.RECONCILE)
                requested += 1
        return len(due), requested

    def render(self) -> int:
        """Render packages whose import was cut off before their documents; their number."""
        with self.runtime.transaction() as services:
            stale = services.session.scalars(
                select(Package.id)
                .outerjoin(Project, Package.project_id == Project.id)
                .where(Package.stale, ~_OWED)
                .order_by(Package.id)
                .limit(PACKAGES_A_TICK)
            ).all()
        for package_id in stale:
            _survives(partial(self.runtime.attempt, partial(_render, package_id=package_id)))
        return len(stale)

    def send_again(self) -> int:
        """Send again what is owed. What waits in the queue or is under way is not doubled."""
        found = {*owed.waiting(self.runtime.engine), *owed.syncs(self.runtime)}
        for job in found:
            self.runtime.queue.send(job.name, *job.arguments)
        return len(found)

    def forget(self) -> int:
        """Drop old entries of the ledger and deliveries, their number; and what browsers left."""
        self.runtime.attempt(_forget_people)
        collector = Collector(self.runtime)
        return collector.forget_syncs() + collector.forget_deliveries()

    def move_webhooks(self) -> int:
        """See to webhooks that were made for another PACKISTRY_URL; their number."""
        return self.runtime.attempt(lambda services: services.webhooks.notice_new_url())

    def notice_new_day(self) -> bool:
        """Leave out of recent downloads those that are so no more; False where there is no need."""
        return self.runtime.attempt(
            lambda services: popularity.roll(services.session, now().date())
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.tick()
            self._stopping.wait(self.seconds)


def _survives(chore: Callable[[], object]) -> object:
    """What `chore` returns; None when it raised, which is logged."""
    try:
        return chore()
    # The next tick may succeed: the database was away, one package is broken. Without this
    # boundary one such fault would end every later look at every project.
    except Exception:
        log.exception("The scheduler could not do all that was due.")
        return None


def _forget_people(services: Services) -> None:
    """Sessions, links and mails that are over, and failed sign-ins that count no more."""
    services.sessions.forget()
    services.links.forget()
    services.mails.forget()
    services.throttles.forget()
    services.quotas.forget()
    services.bulk_imports.forget()


def _render(services: Services, package_id: int) -> None:
    package = services.session.get(Package, package_id)
    if package is not None and package.stale:
        services.documents.render(package)
