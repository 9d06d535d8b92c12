from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from packistry.models.base import TABLE, Base
from packistry.models.repository import Repository


class TagPin(Base):
    """The commit a stable version had: what its tag is held to where tags are protected.

    There is one for each version whose tag moved or went away. It is found by name, because it
    outlives the version and the package.
    """

    __tablename__ = "tag_pins"
    __table_args__ = (UniqueConstraint("repository_id", "package", "identity"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    package: Mapped[str]
    # composer.versions.identity: one for all spellings of a version.
    identity: Mapped[str] = mapped_column(String(300))
    # The version as people see it.
    version: Mapped[str] = mapped_column(String(300))
    reference: Mapped[str] = mapped_column(String(64))
    # The tag that points elsewhere now, and the commit that waits for a decision; "" for none.
    ref: Mapped[str] = mapped_column(default="")
    held_reference: Mapped[str] = mapped_column(String(64), default="")
    held_at: Mapped[datetime | None]
    # What an administrator decided about other commits; "" for nothing.
    accepted_reference: Mapped[str] = mapped_column(String(64), default="")
    refused_reference: Mapped[str] = mapped_column(String(64), default="")

    repository: Mapped[Repository] = relationship()
