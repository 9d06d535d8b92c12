from datetime import datetime
from enum import StrEnum

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import Base, JSONText, now, word


class TagPolicy(StrEnum):
    """What happens when a stable tag points elsewhere than it did at import."""

    PROTECT = "protect"
    FOLLOW = "follow"


class Repository(Base):
    """A Composer repository: the root one (path "") or one below `/r/{path}`."""

    __tablename__ = "repositories"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    # "" rather than NULL, so that the database itself allows one root only.
    path: Mapped[str] = mapped_column(String(100), unique=True, default="")
    description: Mapped[str] = mapped_column(Text, default="")
    public: Mapped[bool] = mapped_column(default=False)
    reserved_vendors: Mapped[list[str]] = mapped_column(JSONText, default=list)
    tag_policy: Mapped[TagPolicy] = mapped_column(word(TagPolicy), default=TagPolicy.PROTECT)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    @property
    def prefix(self) -> str:
        """Where its URLs begin: "" or "/r/{path}"."""
        return f"/r/{self.path}" if self.path else ""
