from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.base import TABLE, Base, JSONText, new_uid, now, word
from packistry.models.source import Project, Source
from packistry.models.sync import Sync


class WebhookState(StrEnum):
    """`none` until the host has it, `broken` when the host refuses or lost it."""

    NONE = "none"
    ACTIVE = "active"
    BROKEN = "broken"


class Webhook(Base):
    """Has the host of one project tell us of changes. Outlives the project until it is removed."""

    __tablename__ = "webhooks"
    __table_args__ = (Index("ix_webhooks_state", "state", "source_id", "project_id"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True, default=new_uid)
    # None once the project is gone: then the host is to forget it, and this row after that.
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("projects.id", ondelete="SET NULL"), unique=True
    )
    source_id: Mapped[int | None] = mapped_column(
        ForeignKey("sources.id", ondelete="SET NULL"), index=True
    )
    # What nobody guesses: the last part of its address, which names the secret to verify with.
    key: Mapped[str] = mapped_column(String(64), unique=True)
    # Sealed (services.webhook_secrets): the secret, and the one before it while both are good.
    secret: Mapped[str] = mapped_column(Text, default="")
    # What the host calls it, and the address it was made for; "" while there is none.
    host_id: Mapped[str] = mapped_column(String(500), default="")
    url: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[WebhookState] = mapped_column(word(WebhookState), default=WebhookState.NONE)
    # Why it is not active; "" when it is.
    reason: Mapped[str] = mapped_column(Text, default="")
    # When to see to it next; None: when somebody asks.
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    # It is to be made anew, whatever the host says.
    renew: Mapped[bool] = mapped_column(default=False)
    checked_at: Mapped[datetime | None]
    # Sealed: what is needed to remove it when project and source are gone; "" before that.
    farewell: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)

    project: Mapped[Project | None] = relationship()
    source: Mapped[Source | None] = relationship()


class DeliveryVerdict(StrEnum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    # A ping, or an event that does not matter here.
    IGNORED = "ignored"
    # Not signed with the secret that its address names.
    REFUSED = "refused"
    # Signed, and cannot be read.
    UNREADABLE = "unreadable"
    # Signed, and about a project that no package is made from.
    UNKNOWN = "unknown"
    # Our side could not take it: the plugin failed, or the source cannot be used.
    FAILED = "failed"


class Delivery(Base):
    """What a host, or someone who pretends to be one, sent to an address of a webhook."""

    __tablename__ = "deliveries"
    __table_args__ = (
        # Of two that arrive at once, the second one fails here.
        UniqueConstraint("source_id", "door", "delivery"),
        Index("ix_deliveries_project", "project_id", "id"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"))
    # The webhook whose address it came to; 0 for the address of the whole source. One project's
    # host must not use up the ids of another's.
    door: Mapped[int] = mapped_column(default=0)
    # The host's id of it, hashed; None: it has none, or it was not verified.
    delivery: Mapped[str | None] = mapped_column(String(64))
    # What the host calls the event, and the id, as they can be shown.
    event: Mapped[str] = mapped_column(String(100), default="")
    label: Mapped[str] = mapped_column(String(100), default="")
    # What it means, in words: "branch main pushed".
    changes: Mapped[list[str]] = mapped_column(JSONText, default=list)
    verdict: Mapped[DeliveryVerdict] = mapped_column(word(DeliveryVerdict))
    reason: Mapped[str] = mapped_column(Text, default="")
    # The sync that was owed because of it.
    sync_id: Mapped[int | None] = mapped_column(ForeignKey("syncs.id", ondelete="SET NULL"))
    received_at: Mapped[datetime] = mapped_column(default=now, index=True)

    source: Mapped[Source] = relationship()
    project: Mapped[Project | None] = relationship()
    sync: Mapped[Sync | None] = relationship()
