"""What is wrong with packages, as far as who asks looks after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
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
        return self._by_source(Project.unreachable, Project.unreachable != "")

    def broken_webhooks(self) -> list[Trouble]:
        """The sources whose hosts refuse webhooks."""
        return self._by_source(Webhook.reason, Webhook.state == WebhookState.BROKEN)

    def nameless(self) -> list[Trouble]:
        """The sources with projects that were read, and in which no package has a name."""
        read = Project.synced_at.is_not(None), Project.unreachable == ""
        unnamed = Package.name.is_(None), Package.on_trial.is_(False)
        return self._by_source(Project.path, *read, *unnamed)

    def _by_source(self, reason: Any, *wrong: ColumnElement[bool]) -> list[Trouble]:
        query = (
            self._packages(Source, func.count(), func.max(reason))
            .where(*wrong)
            .group_by(Source.id)
            .order_by(func.count().desc(), Source.name)
        )
        return [
            Trouble(source=source, packages=int(count), reason=why, some=self._some(source, wrong))
            for source, count, why in self._session.execute(query)
        ]

    def _some(
        self, source: Source, wrong: Sequence[ColumnElement[bool]]
    ) -> Sequence[tuple[int, str]]:
        called = func.coalesce(Package.name, Project.path)
        query = (
            self._packages(Package.id, called)
            .where(Source.id == source.id, *wrong)
            .order_by(called, Package.id)
            .limit(NAMED)
        )
        return [(number, name) for number, name in self._session.execute(query)]

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
