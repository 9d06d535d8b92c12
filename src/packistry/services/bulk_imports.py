"""All projects of a source that fit, made packages at once; and how far that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, and_, case, delete, func, select
from sqlalchemy.orm import Session

from packistry.errors import Conflict, NotFound
from packistry.inputs import NewPackage
from packistry.inputs.many import ManyProjects
from packistry.models import (
    BulkImport,
    BulkImportProject,
    Package,
    PassedProject,
    Repository,
    Source,
)
from packistry.models.base import now
from packistry.queue import Queue
from packistry.services.access import Actor, manages
from packistry.services.audit import Author
from packistry.services.plugins import Plugins

JOB = "bulk_import"
KEPT = timedelta(days=30)
RECENT = timedelta(days=1)
MOST_RECENT = 5
REMOVED = "Somebody removed its package."


class Trial(StrEnum):
    """What became of a project."""

    WAITING = "waiting"
    PACKAGE = "package"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class BulkFacts:
    """How far one is. `listing`: the source has not told all of its projects yet.

    Of those added `packages` turned out to be some, `none` not, and `waiting` are not looked at.
    `next_at` is when it goes on after `error`, None when it does not by itself.
    """

    id: int
    source: str
    repository_id: int
    repository: str
    patterns: Sequence[str]
    archived: bool
    listing: bool
    found: int
    left_out: Mapping[str, int]
    packages: int
    none: int
    waiting: int
    error: str
    next_at: datetime | None
    created_at: datetime

    @property
    def added(self) -> int:
        return self.packages + self.none + self.waiting

    @property
    def going(self) -> bool:
        """Whether anything is still to come."""
        return self.listing or self.waiting > 0


@dataclass(frozen=True, kw_only=True)
class TriedProject:
    """One project of it. `reason` is why it is none; `package` is None before its name is known."""

    project: str
    state: Trial
    package_id: int | None
    package: str | None
    reason: str


class BulkImports:
    """What people asked for. Contacts nobody: that is what `services.finder` does."""

    def __init__(self, session: Session, queue: Queue, plugins: Plugins) -> None:
        self._session = session
        self._queue = queue
        self._plugins = plugins

    def start(
        self,
        repository: Repository,
        source: Source,
        new: NewPackage,
        many: ManyProjects,
        author: Author,
    ) -> BulkImport:
        """Have it done in a job, in the name of its author. Conflict where it lists no projects."""
        self._plugins.must_list(source.provider)
        row = BulkImport(
            source_id=source.id,
            repository_id=repository.id,
            user_id=author.actor.user_id,
            via=author.via,
            patterns=list(many.patterns),
            archived=many.archived,
            how=new.model_dump(mode="json"),
            due_at=now(),
        )
        self._session.add(row)
        self._session.flush()
        self._queue.enqueue(JOB, row.id)
        return row

    def at(self, number: int) -> BulkImport:
        """Raises NotFound."""
        row = self._session.get(BulkImport, number)
        if row is None:
            raise NotFound("There is no such bulk import; old ones are forgotten.")
        return row

    def again(self, row: BulkImport, author: Author) -> None:
        """Go through the source once more, now in this name. Raises Conflict while it is done."""
        if row.due_at is not None and not row.error:
            raise Conflict("It is under way.")
        row.due_at, row.error = now(), ""
        row.user_id, row.via = author.actor.user_id, author.via
        self._session.flush()
        self._queue.enqueue(JOB, row.id)

    def facts(self, row: BulkImport) -> BulkFacts:
        """How far it is."""
        query = (
            select(_STATE.label("state"), func.count().label("number"))
            .select_from(BulkImportProject)
            .outerjoin(Package, Package.id == BulkImportProject.package_id)
            .where(BulkImportProject.bulk_import_id == row.id)
            .group_by("state")
        )
        counts = {row.state: row.number for row in self._session.execute(query)}
        return BulkFacts(
            id=row.id,
            source=row.source.name,
            repository_id=row.repository_id,
            repository=row.repository.name,
            patterns=tuple(row.patterns),
            archived=row.archived,
            listing=row.due_at is not None,
            found=row.found,
            left_out=dict(row.left_out),
            packages=counts.get(Trial.PACKAGE, 0),
            none=counts.get(Trial.NONE, 0),
            waiting=counts.get(Trial.WAITING, 0),
            error=row.error,
            next_at=row.due_at,
            created_at=row.created_at,
        )

    def projects(self, row: BulkImport, first: int = 0, limit: int | None = None) -> list[Any]:
        """What became of each, as TriedProject, in the order of the source."""
        query: Select[Any] = (
            select(
                BulkImportProject.path,
                BulkImportProject.package_id,
                Package.name,
                PassedProject.reason,
                _STATE.label("state"),
            )
            .outerjoin(Package, Package.id == BulkImportProject.package_id)
            .outerjoin(
                PassedProject,
                and_(
                    PassedProject.source_id == row.source_id,
                    PassedProject.repository_id == row.repository_id,
                    PassedProject.external_id == BulkImportProject.external_id,
                ),
            )
            .where(BulkImportProject.bulk_import_id == row.id)
            .order_by(BulkImportProject.id)
            .offset(first)
        )
        if limit is not None:
            query = query.limit(limit)
        return [
            TriedProject(
                project=each.path,
                state=Trial(each.state),
                package_id=each.package_id,
                package=each.name,
                reason=(each.reason or REMOVED) if each.state == Trial.NONE else "",
            )
            for each in self._session.execute(query)
        ]

    def recent(self, actor: Actor) -> list[BulkFacts]:
        """Those of the last day in repositories that they maintain, the latest first."""
        query = (
            select(BulkImport)
            .join(Repository, Repository.id == BulkImport.repository_id)
            .where(manages(actor), BulkImport.created_at > now() - RECENT)
            .order_by(BulkImport.id.desc())
            .limit(MOST_RECENT)
        )
        return [self.facts(row) for row in self._session.scalars(query)]

    def forget(self) -> None:
        """Drop those that are over for long."""
        old = delete(BulkImport).where(
            BulkImport.due_at.is_(None), BulkImport.created_at < now() - KEPT
        )
        self._session.execute(old)


_STATE = case(
    (Package.id.is_(None), Trial.NONE.value),
    (Package.on_trial, Trial.WAITING.value),
    else_=Trial.PACKAGE.value,
)
