from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    event,
    select,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship
from sqlalchemy.orm.attributes import get_history

from packistry.models.base import TABLE, Base, JSONText, LongBlob, LongText, new_uid, now, word
from packistry.models.repository import Repository, TagPolicy
from packistry.models.source import Dists, Filtering, Project


class Package(Filtering, Base):
    """A package in a repository, made from a project (and a sub-directory of it) or by upload."""

    __tablename__ = "packages"
    __table_args__ = (
        UniqueConstraint("repository_id", "name"),
        Index("ix_packages_type_id", "type", "id"),
        # Each of what lists are sorted by, with what sorts those that are equal.
        Index("ix_packages_modified_id", "modified", "id"),
        Index("ix_packages_week_downloads_id", "week_downloads", "id"),
        Index("ix_packages_quarter_downloads_id", "quarter_downloads", "id"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True, default=new_uid)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("projects.id", ondelete="SET NULL"), index=True
    )
    # Its project's, which never changes: what is counted by source need not look at projects.
    source_id: Mapped[int | None] = mapped_column(index=True)
    subdirectory: Mapped[str] = mapped_column(default="")
    # Lower-cased. None until the first import has read it from composer.json; then it stays.
    name: Mapped[str | None] = mapped_column(index=True)
    # What the composer.json that speaks for it calls it now, where that is another name.
    composer_name: Mapped[str | None]
    description: Mapped[str] = mapped_column(Text, default="")
    type: Mapped[str] = mapped_column(default="library")
    keywords: Mapped[list[str]] = mapped_column(JSONText, default=list)
    # None: as its source says.
    dists: Mapped[Dists | None] = mapped_column(word(Dists))
    # None: as its source says, and if that says nothing, as its repository.
    tag_policy: Mapped[TagPolicy | None] = mapped_column(word(TagPolicy))
    # How many dists of a branch are kept, 0 for all. None: as its source says.
    keep_dists: Mapped[int | None]
    # It was added with many others, and goes again unless its first import shows a package.
    on_trial: Mapped[bool] = mapped_column(default=False)
    # False, True, or the name of the package to use instead.
    abandoned: Mapped[bool | str] = mapped_column(JSONText, default=False)
    # The same as somebody decided it here, whatever its project says; None: nobody did.
    abandoned_here: Mapped[bool | str | None] = mapped_column(JSONText)
    # Set with every change of a version, cleared when the documents are rendered.
    stale: Mapped[bool] = mapped_column(default=False, index=True)
    # The newest Last-Modified of its documents (services.documents); 0 while it has none.
    modified: Mapped[int] = mapped_column(BigInteger, default=0)
    # Downloads of any version in the last 7 days and 12 weeks (services.popularity).
    week_downloads: Mapped[int] = mapped_column(default=0)
    quarter_downloads: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    repository: Mapped[Repository] = relationship()
    project: Mapped[Project | None] = relationship()
    versions: Mapped[list["Version"]] = relationship(
        back_populates="package", cascade="all, delete-orphan", passive_deletes=True
    )
    _readme: Mapped["Readme | None"] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def readme(self) -> str:
        """The readme as it was written, "" for none."""
        return self._readme.text if self._readme else ""

    @readme.setter
    def readme(self, text: str) -> None:
        self._kept_readme().text = text

    @property
    def readme_html(self) -> str:
        """The readme as HTML that is safe to show (services.readme), made when it was read."""
        return self._readme.html if self._readme else ""

    @readme_html.setter
    def readme_html(self, html: str) -> None:
        self._kept_readme().html = html

    def _kept_readme(self) -> "Readme":
        if self._readme is None:
            self._readme = Readme(text="", html="")
        return self._readme

    @property
    def abandonment(self) -> bool | str:
        """What composer is told: False, True, or the name of the package to use instead."""
        return self.abandoned if self.abandoned_here is None else self.abandoned_here


@event.listens_for(Package, "before_insert")
@event.listens_for(Package, "before_update")
def _note_source(_mapper: Mapper[Any], connection: Connection, package: Package) -> None:
    if get_history(package, "project_id").has_changes():
        query = select(Project.source_id).where(Project.id == package.project_id)
        package.source_id = connection.scalar(query)


