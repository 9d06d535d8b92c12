from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.base import Base, now, word
from packistry.models.user import User


class Purpose(StrEnum):
    """Why somebody was given a link: to choose their first password, or another one."""

    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - a word


class OneTimeLink(Base):
    """A link with which a user chooses a password, of which only the sha256 is kept."""

    __tablename__ = "one_time_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[Purpose] = mapped_column(word(Purpose))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    user: Mapped[User] = relationship()
