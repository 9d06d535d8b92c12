"""Uploaded zips become versions. Nothing exists before the zip, its manifest and the right do."""

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from packistry.composer import archive
from packistry.composer.archive import UnsafeArchive
from packistry.composer.json_text import BadManifest
from packistry.composer.manifest import Manifest, check, parse
from packistry.composer.names import InvalidName, check_package_name
from packistry.composer.semver import parse_stability, sort_key
from packistry.composer.versions import SkippedRef, VersionName, identity, version_of_upload
from packistry.errors import Conflict, Forbidden, Invalid
from packistry.models import Package, Repository, Version, VersionKind
from packistry.models.base import new_uid, now
from packistry.plugin.events import PackageAdded, VersionPublished
from packistry.services import Services, readme, requirements
from packistry.services.access import (
    Action,
    Actor,
    Subject,
    package_predicate,
    repository_predicate,
)
from packistry.services.audit import Audit, Author
from packistry.services.dists import Dists, StoredFile, record
from packistry.services.events import Events
from packistry.services.provenance import UPLOADED
from packistry.services.transactions import Transactions

NO_NAME = 'composer.json has no name: write "name": "vendor/name" into it, and zip it again.'
NO_VERSION = "Neither the form nor composer.json has a version: enter one, such as 1.2.0."


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A zip that can be a version of the package it was sent to."""

    name: str
    version: VersionName
    manifest: Manifest
    readme: str
    # The sha1 of the zip.
    reference: str


@dataclass(frozen=True, kw_only=True)
class Published:
    """The version that an upload is now. `created` is False when the same zip was it before."""

    id: int
    package_id: int
    name: str
    shasum: str
    created_at: datetime
    updated_at: datetime
    created: bool


class Uploads:
    """Takes zips, in several short transactions with storage between them."""

    def __init__(self, transactions: Transactions, author: Author) -> None:
        """`author` uploads, which is written down."""
        self._transactions = transactions
        self._author = author

    def allow(self, repository: str, name: str) -> None:
        """Raises Forbidden unless they may write this package of the repository (its path).

        Whether there is such a repository or package makes no difference to those who may not.
        """
        self._transactions.attempt(
            lambda services: _allowed(services.session, self._author.actor, repository, name)
        )

    def publish(
        self, repository: str, name: str, stream: BinaryIO, *, version: str = ""
    ) -> Published:
        """Make a seekable zip a version: `version`, or what its composer.json says.

        Raises Invalid, with the input at fault; Conflict when the version exists and is other
        bytes or not an upload; Forbidden.
        """
        actor = self._author.actor
        upload = self._examine(name, stream, version)
        uid = self._transactions.attempt(
            lambda services: _uid(services.session, actor, repository, upload)
        )
        stored = Dists(self._transactions).store(uid, upload.reference, stream)

        def work(services: Services) -> Published:
            published = _publish(services, actor, repository, upload, stored, uid)
            if published.created:
                package = services.packages.at(published.package_id)
                audit = Audit(services.session, self._author)
                audit.note(UPLOADED, package, note=published.name)
            return published

        try:
            return self._transactions.attempt(work)
        except IntegrityError:
            # Someone else made the package or the version between our look and our commit.
            return self._transactions.attempt(work)

    def named(self, stream: BinaryIO) -> str:
        """The name in the composer.json of a seekable zip. Raises Invalid."""
        try:
            name = check(parse(self._inspect(stream).manifest)).name
        except BadManifest as error:
            raise Invalid(f"composer.json cannot be used: {error.reason}.", field="file") from None
        if not name:
            raise Invalid(NO_NAME, field="file")
        return name

    def _examine(self, name: str, stream: BinaryIO, version: str) -> Upload:
        try:
            check_package_name(name)
        except InvalidName as error:
            raise Invalid(f"This name cannot be: {error.reason}.", field="name") from None
        inspection = self._inspect(stream)
        stream.seek(0)
        reference = archive.digests(stream).sha1
        return _read(name, inspection, version, reference)

    def _inspect(self, stream: BinaryIO) -> archive.Inspection:
        settings = self._transactions.context.settings
        limits = archive.ArchiveLimits(
            max_members=settings.max_archive_files,
            max_unpacked_bytes=settings.max_unpacked_bytes,
        )
        stream.seek(0)
        try:
            return archive.inspect(stream, limits)
        except UnsafeArchive as error:
            raise Invalid(f"This zip cannot be served: {error}.", field="file") from None


def _read(name: str, inspection: archive.Inspection, version: str, reference: str) -> Upload:
    try:
        raw = parse(inspection.manifest)
        said = raw.get("version")
        chosen = version.strip() or (said.strip() if isinstance(said, str) else "")
        if not chosen:
            raise Invalid(NO_VERSION, field="version")
        decided = version_of_upload(chosen)
        manifest = check(raw, dev=decided.dev)
    except BadManifest as error:
        raise Invalid(f"composer.json cannot be used: {error.reason}.", field="file") from None
    except SkippedRef as error:
        raise Invalid(
            f"This cannot be a version: {error.reason}. Write it as 1.2.0, 2.0.0-RC1 or dev-main.",
            field="version",
        ) from None
    if manifest.name is None:
        raise Invalid(NO_NAME, field="name")
    if manifest.name != name:
        raise Invalid(
            f"composer.json is that of {manifest.name}, the address that of {name}.", field="name"
        )
    return Upload(
        name=name,
        version=decided,
        manifest=manifest,
        readme=inspection.readme.decode("utf-8-sig", "replace").replace("\0", ""),
        reference=reference,
    )


def _allowed(session: Session, actor: Actor, path: str, name: str) -> Repository:
    subject = Subject.of(actor, Action.WRITE)
    whole = select(Repository).where(
        Repository.path == path, repository_predicate(subject, Action.WRITE)
    )
    one = (
        select(Repository)
        .join(Package, Package.repository_id == Repository.id)
        .where(
            Repository.path == path,
            Package.name == name,
            package_predicate(subject, Action.WRITE),
        )
    )
    repository = session.scalars(whole).first() or session.scalars(one).first()
    if repository is None:
        raise Forbidden(f"This token may not write {name} here.")
    return repository


def _package(session: Session, repository: Repository, name: str) -> Package | None:
    query = select(Package).where(Package.repository_id == repository.id, Package.name == name)
    return session.scalars(query).first()


def _version(session: Session, package: Package, upload: Upload) -> Version | None:
    """The version that the upload would be, if it may be that: raises Conflict."""
    existing = _same_version(session, package, upload.version)
    if existing is None or existing.reference == upload.reference:
        return existing
    known = f"{package.name} {existing.name}"
    if existing.kind != VersionKind.UPLOAD:
        raise Conflict(
            f"{known} comes from the package's repository: tag the next one there.",
            field="version",
        )
    if not upload.version.dev:
        raise Conflict(
            f"{known} exists, and its bytes are others. A version never changes: upload the next.",
            field="version",
        )
    return existing


def _same_version(session: Session, package: Package, version: VersionName) -> Version | None:
    """The version that Composer takes for this one, however its numbers are spelt."""
    query = select(Version.id, Version.normalized).where(Version.package_id == package.id)
    rows = session.execute(query).all()
    same = [row.id for row in rows if identity(row.normalized) == version.identity]
    return session.get(Version, same[0]) if same else None


def _uid(session: Session, actor: Actor, path: str, upload: Upload) -> str:
    repository = _allowed(session, actor, path, upload.name)
    package = _package(session, repository, upload.name)
    if package is None:
        return new_uid()
    _version(session, package, upload)
    return package.uid


def _publish(
    services: Services,
    actor: Actor,
    path: str,
    upload: Upload,
    stored: StoredFile,
    uid: str,
) -> Published:
    session = services.session
    events = Events(services.context.plugins, services.context.queue)
    repository = _allowed(session, actor, path, upload.name)
    package = _package(session, repository, upload.name)
    if package is None:
        package = Package(repository=repository, name=upload.name, uid=uid)
        session.add(package)
        session.flush()
        events.announce(PackageAdded(repository=path, package=upload.name))
    version = _version(session, package, upload)
    changed = version is None or version.reference != upload.reference
    dist_id = record(session, package.id, upload.reference, stored)
    if version is None:
        version = Version(
            package=package,
            normalized=upload.version.normalized,
            kind=VersionKind.UPLOAD,
            created_at=now(),
        )
    if changed:
        _fill(version, upload, dist_id)
        session.add(version)
        session.flush()
        _describe(session, package, upload)
        session.flush()
        services.documents.render(package)
        events.announce(
            VersionPublished(repository=path, package=upload.name, version=upload.version.pretty)
        )
    return Published(
        id=version.id,
        package_id=package.id,
        name=version.name,
        shasum=upload.reference,
        created_at=version.created_at,
        updated_at=version.committed_at,
        created=changed,
    )


def _fill(version: Version, upload: Upload, dist_id: int) -> None:
    version.name = upload.version.pretty
    version.stability = parse_stability(upload.version.normalized)
    version.reference = upload.reference
    version.committed_at = now()
    version.manifest = dict(upload.manifest.metadata)
    version.dist_id = dist_id
    version.yanked_at = None


def _describe(session: Session, package: Package, upload: Upload) -> None:
    """A package without a project is described by its highest version, stable before dev."""
    if package.project_id is not None:
        return
    names = session.scalars(select(Version.normalized).where(Version.package_id == package.id))
    highest = max(names, key=lambda name: (parse_stability(name) != "dev", sort_key(name)))
    if highest != upload.version.normalized:
        return
    package.description = upload.manifest.description
    package.type = upload.manifest.type
    package.keywords = list(upload.manifest.keywords)
    package.abandoned = upload.manifest.abandoned
    package.readme, package.readme_html = upload.readme, readme.render(upload.readme)
    requirements.note(session, package.id, upload.manifest.metadata)