class Readme(Base):
    """A package's readme. Apart, so that who looks through all packages need not pass it."""

    __tablename__ = "readmes"

    package_id: Mapped[int] = mapped_column(
        ForeignKey("packages.id", ondelete="CASCADE"), primary_key=True
    )
    text: Mapped[str] = mapped_column(LongText, default="")
    html: Mapped[str] = mapped_column(LongText, default="")


class Requirement(Base):
    """What the version that speaks for a package needs: who depends on what is found by it."""

    __tablename__ = "requirements"
    __table_args__ = (UniqueConstraint("package_id", "dev", "name"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(index=True)
    # Of require-dev, not of require.
    dev: Mapped[bool] = mapped_column(default=False)
    # The versions that will do, as it is written: "^3.0".
    allows: Mapped[str] = mapped_column(Text)


class Dist(Base):
    """The zip of one (package, reference). Its bytes never change and outlive the version."""

    __tablename__ = "dists"
    __table_args__ = (UniqueConstraint("package_id", "reference"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    # The commit, or the sha1 of an uploaded zip.
    reference: Mapped[str] = mapped_column(String(64))
    # "" while a lazy dist has not been asked for.
    storage_key: Mapped[str] = mapped_column(default="")
    sha1: Mapped[str] = mapped_column(String(40), default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    # When a download asked for a dist that is not built yet; None once it is built.
    wanted_at: Mapped[datetime | None] = mapped_column(index=True)
    # A tag was here once: what installs a release is never removed.
    tagged: Mapped[bool] = mapped_column(default=False)
    # Why it can never be built; "" when it can.
    failure: Mapped[str] = mapped_column(Text, default="")
    # What the zip lacks, in sentences: submodules, files that are only pointers.
    notices: Mapped[list[str]] = mapped_column(JSONText, default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)

    package: Mapped[Package] = relationship()

    @property
    def built(self) -> bool:
        return self.storage_key != ""


class VersionKind(StrEnum):
    """What a version was made from."""

    BRANCH = "branch"
    TAG = "tag"
    UPLOAD = "upload"


class Version(Base):
    """A version that `composer` may choose."""

    __tablename__ = "versions"
    __table_args__ = (
        UniqueConstraint("package_id", "normalized"),
        Index("ix_versions_package_ref", "package_id", "kind", "ref"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    # As people write it ("v1.2", "dev-main", "1.x-dev"), and as Composer compares it.
    name: Mapped[str] = mapped_column(String(300))
    normalized: Mapped[str] = mapped_column(String(300))
    stability: Mapped[str] = mapped_column(String(10))
    kind: Mapped[VersionKind] = mapped_column(word(VersionKind))
    ref: Mapped[str] = mapped_column(String(255), default="")
    reference: Mapped[str] = mapped_column(String(64))
    # The commit's date; for an upload, when it came.
    committed_at: Mapped[datetime]
    default_branch: Mapped[bool] = mapped_column(default=False)
    # The cleaned composer.json (composer.manifest), without the fields that depend on the version.
    manifest: Mapped[dict[str, Any]] = mapped_column(JSONText)
    dist_id: Mapped[int | None] = mapped_column(ForeignKey("dists.id"))
    yanked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    package: Mapped[Package] = relationship(back_populates="versions")
    dist: Mapped[Dist | None] = relationship()


class Channel(StrEnum):
    """Which of a package's two p2 files: `{name}.json` or `{name}~dev.json`."""

    STABLE = "stable"
    DEV = "dev"


class Document(Base):
    """A p2 file, rendered and gzipped for `Settings.base_url`."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("package_id", "channel"),
        # Lists are sorted by it, and it stands behind the body.
        Index("ix_documents_package_modified", "package_id", "modified"),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"))
    channel: Mapped[Channel] = mapped_column(word(Channel))
    body: Mapped[bytes] = mapped_column(LongBlob)
    # sha256 of the body before compression: what decides whether it changed.
    digest: Mapped[str] = mapped_column(String(64))
    # Unix seconds for Last-Modified. Only ever rises, also over removal and re-creation.
    modified: Mapped[int] = mapped_column(BigInteger)
