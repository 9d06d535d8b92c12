"""The jobs themselves: thin, about ids, safe to run twice."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Thread

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from packistry import process, stopping
from packistry.errors import PackistryError, unexpected
from packistry.jobs import owed
from packistry.models import Dist
from packistry.models.base import now
from packistry.queue import job_seconds
from packistry.runtime import Runtime
from packistry.services import invitations
from packistry.services.bulk_finder import BulkFinder
from packistry.services.dists import Dists
from packistry.services.events import Events
from packistry.services.finder import Finder
from packistry.services.ledger import ClaimLost
from packistry.services.synchronizer import Synchronizer
from packistry.services.upkeep import Upkeep

BEAT_SECONDS = 20.0
LOOK_SECONDS = 1.0
DIST_PAUSE = timedelta(minutes=5)

log = logging.getLogger(__name__)


def sync(runtime: Runtime, sync_id: int) -> None:
    """Do what the ledger's row owes; nothing when it owes nothing, or another worker has it."""
    with heartbeat(runtime, sync_id):
        Synchronizer(runtime).run(sync_id)


def build_dist(runtime: Runtime, dist_id: int) -> None:
    """Build a dist that was asked for; nothing when it exists or can never be built."""
    Dists(runtime).build(dist_id)


def webhook(runtime: Runtime, webhook_id: int) -> None:
    """Make, check or remove a webhook at its host; nothing when that is not due."""
    Upkeep(runtime).run(webhook_id)


def discover(runtime: Runtime, auto_import_id: int) -> None:
    """Look for new projects of a source; nothing when that is not due."""
    Finder(runtime).run(auto_import_id)


def bulk_import(runtime: Runtime, bulk_import_id: int) -> None:
    """Go through a source and add all that fits; nothing when that is not due."""
    BulkFinder(runtime).run(bulk_import_id)


def deliver_event(runtime: Runtime, packed: str) -> None:
    """Tell plugins one event. `packed` is what `Events.announce` made of it."""
    Events(runtime.plugins, runtime.queue).deliver(packed)


def mail_link(runtime: Runtime, mail_id: int) -> None:
    """Mail somebody a link to choose a password with; nothing when that is not due."""
    invitations.mail_link(runtime, mail_id)


def abandon_sync(runtime: Runtime, sync_id: int, error: BaseException) -> None:
    """Write into the ledger that the sync ended in a way nobody planned."""
    # Only our own errors have a text that is fit to show.
    reason = str(error) if isinstance(error, PackistryError) else unexpected(error)
    # Nothing is ours to write when it was cancelled or taken over.
    with suppress(ClaimLost):
        runtime.attempt(lambda services: services.ledger.fail(sync_id, reason))


def abandon_webhook(runtime: Runtime, webhook_id: int, error: BaseException) -> None:
    """Write down that seeing to a webhook ended in a way nobody planned."""
    reason = str(error) if isinstance(error, PackistryError) else unexpected(error)
    Upkeep(runtime).give_up(webhook_id, reason)


def abandon_mail(runtime: Runtime, mail_id: int, error: BaseException) -> None:
    """Write down that sending a mail ended in a way nobody planned."""
    invitations.give_up(runtime, mail_id, unexpected(error))


def abandon_discover(runtime: Runtime, auto_import_id: int, error: BaseException) -> None:
    """Write down that a look for new projects ended in a way nobody planned."""
    Finder(runtime).give_up(auto_import_id, error)


def abandon_bulk_import(runtime: Runtime, bulk_import_id: int, error: BaseException) -> None:
    """Write down that going through a source ended in a way nobody planned."""
    BulkFinder(runtime).give_up(bulk_import_id, error)


def abandon_dist(runtime: Runtime, dist_id: int, _error: BaseException) -> None:
    """Let a while pass before a dist is tried again whose build ended in a way nobody planned."""
    later = now() + DIST_PAUSE
    runtime.attempt(
        lambda services: services.session.execute(
            update(Dist)
            .where(Dist.id == dist_id, Dist.storage_key == "", Dist.wanted_at.is_not(None))
            .values(wanted_at=later)
            .execution_options(synchronize_session=False)
        )
    )


@contextmanager
def heartbeat(runtime: Runtime, sync_id: int, *, seconds: float = BEAT_SECONDS) -> Iterator[None]:
    """While the body runs, tell the ledger every `seconds` that its worker lives.

    That stops when a job counts as hung, so that another worker may take the sync over. The body
    is asked to stop (packistry.stopping) within a second of the sync's being cancelled.
    """
    ended = Event()
    begun = time.monotonic()

    def watch(stop: stopping.Stop) -> None:
        next_beat = begun + seconds
        while not ended.wait(min(seconds, LOOK_SECONDS)):
            if time.monotonic() > begun + job_seconds(runtime.settings):
                return
            due = time.monotonic() >= next_beat
            next_beat = time.monotonic() + seconds if due else next_beat
            try:
                if not _goes_on(runtime, sync_id, beat=due):
                    stop.ask()
            except SQLAlchemyError:
                # The next one may get through; the lease is six beats long.
                log.warning("The heartbeat of sync %d did not reach the database.", sync_id)

    with stopping.stoppable() as stop:
        name = f"packistry-heartbeat-{sync_id}"
        thread = Thread(target=watch, args=(stop,), name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _goes_on(runtime: Runtime, sync_id: int, *, beat: bool) -> bool:
    """Whether the sync is still this process's to do; with `beat` also told that it lives."""
    me = process.identity()
    if beat:
        with runtime.transaction() as services:
            services.ledger.heartbeat(sync_id, me)
    return owed.is_wanted(runtime.engine, sync_id, me)
