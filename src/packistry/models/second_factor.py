from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.base import Base, JSONText, now
from packistry.models.user import User


class SecondFactor(Base):
    """What a user has to have beside their password: an app that shows codes (RFC 6238)."""

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    # The app's key as a ciphertext (services.secrets).
    secret: Mapped[str] = mapped_column(Text)
    # None: they have not shown yet that the app has it.
    confirmed_at: Mapped[datetime | None]
    # Codes of this and earlier steps of thirty seconds are used up.
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    # The sha256 of each recovery code that is left.
    recovery: Mapped[list[str]] = mapped_column(JSONText, default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship()
