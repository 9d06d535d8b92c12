from datetime import datetime

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import TABLE, Base, now, word
from packistry.models.link import Purpose


class OwedMail(Base):
    """A mail with a one-time link that somebody was promised, until the mail server has it.

    It holds the address that was asked for, whether or not anybody here has it: who asks must not
    see a difference. The link is made when it is sent.
    """

    __tablename__ = "owed_mails"
    __table_args__ = (UniqueConstraint("email", "purpose"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    purpose: Mapped[Purpose] = mapped_column(word(Purpose))
    # When it is tried next, and the lease of whoever tries. None: it is not tried any more.
    due_at: Mapped[datetime | None] = mapped_column(default=now, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    # Why it could not be sent; "" while nothing is wrong.
    failure: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[datetime] = mapped_column(default=now)
