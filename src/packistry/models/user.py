from datetime import datetime
from enum import StrEnum

from sqlalchemy import true
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import Base, now, word


class Role(StrEnum):
    """What a user may do beside their grants: an admin everything, a user nothing."""

    ADMIN = "admin"
    USER = "user"


class User(Base):
    """A person."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    # Lower-cased. None: they sign in at a source that proves no address.
    email: Mapped[str | None] = mapped_column(unique=True)
    # Whether the address was seen to be theirs, or written by an administrator.
    email_proven: Mapped[bool] = mapped_column(default=True, server_default=true())
    role: Mapped[Role] = mapped_column(word(Role), default=Role.USER)
    # argon2id, or a migrated bcrypt hash; "" when there is no local password.
    password_hash: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    @property
    def label(self) -> str:
        """What people call them where there is room for one word: their address, else the name."""
        return self.email or self.name
