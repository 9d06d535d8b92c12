"""Downloads, installs and last uses: counted in memory, written in batches.

A count is a statistic: what a killed process had not written yet, a second or two, is lost.
"""

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import zope.sqlalchemy
from sqlalchemy import Table, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from packistry.database import upsert
from packistry.models import Download, Token, Version
from packistry.models.base import now
from packistry.services import popularity
from packistry.services.documents import dist_path
from packistry.services.transactions import Transactions

FLUSH_SECONDS = 2.0
FLUSH_EVENTS = 500
USE_SECONDS = 60.0
# While the database is away counts pile up: beyond this many different ones they are dropped.
MOST_KEPT = 50_000
CHUNK = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A dist handed out under a URL that names `version`, which may no longer exist."""

    package_id: int
    dist_id: int
    version: str
    day: date


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A version, normalised, that `composer` reports to have installed."""

    package_id: int
    version: str
    day: date


@dataclass(kw_only=True)
class Batch:
    """Events since the last flush, and when each token was used last."""

    downloads: Counter[Downloaded] = field(default_factory=Counter)
    installs: Counter[Installed] = field(default_factory=Counter)
    uses: dict[int, datetime] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.downloads) + len(self.installs) + len(self.uses)

    def add(self, other: "Batch") -> None:
        self.downloads += other.downloads
        self.installs += other.installs
        self.uses = other.uses | self.uses


class Downloads:
    """The counters in the database."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, batch: Batch) -> None:
        """Adds a batch up. Counts of packages and tokens that are gone are forgotten."""
        counts: dict[tuple[int, str, date], list[int]] = defaultdict(lambda: [0, 0])
        existing = popularity.add(
            self._session,
            _by_day(batch.downloads),
            {event.package_id for event in batch.installs},
        )
        names = self._versions({event.dist_id for event in batch.downloads})
        for download, number in batch.downloads.items():
            version = _named(names[download.dist_id], download.version)
            counts[download.package_id, version, download.day][0] += number
        for install, number in batch.installs.items():
            counts[install.package_id, install.version, install.day][1] += number
        rows = [
            {
                "package_id": package_id,
                "version": version,
                "day": day,
                "downloads": downloads,
                "installs": installs,
            }
            for (package_id, version, day), (downloads, installs) in sorted(counts.items())
            if package_id in existing
        ]
        for some in _chunks(rows):
            upsert(
                self._session,
                Download,
                some,
                key=("package_id", "version", "day"),
                add=("downloads", "installs"),
            )
        self._record_uses(batch.uses)

    def _record_uses(self, uses: dict[int, datetime]) -> None:
        # On the table, not the class: a use changes nothing that a client may read.
        table = Token.__table__
        assert isinstance(table, Table)  # noqa: S101 - narrows the type: mapped classes have tables
        for token_id, at in sorted(uses.items()):
            recent = at - timedelta(seconds=USE_SECONDS)
            self._session.execute(
                update(table)
                .where(
                    table.c.id == token_id,
                    or_(table.c.last_used_at.is_(None), table.c.last_used_at < recent),
                )
                .values(last_used_at=at, updated_at=table.c.updated_at)
            )
        zope.sqlalchemy.mark_changed(self._session)

    def _versions(self, dist_ids: set[int]) -> dict[int, list[tuple[str, str]]]:
        """By dist: the (name, normalised) of the versions that have it now."""
        versions: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for some in _chunks(sorted(dist_ids)):
            rows = self._session.execute(
                select(Version.dist_id, Version.name, Version.normalized)
                .where(Version.dist_id.in_(some))
                .order_by(Version.id)
            )
            for dist_id, name, normalized in rows:
                if dist_id is not None:
                    versions[dist_id].append((name, normalized))
        return versions


def _by_day(downloads: Mapping[Downloaded, int]) -> Counter[tuple[int, date]]:
    """By package and day."""
    counted: Counter[tuple[int, date]] = Counter()
    for event, number in downloads.items():
        counted[event.package_id, event.day] += number
    return counted


def _named(versions: list[tuple[str, str]], wanted: str) -> str:
    """The normalised version a download counts for; "" when its dist belongs to none now."""
    for name, normalized in versions:
        if wanted in (name, normalized, dist_path(name, "").rpartition("/")[0]):
            return normalized
    return versions[0][1] if versions else ""


def _chunks(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


class Tally:
    """The counters of one process: cheap to add to from many threads, written by one of its own."""

    def __init__(self, transactions: Transactions, *, seconds: float = FLUSH_SECONDS) -> None:
        self._transactions = transactions
        self._seconds = seconds
        self._lock = threading.Lock()
        self._batch = Batch()
        self._used: dict[int, float] = {}
        self._thread: threading.Thread | None = None
        self._pending = threading.Event()
        self._urgent = threading.Event()
        self._closed = False

    def downloaded(self, package_id: int, dist_id: int, version: str) -> None:
        """One dist was handed out."""
        event = Downloaded(
            package_id=package_id, dist_id=dist_id, version=version, day=now().date()
        )
        with self._lock:
            self._batch.downloads[event] += 1
        self._note()

    def installed(self, entries: Iterable[tuple[int, str]]) -> None:
        """(package id, normalised version) of each version a client reports as installed."""
        day = now().date()
        with self._lock:
            for package_id, version in entries:
                event = Installed(package_id=package_id, version=version, day=day)
                self._batch.installs[event] += 1
        self._note()

    def used(self, token_id: int) -> None:
        """A token opened something. Remembered once a minute."""
        at = time.monotonic()
        if at - self._used.get(token_id, -USE_SECONDS) < USE_SECONDS:
            return
        with self._lock:
            self._used[token_id] = at
            self._batch.uses[token_id] = now()
        self._note()

    def flush(self) -> None:
        """Writes what has been counted. Keeps it when the database does not answer."""
        with self._lock:
            batch, self._batch = self._batch, Batch()
            stale = time.monotonic() - USE_SECONDS
            self._used = {token: at for token, at in self._used.items() if at > stale}
        if not len(batch):
            return
        try:
            self._transactions.attempt(lambda services: services.downloads.record(batch))
        except SQLAlchemyError:
            log.warning("Counts of downloads could not be written and are kept.", exc_info=True)
            with self._lock:
                if len(self._batch) + len(batch) <= MOST_KEPT:
                    self._batch.add(batch)

    def close(self) -> None:
        """Stops the thread and writes what is left."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._pending.set()
        self._urgent.set()
        if thread is not None:
            thread.join()
        self.flush()

    def _note(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:
                    self._thread = threading.Thread(
                        target=self._run, name="packistry-tally", daemon=True
                    )
                    self._thread.start()
        if not self._pending.is_set():
            self._pending.set()
        if len(self._batch) >= FLUSH_EVENTS:
            self._urgent.set()

    def _run(self) -> None:
        while not self._closed:
            self._pending.wait()
            self._urgent.wait(self._seconds)
            self._pending.clear()
            self._urgent.clear()
            if not self._closed:
                self.flush()
