from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import Base, now


class Throttle(Base):
    """Failed sign-ins of an account or from an address, and until when the next has to wait.

    The key is a sha256: who is in the table cannot be read out of it.
    """

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    until: Mapped[datetime] = mapped_column(default=now)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
