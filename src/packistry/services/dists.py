"""Dists: built once, kept under a key of their own, never changed."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, BinaryIO, cast

import zope.sqlalchemy
from sqlalchemy import (
    CursorResult,
    Executable,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from packistry import plugin, process
from packistry.composer import archive
from packistry.database import upsert
from packistry.errors import ConfigurationError, NotFound
from packistry.git.redaction import plain
from packistry.models import Dist, Intent, Package, Project, Source
from packistry.models.base import now
from packistry.plugin import GitSourceProvider, Ref, Snapshot
from packistry.services.orders import Order, wanted
from packistry.services.places import Place, place
from packistry.services.transactions import Transactions
from packistry.settings import MIB, Settings

JOB = "build_dist"
# After a build that may work later: what waits for it asks again, nobody hammers a dead host.
PAUSE = timedelta(seconds=30)
DIGEST_IN_KEY = 16
MOST_NOTICES = 20
UNSAFE = (plugin.UnsafeContent, plugin.NotFound, plugin.Rejected, archive.UnsafeArchive)
"""What reading one ref raises when that ref alone is at fault, and always will be."""

log = logging.getLogger(__name__)


_DISTS = cast(Table, Dist.__table__)
_INTENTS = cast(Table, Intent.__table__)

_INTEND = insert(_INTENTS)
_END_INTENT = delete(_INTENTS).where(_INTENTS.c.storage_key == bindparam("key"))
_FIND = select(_DISTS.c.id, _DISTS.c.reference).where(
    _DISTS.c.package_id == bindparam("package"),
    _DISTS.c.reference.in_(bindparam("commits", expanding=True)),
)
_ADD = insert(_DISTS)
_COMPLETE = (
    update(_DISTS)
    .where(_DISTS.c.id == bindparam("dist"), _DISTS.c.storage_key == "")
    .values(wanted_at=None, failure="")
)


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A zip in storage that no Dist row names yet; an Intent keeps it from being collected.

    `notices`: what it lacks.
    """

    key: str
    sha1: str
    sha256: str
    size: int
    notices: tuple[str, ...] = ()


