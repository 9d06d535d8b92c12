from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import TABLE, Base, now


class BranchHead(Base):
    """A dist of a branch: its version was made from this commit once, at the latest `at`."""

    __tablename__ = "branch_heads"
    __table_args__ = (UniqueConstraint("package_id", "branch", "dist_id"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    branch: Mapped[str] = mapped_column(String(255))
    dist_id: Mapped[int] = mapped_column(ForeignKey("dists.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
