from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from packistry.models.base import TABLE, Base


class Download(Base):
    """How often a version was downloaded and installed on one day."""

    __tablename__ = "downloads"
    __table_args__ = (
        UniqueConstraint("package_id", "version", "day"),
        # All that lists and charts ask for, of a package and of a day, without a look at the rows.
        Index("ix_downloads_package_day", "package_id", "day", "downloads"),
        Index("ix_downloads_day_package", "day", "package_id", "downloads"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    # Normalised. Not a foreign key: the count outlives the version.
    version: Mapped[str] = mapped_column(String(300))
    day: Mapped[date]
    # dists handed out, and installs that `composer` reported to notify-batch.
    downloads: Mapped[int] = mapped_column(default=0)
    installs: Mapped[int] = mapped_column(default=0)


class DownloadDay(Base):
    """How often the packages that are in a repository now were downloaded on one day."""

    __tablename__ = "download_days"
    __table_args__ = (UniqueConstraint("day", "repository_id"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date]
    repository_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id", ondelete="CASCADE"), index=True
    )
    downloads: Mapped[int] = mapped_column(BigInteger, default=0)