class Dists:
    """Puts dists into storage, between transactions and not in one."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._storage = transactions.context.storage

    def store(self, uid: str, reference: str, stream: BinaryIO) -> StoredFile:
        """Keep a seekable zip for a package; `record` it in the transaction that needs it."""
        stored = stored_file(uid, reference, stream)
        self.intend([stored])
        self.put(stored, stream)
        return stored

    def intend(self, files: Sequence[StoredFile]) -> None:
        """Announce what `put` is going to store.

        Killed before the files are recorded, the Intents tell the collector of them.
        """
        owner, moment = process.identity(), now()
        rows = [{"storage_key": file.key, "owner": owner, "created_at": moment} for file in files]
        try:
            self._transactions.attempt(lambda services: _execute(services.session, _INTEND, rows))
        except IntegrityError:
            # A process that was killed had got as far; from now on the files are ours.
            self._transactions.attempt(
                lambda services: upsert(
                    services.session,
                    Intent,
                    rows,
                    key=["storage_key"],
                    replace=["owner", "created_at"],
                )
            )

    def put(self, file: StoredFile, stream: BinaryIO) -> None:
        """Keep a zip that was announced; `record` it in the transaction that needs it."""
        stream.seek(0)
        self._storage.put(file.key, stream)

    def open(self, dist: Dist) -> AbstractContextManager[BinaryIO]:
        """The zip of a built dist. FileNotFoundError when storage has lost it."""
        return self._storage.open(dist.storage_key)

    def want(self, dist_id: int) -> None:
        """Someone waits for a dist that is not built: have a job build it."""
        self._transactions.attempt(lambda services: self._want(services.session, dist_id))

    def build(self, dist_id: int) -> None:
        """Build a dist that was asked for, and the others of its project that were.

        What can never be built is marked by `Dist.failure`. What may work later is tried again
        half a minute after. Nothing happens when it is built or failed already.
        """
        where = self._transactions.attempt(lambda services: self._place(services.session, dist_id))
        if where is None:
            return
        try:
            self._build_wanted(where(), dist_id)
        except (plugin.PluginError, NotFound, ConfigurationError, OSError) as error:
            log.warning("Dist %d cannot be built now: %s", dist_id, error)
            self._pause(dist_id)

    def _build_wanted(self, found: Place, dist_id: int) -> None:
        thoroughly = not isinstance(found.provider, GitSourceProvider)
        with found.open_kept() as snapshot:
            left = [
                order
                for order in self._orders(dist_id)
                if not self._build(snapshot, order, thoroughly=thoroughly, final=False)
            ]
        if left:
            with found.open() as snapshot:
                for order in left:
                    self._build(snapshot, order, thoroughly=thoroughly, final=True)

    def _want(self, session: Session, dist_id: int) -> None:
        moment = now()
        changed = session.execute(
            update(Dist)
            .where(Dist.id == dist_id, Dist.storage_key == "", Dist.failure == "")
            .where(Dist.wanted_at.is_(None) | (Dist.wanted_at <= moment))
            .values(wanted_at=moment)
            .execution_options(synchronize_session=False)
        )
        if _rows(changed):
            self._transactions.context.queue.enqueue(JOB, dist_id)

    def _place(self, session: Session, dist_id: int) -> Callable[[], Place] | None:
        row = session.execute(
            select(Dist, Project, Source)
            .join(Package, Package.id == Dist.package_id)
            .outerjoin(Project, Project.id == Package.project_id)
            .outerjoin(Source, Source.id == Project.source_id)
            .where(Dist.id == dist_id, Dist.storage_key == "", Dist.failure == "")
        ).one_or_none()
        if row is None:
            return None
        dist, project, source = row
        if project is None:
            dist.failure = "The project it was made from is no longer known."
            dist.wanted_at = None
            return None
        context = self._transactions.context
        try:
            return place(context, source, project)
        except ConfigurationError as error:
            log.warning("Dists of %s cannot be built now: %s", project.path, error)
            dist.wanted_at = now() + PAUSE
            return None

    def _orders(self, dist_id: int) -> list[Order]:
        return self._transactions.attempt(lambda services: wanted(services.session, dist_id))

    def _build(self, snapshot: Snapshot, order: Order, *, thoroughly: bool, final: bool) -> bool:
        """Whether that is settled. Unless `final`, content that is not there is not."""
        settings = self._transactions.context.settings
        try:
            with order.archive(snapshot) as stream:
                check_archive(stream, settings, thoroughly=thoroughly)
                stored = self.store(order.uid, order.ref.commit, stream)
                lacks = notices_of(snapshot, order.ref, order.subdirectory)
        except UNSAFE as error:
            if isinstance(error, plugin.NotFound) and not final:
                return False
            reason = str(error)
            self._transactions.attempt(
                lambda services: _mark_failed(services.session, order.dist_id, reason)
            )
            return True
        stored = replace(stored, notices=lacks)
        self._transactions.attempt(
            lambda services: record(services.session, order.package_id, order.ref.commit, stored)
        )
        return True

    def _pause(self, dist_id: int) -> None:
        later = now() + PAUSE
        self._transactions.attempt(
            lambda services: services.session.execute(
                update(Dist)
                .where(Dist.id == dist_id, Dist.storage_key == "")
                .values(wanted_at=later)
                .execution_options(synchronize_session=False)
            )
        )


class TooLarge(archive.UnsafeArchive):
    """A zip beyond PACKISTRY_MAX_ARCHIVE_BYTES."""


def stored_file(uid: str, reference: str, stream: BinaryIO) -> StoredFile:
    """What a seekable zip is, and where it is kept. Other bytes have another key."""
    stream.seek(0)
    digests = archive.digests(stream)
    return StoredFile(
        key=f"{uid[:2]}/{uid}/{reference}-{digests.sha256[:DIGEST_IN_KEY]}.zip",
        sha1=digests.sha1,
        sha256=digests.sha256,
        size=digests.size,
    )


def check_archive(stream: BinaryIO, settings: Settings, *, thoroughly: bool) -> None:
    """Raise UnsafeArchive unless the zip can be served. `thoroughly`: git did not make it."""
    if stream.seek(0, 2) > settings.max_archive_bytes:
        limit = settings.max_archive_bytes // MIB
        raise TooLarge(f"The zip is larger than {limit} MiB (PACKISTRY_MAX_ARCHIVE_BYTES).")
    stream.seek(0)
    if thoroughly:
        limits = archive.ArchiveLimits(
            max_members=settings.max_archive_files,
            max_unpacked_bytes=settings.max_unpacked_bytes,
        )
        archive.inspect(stream, limits)
        stream.seek(0)


def notices_of(snapshot: Snapshot, ref: Ref, subdirectory: str) -> tuple[str, ...]:
    """What the archive of a ref lacks, such as submodules, in sentences without markup."""
    try:
        found = snapshot.notices(ref, subdirectory)
    except plugin.PluginError:
        # A dist without its notices is still a dist.
        return ()
    return tuple(" ".join(plain(str(notice)).split()) for notice in found[:MOST_NOTICES])


def record(session: Session, package_id: int, reference: str, stored: StoredFile) -> int:
    """The id of the package's dist at this reference: as `record_all` of one."""
    return record_all(session, package_id, {reference: stored})[reference]


