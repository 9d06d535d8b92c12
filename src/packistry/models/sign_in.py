from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.base import TABLE, Base, JSONText, new_uid, now, word
from packistry.models.package import Package
from packistry.models.repository import Repository
from packistry.models.user import Role, User


class AuthenticationSource(Base):
    """A place people sign in at: a backend (plugin) with its configuration, and our policy."""

    __tablename__ = "authentication_sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True, default=new_uid)
    name: Mapped[str] = mapped_column(unique=True)
    # An SVG; "" for the backend's own.
    icon: Mapped[str] = mapped_column(Text, default="")
    provider: Mapped[str] = mapped_column(String(100))
    config: Mapped[dict[str, Any]] = mapped_column(JSONText, default=dict)
    # The secret fields of the configuration as one ciphertext (services.secrets); "" for none.
    secrets: Mapped[str] = mapped_column(Text, default="")
    active: Mapped[bool] = mapped_column(default=True)
    # Whether strangers become users, and as what.
    registration: Mapped[bool] = mapped_column(default=False)
    default_role: Mapped[Role] = mapped_column(word(Role), default=Role.USER)
    # Case-folded; empty for all.
    allowed_domains: Mapped[list[str]] = mapped_column(JSONText, default=list)
    # Whether its proof of an e-mail address opens an account that has this address.
    trusted: Mapped[bool] = mapped_column(default=False)
    # Whether signing out here signs out there.
    single_sign_out: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    rules: Mapped[list["ClaimRule"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="ClaimRule.id"
    )


class ClaimRule(Base):
    """What a source gives: a role, or a right on one repository or package.

    To whoever has `value` in `claim`, as long as they have; without a claim to whoever
    registers, once.
    """

    __tablename__ = "claim_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(
        ForeignKey("authentication_sources.id", ondelete="CASCADE"), index=True
    )
    claim: Mapped[str] = mapped_column(default="")
    value: Mapped[str] = mapped_column(default="")
    role: Mapped[Role | None] = mapped_column(word(Role))
    repository_id: Mapped[int | None] = mapped_column(
        ForeignKey("repositories.id", ondelete="CASCADE")
    )
    package_id: Mapped[int | None] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    can_read: Mapped[bool] = mapped_column(default=False)
    can_write: Mapped[bool] = mapped_column(default=False)
    can_manage: Mapped[bool] = mapped_column(default=False)

    repository: Mapped[Repository | None] = relationship()
    package: Mapped[Package | None] = relationship()


class IdentityLink(Base):
    """Who a user is at a source. Found by the source's own subject, never by e-mail."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("source_id", "subject"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(
        ForeignKey("authentication_sources.id", ondelete="CASCADE")
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    subject: Mapped[str]
    # As the source told it last, whoever the account is known as here.
    email: Mapped[str] = mapped_column(default="")
    # How the address is known to be theirs; "" when it is not.
    evidence: Mapped[str] = mapped_column(default="")
    # The role that a rule of the source gave, which goes when the claim goes.
    role: Mapped[Role | None] = mapped_column(word(Role))
    # The user was shut out with the source, having no other way in.
    suspended: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None]

    source: Mapped[AuthenticationSource] = relationship()
    user: Mapped[User] = relationship()
