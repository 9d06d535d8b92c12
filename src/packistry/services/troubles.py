"""What is wrong with packages, as far as who asks looks after them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from packistry.models import (
    Package,
    Project,
    Repository,
    Source,
    Webhook,
    WebhookState,
)
from packistry.services.access import Actor, manages

NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is wrong with so many packages of a source, with the reason of one of them.

    `some` are the first of them: (id, name).
    """

    source: Source
    packages: int
    reason: str
    some: Sequence[tuple[int, str]]


class Troubles:
    """Looks at the packages in all repositories that one actor maintains."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def unreachable(self) -> list[Trouble]:
        """The sources with projects that cannot be read."""
        return self._by_source(Project.unreachable, Project.away == true())

    def broken_webhooks(self) -> list[Trouble]:
        """The sources whose hosts refuse webhooks."""
        return self._by_source(Webhook.reason, Webhook.state == WebhookState.BROKEN)

    def nameless(self) -> list[Trouble]:
        """The sources with projects that were read, and in which no package has a name."""
        read = Project.synced_at.is_not(None), Project.away.is_(False)
        unnamed = Package.name.is_(None), Package.on_trial.is_(False)
        return self._by_source(Project.path, *read, *unnamed)

    def _by_source(self, reason: Any, *wrong: ColumnElement[bool]) -> list[Trouble]:
        query = (
            self._packages(Source, func.count(), func.max(reason))
            .where(*wrong)
            .group_by(Source.id)
            .order_by(func.count().desc(), Source.name)
        )
        some = self._some(wrong)
        return [
            Trouble(source=source, packages=int(count), reason=why, some=some[source.id])
            for source, count, why in self._session.execute(query)
        ]

    def _some(
        self, wrong: Sequence[ColumnElement[bool]]
    ) -> Mapping[int, Sequence[tuple[int, str]]]:
        """The first packages of each source, by its id."""
        called = func.coalesce(Package.name, Project.path)
        place = func.row_number().over(partition_by=Source.id, order_by=(called, Package.id))
        columns = Source.id, Package.id.label("package"), called.label("called")
        placed = self._packages(*columns, place.label("place")).where(*wrong).subquery()
        first = select(placed).where(placed.c.place <= NAMED).order_by(placed.c.place)
        found: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for row in self._session.execute(first):
            found[row.id].append((row.package, row.called))
        return found

    def _packages(self, *columns: Any) -> Select[Any]:
        query: Select[Any] = (
            select(*columns)
            .select_from(Package)
            .join(Repository, Repository.id == Package.repository_id)
            .join(Project, Project.id == Package.project_id)
            .join(Source, Source.id == Project.source_id)
            .outerjoin(Webhook, Webhook.project_id == Project.id)
            .where(manages(self._actor))
        )
        return query
