"""Sources whose new projects become packages by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from packistry.database import changed_rows
from packistry.errors import Invalid
from packistry.models import AutoImport, Repository, Source
from packistry.models.base import now
from packistry.queue import Queue
from packistry.services.plugins import Plugins

JOB = "discover"
# A batch of a look takes seconds; whoever has not gone on by then was killed.
LEASE = timedelta(minutes=10)
SOON = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class AutoImportFacts:
    """What becomes a package by itself, where, and how the last look went.

    `looked_at` is the last look that got to the end, `error` why one since did not.
    """

    patterns: Sequence[str]
    repository: str
    repository_id: int
    looked_at: datetime | None
    next_at: datetime
    error: str


class AutoImports:
    """What is looked for, of all sources. Contacts nobody: that is what `services.finder` does."""

    def __init__(self, session: Session, queue: Queue, plugins: Plugins) -> None:
        self._session = session
        self._queue = queue
        self._plugins = plugins

    def of(self, source: Source) -> AutoImportFacts | None:
        """None when new projects of the source are left alone."""
        return self.of_each([source]).get(source.id)

    def of_each(self, sources: Sequence[Source]) -> dict[int, AutoImportFacts]:
        """By source; without those whose new projects are left alone."""
        query = (
            select(AutoImport)
            .where(AutoImport.source_id.in_([source.id for source in sources]))
            .options(joinedload(AutoImport.repository))
        )
        return {
            row.source_id: AutoImportFacts(
                patterns=tuple(row.patterns),
                repository=row.repository.path,
                repository_id=row.repository_id,
                looked_at=row.looked_at,
                next_at=row.due_at,
                error=row.error,
            )
            for row in self._session.scalars(query)
        }

    def start(
        self,
        source: Source,
        *,
        patterns: Sequence[str] | None = None,
        repository: Repository | None = None,
    ) -> None:
        """Have projects that fit one of the patterns become packages of the repository.

        The first look is at once. None keeps what is there; Invalid when nothing is. Conflict
        where the source lists no projects.
        """
        self._plugins.must_list(source.provider)
        row = self._find(source)
        if row is None:
            if not patterns or repository is None:
                raise Invalid(
                    "Auto-import: say which projects (a pattern such as acme/*), and into which "
                    "repository.",
                    field="auto_import" if repository else "into",
                )
            row = AutoImport(source_id=source.id, repository_id=repository.id, patterns=patterns)
            self._session.add(row)
        if patterns:
            row.patterns = list(patterns)
        if repository is not None:
            row.repository_id = repository.id
        row.due_at, row.error = now(), ""
        self._session.flush()
        self._queue.enqueue(JOB, row.id)

    def hurry(self, source_id: int) -> None:
        """A project that is no package was pushed to: look within a minute, at most once in one.

        One that is due within a lease may be under way and stays; so does one whose host asked
        for a pause, or refused.
        """
        later = update(AutoImport).where(
            AutoImport.source_id == source_id,
            AutoImport.due_at > now() + LEASE,
            AutoImport.error == "",
        )
        changed_rows(self._session, later, {"due_at": now() + SOON})

    def stop(self, source: Source) -> None:
        """Leave new projects alone. What became a package stays one."""
        row = self._find(source)
        if row is not None:
            self._session.delete(row)
            self._session.flush()

    def _find(self, source: Source) -> AutoImport | None:
        query = select(AutoImport).where(AutoImport.source_id == source.id)
        return self._session.scalars(query).one_or_none()
