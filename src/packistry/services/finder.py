"""Goes through all that a source's credentials reach, between transactions and not in one."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from random import SystemRandom
from typing import Any, TypeVar

from sqlalchemy import update

from packistry import plugin, stopping
from packistry.database import changed_rows
from packistry.errors import PackistryError, unexpected
from packistry.inputs import NewPackage
from packistry.models import AutoImport
from packistry.models.base import now
from packistry.plugin import SourceProvider
from packistry.services import Services
from packistry.services.audit import Author
from packistry.services.auto_imports import LEASE
from packistry.services.discovery import Batch, Wanted
from packistry.services.transactions import Changes, Transactions

T = TypeVar("T")

AT_ONCE = 50
JITTER = 0.1

log = logging.getLogger(__name__)


def add_all(
    transactions: Changes, author: Author, source: str, path: str, new: NewPackage, wanted: Wanted
) -> Iterator[Batch]:
    """Make packages of all projects of the source (its name) that are wanted and not there.

    `path` is the repository's. Lazy: each batch is committed before the host is asked for more.
    Raises NotFound, Conflict where the source lists no projects, and whatever its plugin raises;
    what was added by then stays.
    """
    with transactions.reading() as services:
        services.repositories.get(path)
        make = services.context.lister(services.sources.get(source))
    for some in batches(make().projects()):

        def work(services: Services, found: Sequence[plugin.Project] = some) -> Batch:
            home, origin = services.repositories.get(path), services.sources.get(source)
            return services.discovery.add(home, origin, found, new, wanted)

        yield transactions.attempt(work, author)


@dataclass(frozen=True, kw_only=True)
class _Task:
    """One look for new projects."""

    auto_import_id: int
    make: Callable[[], SourceProvider[Any]]


class Finder:
    """Does what a row of `auto_imports` owes."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._lease: datetime | None = None

    def run(self, auto_import_id: int) -> None:
        """Look for new projects, if that is due and nobody else is at it.

        How it went stands in the row. What nobody planned for is raised, and the caller tells
        `give_up`.
        """
        try:
            if not self._transactions.attempt(
                lambda services: self._claim(services, auto_import_id)
            ):
                return
            task = self._transactions.attempt(lambda services: _task(services, auto_import_id))
            if self._look(task):
                self._over(auto_import_id, self._later(), error="", looked_at=now())
        except plugin.RateLimited as error:
            pause = timedelta(seconds=error.retry_after)
            self._over(auto_import_id, now() + pause, error=str(error))
        except PackistryError as error:
            # Also when its secrets do not open.
            self._over(auto_import_id, self._later(), error=str(error))

    def give_up(self, auto_import_id: int, error: BaseException) -> None:
        """Write down that somebody's `run` ended in a way nobody planned."""
        reason = str(error) if isinstance(error, PackistryError) else unexpected(error)
        values = {"due_at": self._later(), "error": reason}
        # One that is due was changed meanwhile.
        mine = update(AutoImport).where(AutoImport.id == auto_import_id, AutoImport.due_at > now())
        self._transactions.attempt(lambda services: changed_rows(services.session, mine, values))

    def _claim(self, services: Services, auto_import_id: int) -> int:
        moment = now()
        taken = update(AutoImport).where(
            AutoImport.id == auto_import_id, AutoImport.due_at <= moment
        )
        self._lease = moment + LEASE
        return changed_rows(services.session, taken, {"due_at": self._lease})

    def _look(self, task: _Task) -> bool:
        """Whether it got to the end; not so when it was switched off or changed meanwhile."""
        added = 0
        for some in batches(task.make().projects()):
            stopping.check()
            batch = self._transactions.attempt(partial(self._add, task=task, found=some))
            if batch is None:
                return False
            added += len(batch.added)
        if added:
            log.info("Auto-import %d added %d projects.", task.auto_import_id, added)
        return True

    def _add(
        self, services: Services, task: _Task, found: Sequence[plugin.Project]
    ) -> Batch | None:
        longer = now() + LEASE
        mine = update(AutoImport).where(
            AutoImport.id == task.auto_import_id, AutoImport.due_at == self._lease
        )
        if not changed_rows(services.session, mine, {"due_at": longer}):
            return None
        row = services.session.get_one(AutoImport, task.auto_import_id, populate_existing=True)
        self._lease = longer
        wanted = Wanted(patterns=tuple(row.patterns))
        return services.discovery.add(row.repository, row.source, found, NewPackage(), wanted)

    def _over(self, auto_import_id: int, due_at: datetime, **values: Any) -> None:
        """Write how it went, unless somebody changed what is looked for meanwhile."""
        mine = update(AutoImport).where(
            AutoImport.id == auto_import_id, AutoImport.due_at == self._lease
        )
        self._transactions.attempt(
            lambda services: changed_rows(services.session, mine, {"due_at": due_at, **values})
        )

    def _later(self) -> datetime:
        every = self._transactions.context.settings.reconcile_seconds
        return now() + timedelta(seconds=every * SystemRandom().uniform(1 - JITTER, 1 + JITTER))


def _task(services: Services, auto_import_id: int) -> _Task:
    row = services.session.get_one(AutoImport, auto_import_id)
    make = services.context.lister(row.source)
    return _Task(auto_import_id=auto_import_id, make=make)


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """As many at a time as fit into a transaction of seconds."""
    iterator = iter(items)
    while batch := list(islice(iterator, AT_ONCE)):
        yield batch
