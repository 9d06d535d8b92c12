from datetime import date

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import TABLE, Base


class UploadDay(Base):
    """How many bytes a token uploaded on one day (UTC)."""

    __tablename__ = "upload_days"
    __table_args__ = (UniqueConstraint("token_id", "day"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(index=True)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)


class UserUploadDay(Base):
    """How many bytes a person uploaded in the web admin on one day (UTC)."""

    __tablename__ = "user_upload_days"
    __table_args__ = (UniqueConstraint("user_id", "day"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(index=True)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
