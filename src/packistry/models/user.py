from datetime import datetime
from enum import StrEnum

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
    # Lower-cased.
    email: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(word(Role), default=Role.USER)
    # argon2id, or a migrated bcrypt hash; "" when there is no local password.
    password_hash: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
