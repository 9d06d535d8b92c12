from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.base import TABLE, Base, JSONText, now
from packistry.models.repository import Repository
from packistry.models.source import Source


class AutoImport(Base):
    """New projects of a source become packages of a repository by themselves."""

    __tablename__ = "auto_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(
        ForeignKey("sources.id", ondelete="CASCADE"), unique=True
    )
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    # Globs of the paths of projects.
    patterns: Mapped[list[str]] = mapped_column(JSONText)
    # When to look next; while a job is at it, when others may believe that it died.
    due_at: Mapped[datetime] = mapped_column(default=now, index=True)
    # The last look that got to the end, and why the last one did not; "" when it did.
    looked_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)

    source: Mapped[Source] = relationship()
    repository: Mapped[Repository] = relationship()


class PassedProject(Base):
    """A project that does not become a package by itself, and why."""

    __tablename__ = "passed_projects"
    __table_args__ = (UniqueConstraint("source_id", "repository_id", "external_id"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(500))
    path: Mapped[str] = mapped_column(String(500))
    reason: Mapped[str] = mapped_column(Text)
    # A person removed its package: it is not looked at again.
    removed: Mapped[bool] = mapped_column(default=False)
    # plugin.Project.pushed when it was looked at.
    pushed: Mapped[str] = mapped_column(default="")
    looked_at: Mapped[datetime] = mapped_column(default=now)

    repository: Mapped[Repository] = relationship()
