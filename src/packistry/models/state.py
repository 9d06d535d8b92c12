from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import Base, now


class Counter(Base):
    """A number the whole installation shares.

    `generation` rises with every commit that can change what a client may read.
    `floor` is the highest Last-Modified that a removed document ever had.
    `downloads` is the day, by its ordinal, up to which downloads are added up (popularity).
    """

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, default=0)


class Setting(Base):
    """A fact the installation remembers about itself, such as the base URL it rendered for."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[str] = mapped_column(Text, default="")


class Lease(Base):
    """A duty that one process at a time has, such as the scheduler's."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    owner: Mapped[str] = mapped_column(default="")
    until: Mapped[datetime] = mapped_column(default=now)


class Intent(Base):
    """A file about to be put into storage. What a killed process left behind is found by it."""

    __tablename__ = "intents"

    storage_key: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
