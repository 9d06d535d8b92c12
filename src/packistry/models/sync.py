from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.base import TABLE, Base, now, word
from packistry.models.package import Package
from packistry.models.source import Project


class SyncReason(StrEnum):
    """Why a project is looked at."""

    ADDED = "added"
    MANUAL = "manual"
    RECONCILE = "reconcile"
    WEBHOOK = "webhook"


class SyncState(StrEnum):
    """`queued` is owed, `running` is leased to a process, the others are history."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Sync(Base):
    """The ledger: a look at a project that is owed, under way or done."""

    __tablename__ = "syncs"
    __table_args__ = (Index("ix_syncs_project_state", "project_id", "state"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    reason: Mapped[SyncReason] = mapped_column(word(SyncReason))
    state: Mapped[SyncState] = mapped_column(word(SyncState), default=SyncState.QUEUED, index=True)
    # Not to be started before: a host asked us to wait, or a failure is being backed off.
    not_before: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    # The lease: process.identity() of the worker, and its latest sign of life.
    owner: Mapped[str] = mapped_column(default="")
    heartbeat_at: Mapped[datetime | None]
    # How far it is: refs done of refs to do.
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    # Why the whole sync failed, in words; "" when it did not.
    error: Mapped[str] = mapped_column(Text, default="")
    requested_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    project: Mapped[Project] = relationship()
    items: Mapped[list["SyncItem"]] = relationship(
        back_populates="sync", cascade="all, delete-orphan", passive_deletes=True
    )


class Outcome(StrEnum):
    """What became of one ref."""

    IMPORTED = "imported"
    UPDATED = "updated"
    REMOVED = "removed"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"


class SyncItem(Base):
    """What a sync did with one ref of one package, and why. Unchanged refs have no row."""

    __tablename__ = "sync_items"
    __table_args__ = (Index("ix_sync_items_package", "package_id", "id"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    sync_id: Mapped[int] = mapped_column(ForeignKey("syncs.id", ondelete="CASCADE"), index=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    # The ref as it can be shown; what is not printable is escaped.
    ref: Mapped[str] = mapped_column(String(300))
    reference: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[Outcome] = mapped_column(word(Outcome))
    version: Mapped[str] = mapped_column(String(300), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=now)

    sync: Mapped[Sync] = relationship(back_populates="items")
    package: Mapped[Package] = relationship()


class RefVerdict(Base):
    """A ref that cannot be a version, remembered by commit so that it is not read again."""

    __tablename__ = "ref_verdicts"
    __table_args__ = (
        Index("ix_ref_verdicts_package", "package_id", "kind", "ref", unique=True),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    ref: Mapped[str] = mapped_column(String(300))
    reference: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(Text)