def record_all(
    session: Session, package_id: int, files: Mapping[str, StoredFile]
) -> dict[str, int]:
    """The ids of the package's dists at these references, made of the stored files.

    A dist that is built already stays as it is. Ends the Intents of the files, now named.
    """
    _execute(session, _END_INTENT, [{"key": file.key} for file in files.values()])
    known = _ids(session, package_id, list(files))
    values = {
        reference: {
            "storage_key": file.key,
            "sha1": file.sha1,
            "sha256": file.sha256,
            "size": file.size,
            "notices": list(file.notices),
        }
        for reference, file in files.items()
    }
    if known:
        built = [{"dist": key, **values[reference]} for reference, key in known.items()]
        _execute(session, _COMPLETE, built)
    return known | _add(
        session, package_id, {key: row for key, row in values.items() if key not in known}
    )


def lazy_dists(session: Session, package_id: int, references: Sequence[str]) -> dict[str, int]:
    """The ids of the package's dists at these references; those that lack are made, unbuilt."""
    known = _ids(session, package_id, references)
    empty = {"storage_key": "", "sha1": "", "sha256": "", "size": 0}
    return known | _add(
        session, package_id, {each: empty for each in references if each not in known}
    )


def _add(session: Session, package_id: int, dists: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    """The ids of new dists, by their references."""
    if not dists:
        return {}
    rows = [
        {"package_id": package_id, "reference": reference, "failure": "", **values}
        for reference, values in dists.items()
    ]
    _execute(session, _ADD, rows)
    return _ids(session, package_id, list(dists))


def _ids(session: Session, package_id: int, references: Sequence[str]) -> dict[str, int]:
    rows = _execute(session, _FIND, {"package": package_id, "commits": list(references)})
    return {row.reference: row.id for row in rows}


def _execute(session: Session, statement: Executable, parameters: Any) -> CursorResult[Any]:
    """Run a statement on tables: some hundred are run in an import, and the ORM adds to each."""
    result = session.connection().execute(statement, parameters)
    zope.sqlalchemy.mark_changed(session)
    return result


def _mark_failed(session: Session, dist_id: int, reason: str) -> None:
    session.execute(
        update(Dist)
        .where(Dist.id == dist_id, Dist.storage_key == "")
        .values(failure=reason, wanted_at=None)
        .execution_options(synchronize_session=False)
    )


def _rows(result: Any) -> int:
    assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type: it is an UPDATE
    return result.rowcount
