from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.audit import Via
from packistry.models.base import TABLE, Base, JSONText, now, word
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


class BulkImport(Base):
    """All projects of a source that fit become packages of a repository, once."""

    __tablename__ = "bulk_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    # Who asked for it, and which way.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    via: Mapped[Via] = mapped_column(word(Via))
    patterns: Mapped[list[str]] = mapped_column(JSONText)
    archived: Mapped[bool] = mapped_column(default=False)
    # The fields of inputs.NewPackage.
    how: Mapped[dict[str, Any]] = mapped_column(JSONText, default=dict)
    # When to go on; while a job is at it, when others may believe that it died. None: it is over.
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    # How many projects the source has listed so far, and those left out, by the reason.
    found: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[dict[str, int]] = mapped_column(JSONText, default=dict)
    # Why it did not get to the end; "" when it did.
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)

    source: Mapped[Source] = relationship()
    repository: Mapped[Repository] = relationship()


class BulkImportProject(Base):
    """A project that a bulk import made a package of. None: it turned out to be none."""

    __tablename__ = "bulk_import_projects"
    __table_args__ = (UniqueConstraint("bulk_import_id", "external_id"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    bulk_import_id: Mapped[int] = mapped_column(ForeignKey("bulk_imports.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(500))
    path: Mapped[str] = mapped_column(String(500))
    package_id: Mapped[int | None] = mapped_column(
        ForeignKey("packages.id", ondelete="SET NULL"), index=True
    )
