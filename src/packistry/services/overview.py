"""What a server did lately and what it owes its people, as far as who asks may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, func, or_, select, true
from sqlalchemy.orm import Session

from packistry.models import (
    Download,
    DownloadDay,
    Outcome,
    Package,
    Repository,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
    Token,
    User,
)
from packistry.models.base import now
from packistry.services.access import (
    Actor,
    enterable,
    manages,
    readable,
    singly_readable,
    token_predicate,
    wholly_readable,
)
from packistry.services.tokens import in_force

# Of syncs that changed nothing there may be thousands between two that did.
LOOKED_AT = 2000
BUSIEST = 500
SHOWN_VERSIONS = 3
CAME = (Outcome.IMPORTED, Outcome.UPDATED, Outcome.REMOVED)
REFUSED = (Outcome.SKIPPED, Outcome.FAILED)


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How much there is; None for what they may not see."""

    packages: int
    repositories: int
    tokens: int
    sources: int | None
    members: int | None


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A package and how often it was downloaded lately."""

    id: int
    name: str
    downloads: int


@dataclass(frozen=True, kw_only=True)
class Recent:
    """A sync of a project: what came of it and why it ran. `packages` are (id, name).

    `mine`: who looks maintains one of them, and may know why it failed.
    """

    id: int
    project: str
    packages: Sequence[tuple[int, str | None]]
    mine: bool
    state: SyncState
    reason: SyncReason
    done: int
    total: int
    error: str
    came: Sequence[str]
    more: int
    refused: int
    held: int
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Overview:
    """Looks at the whole for one actor."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def numbers(self) -> Numbers:
        counted = {
            "packages": select(func.count()).select_from(Package)
            if self._actor.admin
            else _packages(func.count()).where(self._mine()),
            "repositories": select(func.count())
            .select_from(Repository)
            .where(enterable(self._actor)),
            "tokens": select(func.count())
            .select_from(Token)
            .where(in_force(now()), token_predicate(self._actor)),
            "sources": select(func.count()).select_from(Source),
            "members": select(func.count()).select_from(User).where(User.active.is_(True)),
        }
        row = self._session.execute(
            select(*(query.scalar_subquery().label(name) for name, query in counted.items()))
        ).one()
        admin = self._actor.admin
        return Numbers(
            packages=row.packages,
            repositories=row.repositories,
            tokens=row.tokens,
            sources=row.sources if admin else None,
            members=row.members if admin else None,
        )

    def downloads(self, first: date) -> dict[date, int]:
        """How many each day, from that day on."""
        whole = select(DownloadDay.day, func.sum(DownloadDay.downloads)).where(
            DownloadDay.day >= first
        )
        if self._actor.admin:
            return self._by_day(whole.group_by(DownloadDay.day))
        homes = wholly_readable(self._actor)
        found = self._by_day(
            whole.where(DownloadDay.repository_id.in_(homes)).group_by(DownloadDay.day)
        )
        parts = (
            select(Download.day, func.sum(Download.downloads))
            .join(Package, Package.id == Download.package_id)
            .where(
                Download.package_id.in_(singly_readable(self._actor)),
                Package.repository_id.not_in(homes),
                Download.day >= first,
            )
            .group_by(Download.day)
        )
        for day, number in self._by_day(parts).items():
            found[day] = found.get(day, 0) + number
        return found

    def ever_downloaded(self) -> bool:
        """Whether anything was ever installed from here."""
        return bool(self._session.scalar(select(exists().where(Download.downloads > 0))))

    def busiest(self, limit: int) -> list[Installed]:
        """Those downloaded most in the last 7 days, as far as they are among the `BUSIEST`."""
        order = Package.week_downloads.desc(), Package.id.desc()
        top = select(Package.id).where(Package.week_downloads > 0, Package.name.is_not(None))
        top = top.order_by(*order).limit(limit if self._actor.admin else BUSIEST)
        query = (
            select(Package.id, Package.name, Package.week_downloads)
            .join(inner := top.subquery(), inner.c.id == Package.id)
            .where(self._mine())
            .order_by(*order)
            .limit(limit)
        )
        return [
            Installed(id=row.id, name=row.name or "", downloads=row.week_downloads)
            for row in self._session.execute(query)
        ]

    def recent(self, limit: int, project_id: int | None = None) -> list[Recent]:
        """The syncs that changed something, are under way or failed, the newest first.

        Of all projects, or of one.
        """
        told = or_(Sync.state != SyncState.DONE, exists().where(SyncItem.sync_id == Sync.id))
        query = select(Sync).where(told).order_by(Sync.id.desc()).limit(limit)
        if project_id is None:
            newest = self._session.scalar(select(func.max(Sync.id))) or 0
            query = query.where(Sync.id > newest - LOOKED_AT)
        else:
            query = query.where(Sync.project_id == project_id)
        if not self._actor.admin:
            seen = _packages(Package.project_id).where(self._mine())
            query = query.where(Sync.project_id.in_(seen))
        return [self._recent(sync) for sync in self._session.scalars(query)]

    def expiring(self, until: datetime, used_since: datetime, present: datetime) -> list[Token]:
        """Tokens still in use that end before `until`, the first to end first."""
        query = (
            select(Token)
            .where(
                Token.revoked_at.is_(None),
                Token.expires_at > present,
                Token.expires_at <= until,
                Token.last_used_at >= used_since,
                token_predicate(self._actor),
            )
            .order_by(Token.expires_at, Token.id)
        )
        return list(self._session.scalars(query))

    def _by_day(self, query: Select[date, int]) -> dict[date, int]:
        return {day: int(number) for day, number in self._session.execute(query)}

    def _mine(self) -> ColumnElement[bool]:
        if self._actor.admin:
            return true()
        return readable(self._actor) if not self._actor.anonymous else false()

    def _recent(self, sync: Sync) -> Recent:
        items = self._session.execute(
            select(SyncItem.outcome, SyncItem.version, SyncItem.ref)
            .where(SyncItem.sync_id == sync.id)
            .order_by(SyncItem.id)
        ).all()
        came = [version or ref for outcome, version, ref in items if outcome in CAME]
        packages = self._session.execute(
            _packages(Package.id, Package.name, manages(self._actor).label("mine"))
            .where(Package.project_id == sync.project_id, self._mine())
            .order_by(Package.name)
        ).all()
        return Recent(
            id=sync.id,
            project=sync.project.path,
            packages=[(row.id, row.name) for row in packages],
            mine=any(row.mine for row in packages),
            state=sync.state,
            reason=sync.reason,
            done=sync.done,
            total=sync.total,
            error=sync.error,
            came=came[:SHOWN_VERSIONS],
            more=max(0, len(came) - SHOWN_VERSIONS),
            refused=sum(outcome in REFUSED for outcome, _, _ in items),
            held=sum(outcome is Outcome.HELD for outcome, _, _ in items),
            requested_at=sync.requested_at,
            started_at=sync.started_at,
            finished_at=sync.finished_at,
        )


def _packages(*columns: Any) -> Select[Any]:
    query: Select[Any] = (
        select(*columns)
        .select_from(Package)
        .join(Repository, Repository.id == Package.repository_id)
    )
    return query
