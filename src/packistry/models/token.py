from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.base import TABLE, Base, now, word
from packistry.models.package import Package
from packistry.models.repository import Repository
from packistry.models.user import User


class TokenKind(StrEnum):
    """Whose token, by the prefix it is written with."""

    PERSONAL = "pkpat"
    DEPLOY = "pkdt"


class Token(Base):
    """A credential for `composer`, for the JSON API, or for both. Only its sha256 is kept."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[TokenKind] = mapped_column(word(TokenKind))
    name: Mapped[str]
    # Hex sha256 of what follows the first "-".
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    # The owner of a personal token.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    can_read: Mapped[bool] = mapped_column(default=True)
    can_write: Mapped[bool] = mapped_column(default=False)
    # Opens the JSON API with the rights of its owner, a user.
    can_call_api: Mapped[bool] = mapped_column(default=False, server_default=false())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    user: Mapped[User | None] = relationship()
    grants: Mapped[list["Grant"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class Grant(Base):
    """A right of a user or a deploy token on one repository or one package."""

    __tablename__ = "grants"
    __table_args__ = (
        Index("ix_grants_user", "user_id"),
        Index("ix_grants_token", "token_id"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_id: Mapped[int | None] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    repository_id: Mapped[int | None] = mapped_column(
        ForeignKey("repositories.id", ondelete="CASCADE")
    )
    package_id: Mapped[int | None] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    can_read: Mapped[bool] = mapped_column(default=True)
    can_write: Mapped[bool] = mapped_column(default=False)
    # Its owner, a user, maintains the repository: its packages and its tokens.
    can_manage: Mapped[bool] = mapped_column(default=False, server_default=false())
    # The authentication source whose claims gave it, and take it; None: it was given by hand.
    given_by: Mapped[int | None] = mapped_column(
        ForeignKey("authentication_sources.id", ondelete="CASCADE")
    )

    repository: Mapped[Repository | None] = relationship()
    package: Mapped[Package | None] = relationship()
