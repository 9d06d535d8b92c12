"""Goes through a source for somebody who wants all of it that fits."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import and_, delete, select, update

from packistry import plugin, stopping
from packistry.database import changed_rows
from packistry.errors import Forbidden, PackistryError, unexpected
from packistry.inputs import NewPackage, read
from packistry.models import BulkImport, BulkImportProject, User
from packistry.models.base import now
from packistry.plugin import SourceProvider
from packistry.services import Services
from packistry.services.access import Permission, permits
from packistry.services.audit import Author
from packistry.services.auto_imports import LEASE
from packistry.services.discovery import Wanted
from packistry.services.finder import batches
from packistry.services.sessions import actor_of
from packistry.services.transactions import Changes

STRANGER = "Whoever asked for it does not maintain the repository any more."


@dataclass(frozen=True, kw_only=True)
class _Task:
    """What is to be done, and in whose name."""

    number: int
    author: Author
    make: Callable[[], SourceProvider[Any]]


class BulkFinder:
    """Does what a row of `bulk_imports` owes."""

    def __init__(self, transactions: Changes) -> None:
        self._transactions = transactions
        self._lease: datetime | None = None

    def run(self, number: int) -> None:
        """Go through the source, if that is due and nobody else is at it.

        How it went stands in the row. What nobody planned for is raised, and the caller tells
        `give_up`. One that was killed begins anew, and finds what it has added already.
        """
        try:
            if not self._transactions.attempt(lambda services: self._claim(services, number)):
                return
            task = self._transactions.attempt(lambda services: _task(services, number))
            for some in batches(task.make().projects()):
                stopping.check()
                work = partial(self._add, task=task, found=some)
                if not self._transactions.attempt(work, task.author):
                    return
            self._over(number, None, error="")
        except plugin.RateLimited as error:
            self._over(number, now() + timedelta(seconds=error.retry_after), error=str(error))
        except PackistryError as error:
            self._over(number, None, error=str(error))

    def give_up(self, number: int, error: BaseException) -> None:
        """Write down that somebody's `run` ended in a way nobody planned."""
        reason = str(error) if isinstance(error, PackistryError) else unexpected(error)
        # One that is due was asked for again meanwhile.
        mine = update(BulkImport).where(BulkImport.id == number, BulkImport.due_at > now())
        values = {"due_at": None, "error": reason}
        self._transactions.attempt(lambda services: changed_rows(services.session, mine, values))

    def _claim(self, services: Services, number: int) -> int:
        moment = now()
        taken = update(BulkImport).where(BulkImport.id == number, BulkImport.due_at <= moment)
        self._lease = moment + LEASE
        values = {"due_at": self._lease, "found": 0, "left_out": {}}
        return changed_rows(services.session, taken, values)

    def _add(self, services: Services, task: _Task, found: Sequence[plugin.Project]) -> bool:
        """False when it was taken over meanwhile."""
        session, longer = services.session, now() + LEASE
        mine = update(BulkImport).where(
            BulkImport.id == task.number, BulkImport.due_at == self._lease
        )
        if not changed_rows(session, mine, {"due_at": longer}):
            return False
        row = session.get_one(BulkImport, task.number, populate_existing=True)
        _author(services, row)
        these = and_(
            BulkImportProject.bulk_import_id == row.id,
            BulkImportProject.external_id.in_([each.id for each in found]),
        )
        # What was none before may be one by now.
        session.execute(
            delete(BulkImportProject).where(these, BulkImportProject.package_id.is_(None))
        )
        known = set(session.scalars(select(BulkImportProject.external_id).where(these)))
        new = read(NewPackage, **row.how)
        wanted = Wanted(patterns=tuple(row.patterns), archived=row.archived, again=True)
        fresh = [each for each in found if each.id not in known]
        batch = services.discovery.add(row.repository, row.source, fresh, new, wanted)
        session.add_all(
            BulkImportProject(
                bulk_import_id=row.id,
                external_id=each.external_id,
                path=each.project,
                package_id=each.package_id,
            )
            for each in batch.added
        )
        row.found += len(found)
        row.left_out = dict(Counter(row.left_out) + batch.left_out)
        session.flush()
        self._lease = longer
        return True

    def _over(self, number: int, due_at: datetime | None, **values: Any) -> None:
        """Write how it went, unless it was asked for again meanwhile."""
        mine = update(BulkImport).where(BulkImport.id == number, BulkImport.due_at == self._lease)
        self._transactions.attempt(
            lambda services: changed_rows(services.session, mine, {"due_at": due_at, **values})
        )


def _task(services: Services, number: int) -> _Task:
    row = services.session.get_one(BulkImport, number)
    make = services.context.lister(row.source)
    return _Task(number=number, author=_author(services, row), make=make)


def _author(services: Services, row: BulkImport) -> Author:
    """In whose name it is done. Raises Forbidden when they may not do it any more."""
    user = services.session.get(User, row.user_id) if row.user_id else None
    if user is not None and user.active:
        author = Author(actor=actor_of(user), via=row.via)
        if permits(services.session, author.actor, Permission.MAINTAIN, row.repository):
            return author
    raise Forbidden(STRANGER)
