from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from packistry.models.base import TABLE, Base, JSONText, new_uid, now, word
from packistry.models.repository import TagPolicy


class Dists(StrEnum):
    """When dists are built: all at import, or each at its first download."""

    EAGER = "eager"
    LAZY = "lazy"


class Filtering:
    """Globs of the branches and tags that become versions (composer.filters).

    None: as the source says; in a source the defaults.
    """

    branches: Mapped[list[str] | None] = mapped_column(JSONText)
    exclude_branches: Mapped[list[str] | None] = mapped_column(JSONText)
    tags: Mapped[list[str] | None] = mapped_column(JSONText)
    exclude_tags: Mapped[list[str] | None] = mapped_column(JSONText)


class Source(Filtering, Base):
    """A place projects come from: a provider (plugin) with its configuration."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True, default=new_uid)
    name: Mapped[str] = mapped_column(unique=True)
    provider: Mapped[str] = mapped_column(String(100))
    # The package its provider came from when somebody last entered its configuration, or said that
    # another one is meant (services.origins); "" for a source older than this column.
    distribution: Mapped[str] = mapped_column(default="")
    config: Mapped[dict[str, Any]] = mapped_column(JSONText, default=dict)
    # The secret fields of the configuration as one ciphertext (services.secrets); "" for none.
    secrets: Mapped[str] = mapped_column(Text, default="")
    # Sealed, too: what webhooks were signed with that were made for all of it before; "" for none.
    webhook_secret: Mapped[str] = mapped_column(Text, default="")
    dists: Mapped[Dists] = mapped_column(word(Dists), default=Dists.EAGER)
    # How many dists of a branch are kept, 0 for all.
    keep_dists: Mapped[int] = mapped_column(default=0)
    # None: as each package's repository says.
    tag_policy: Mapped[TagPolicy | None] = mapped_column(word(TagPolicy))
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    projects: Mapped[list["Project"]] = relationship(
        back_populates="source", cascade="all, delete-orphan", passive_deletes=True
    )


class Project(Base):
    """One repository at a host: one mirror and one sync for all packages made from it."""

    __tablename__ = "projects"
    __table_args__ = (
        UniqueConstraint("source_id", "external_id"),
        Index("ix_projects_away_source_id", "away", "source_id"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True, default=new_uid)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    # The host's stable id; a renamed project keeps it. For `git`: the URL without credentials.
    external_id: Mapped[str] = mapped_column(String(500))
    path: Mapped[str] = mapped_column(String(500))
    web_url: Mapped[str] = mapped_column(Text, default="")
    clone_url: Mapped[str] = mapped_column(Text, default="")
    default_branch: Mapped[str | None]
    archived: Mapped[bool] = mapped_column(default=False)
    # Why the last look at it failed; "" while it can be reached.
    unreachable: Mapped[str] = mapped_column(Text, default="")
    # Whether there is such a reason: what is found by it, since no index holds a long text.
    away: Mapped[bool] = mapped_column(default=False)
    # Since when the host has said that it is not there or not ours, and in how many looks.
    missing_since: Mapped[datetime | None]
    missed_looks: Mapped[int] = mapped_column(default=0)
    # When that was often and long enough to believe it.
    lost_at: Mapped[datetime | None]
    # The host told us that it was deleted.
    told_gone: Mapped[bool] = mapped_column(default=False)
    synced_at: Mapped[datetime | None]
    next_look_at: Mapped[datetime] = mapped_column(default=now, index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)

    source: Mapped[Source] = relationship(back_populates="projects")

    @validates("unreachable")
    def _note_away(self, _name: str, reason: str) -> str:
        self.away = reason != ""
        return reason
