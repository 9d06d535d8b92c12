from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import TABLE, Base, JSONText, now, word


class Via(StrEnum):
    """Which way a change came in."""

    WEB = "web"
    API = "api"
    CLI = "cli"


class AuditEvent(Base):
    """What somebody did: who, what, when, from where, before and after. Never changed again."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_target", "kind", "target_id"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    via: Mapped[Via] = mapped_column(word(Via))
    # What people call whoever did it, which outlives them.
    actor: Mapped[str] = mapped_column(String(300))
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    address: Mapped[str] = mapped_column(String(64), default="")
    # "{kind}.{what happened}", such as "repository.changed".
    action: Mapped[str] = mapped_column(String(60), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    # Not a foreign key: the entry outlives what it is about.
    target_id: Mapped[int | None]
    target: Mapped[str] = mapped_column(String(600), default="")
    # The fields that differ, by name. Of secrets it is only said that they changed.
    before: Mapped[dict[str, Any]] = mapped_column(JSONText, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSONText, default=dict)
    note: Mapped[str] = mapped_column(Text, default="")
