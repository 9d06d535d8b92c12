"""Garbage: what a killed process or a removed package left behind, and dists that went bad."""

import hashlib
import logging
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from packistry import process
from packistry.database import upsert
from packistry.models import (
    Delivery,
    DeliveryVerdict,
    Dist,
    Intent,
    Package,
    Project,
    Source,
    Sync,
    SyncItem,
    SyncState,
)
from packistry.models.base import now
from packistry.services.pruning import Pruner
from packistry.services.transactions import Transactions

PROJECTS = "projects"
KEYS_AT_ONCE = 500
SYNCS_AT_ONCE = 500
# Owners on other machines cannot be asked whether they live.
INTENT_LIVES = timedelta(days=1)
# A look that changed nothing, as most hourly ones, is of no interest for long.
IDLE_SYNC_KEPT = timedelta(days=1)
SYNCS_KEPT = 20
DELIVERY_KEPT = timedelta(days=14)
# Within this time a host may send a delivery again.
DELIVERY_COMES_AGAIN = timedelta(days=7)
DELIVERIES_KEPT = 1000
# However fast a host sends them.
DELIVERIES_AT_MOST = 50_000
FORGED_KEPT = 100
CHUNK = 1024 * 1024
CHANGED = "The stored file is damaged: its bytes are not those that were stored."
MISSING = "The stored file is missing."

_UID = re.compile(r"[0-9a-f]{32}")
_FINISHED = (SyncState.DONE, SyncState.FAILED, SyncState.CANCELLED)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A dist that cannot be served: `reason` is a sentence, `key` where its file should be."""

    dist_id: int
    package: str
    reference: str
    key: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What was removed, and with `verify` how many dists were read and which are bad.

    `repaired` of them are whole again. `pruned` are old dists of branches.
    """

    pruned: int = 0
    files: int = 0
    intents: int = 0
    mirrors: int = 0
    syncs: int = 0
    verified: int = 0
    repaired: int = 0
    faults: tuple[Fault, ...] = ()


class Collector:
    """Removes what nothing refers to. Safe at any time, beside imports and downloads.

    A file that a Dist row names is never removed: lock files live for years. Such rows go only
    where somebody said how many dists of a branch are kept.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._storage = transactions.context.storage

    def collect(self, *, verify: bool = False) -> Collected:
        """Remove all garbage; with `verify` also read every dist and compare its sha256."""
        pruned = Pruner(self._transactions).run()
        intents = self.forget_intents()
        files = self.remove_files()
        mirrors = self.remove_mirrors()
        syncs = self.forget_syncs()
        verified, faults = self.verify() if verify else (0, ())
        return Collected(
            pruned=pruned,
            files=files,
            intents=intents,
            mirrors=mirrors,
            syncs=syncs,
            verified=verified,
            faults=faults,
        )

    def forget_intents(self) -> int:
        """Remove what processes that died were about to store; the number of intents."""
        with self._transactions.transaction() as services:
            intents = services.session.execute(select(Intent.storage_key, Intent.owner)).all()
        return sum(self._forget_intent(key, owner) for key, owner in intents)

    def _forget_intent(self, key: str, owner: str) -> bool:
        alive = process.alive(owner)
        if alive:
            return False
        with self._transactions.transaction() as services:
            intent = services.session.get(Intent, key, with_for_update=True)
            if intent is None or intent.owner != owner:
                return False
            if alive is None and intent.created_at > now() - INTENT_LIVES:
                return False
            services.session.delete(intent)
            services.session.flush()
            self._remove_file(services.session, key)
        return True

    def remove_files(self) -> int:
        """Remove stored files that no dist names and nobody is about to name; their number."""
        return sum(
            self._remove_orphan(key)
            for keys in _batches(self._storage.keys(), KEYS_AT_ONCE)
            for key in self._unnamed(keys)
        )

    def _unnamed(self, keys: list[str]) -> list[str]:
        with self._transactions.transaction() as services:
            # In this order: who stores a file replaces the intent by the dist in one transaction.
            intents = select(Intent.storage_key).where(Intent.storage_key.in_(keys))
            named = set(services.session.scalars(intents))
            dists = select(Dist.storage_key).where(Dist.storage_key.in_(keys))
            named.update(services.session.scalars(dists))
        return [key for key in keys if key not in named]

    def _remove_orphan(self, key: str) -> bool:
        """Remove one file, unless somebody began to store it since it was listed."""
        me = f"{process.identity()}#gc"
        with self._transactions.transaction() as services:
            # Whoever wants to store this key now waits for our row, and then finds no file.
            # That is why a file is removed inside a transaction, and a short one.
            row = {"storage_key": key, "owner": me, "created_at": now()}
            upsert(services.session, Intent, [row], key=["storage_key"])
            intent = services.session.get(Intent, key, populate_existing=True)
            if intent is None or intent.owner != me:
                return False
            services.session.delete(intent)
            services.session.flush()
            return self._remove_file(services.session, key)

    def _remove_file(self, session: Session, key: str) -> bool:
        if session.scalar(select(exists().where(Dist.storage_key == key))):
            return False
        self._storage.delete(key)
        log.info("Removed the file %s, which nothing names.", key)
        return True

    def remove_mirrors(self) -> int:
        """Remove the folders of projects that are gone; their number."""
        root = self._transactions.context.settings.root / PROJECTS
        if not root.is_dir():
            return 0
        folders = (each for each in root.iterdir() if _UID.fullmatch(each.name))
        # Listed before the database is asked: a project made meanwhile is not among them.
        return sum(self._remove_folders(batch) for batch in _batches(folders, KEYS_AT_ONCE))

    def _remove_folders(self, folders: list[Path]) -> int:
        with self._transactions.transaction() as services:
            uids = select(Project.uid).where(Project.uid.in_([each.name for each in folders]))
            known = set(services.session.scalars(uids))
        gone = [each for each in folders if each.name not in known and not each.is_symlink()]
        for folder in gone:
            # A job that still runs for the project may write meanwhile; the rest goes next time.
            shutil.rmtree(folder, ignore_errors=True)
        return sum(not folder.exists() for folder in gone)

    def forget_syncs(self) -> int:
        """Drop old history; their number.

        Of each project the newest 20 stay. Others go after PACKISTRY_SYNC_DAYS, after one day if
        they went well and changed nothing, and when newer ones are as many as PACKISTRY_SYNCS_KEPT.
        """
        total = 0
        while forgotten := self._forget_some_syncs():
            total += forgotten
        return total

    def _forget_some_syncs(self) -> int:
        settings = self._transactions.context.settings
        newer = aliased(Sync)
        newer_ones = (
            select(func.count())
            .where(newer.project_id == Sync.project_id, newer.id > Sync.id)
            .scalar_subquery()
        )
        idle = (Sync.state == SyncState.DONE) & ~exists().where(SyncItem.sync_id == Sync.id)
        old = (
            select(Sync.id)
            .where(
                Sync.state.in_(_FINISHED),
                or_(
                    newer_ones >= settings.syncs_kept,
                    and_(
                        or_(
                            Sync.finished_at < now() - timedelta(days=settings.sync_days),
                            idle & (Sync.finished_at < now() - IDLE_SYNC_KEPT),
                        ),
                        newer_ones >= SYNCS_KEPT,
                    ),
                ),
            )
            .limit(SYNCS_AT_ONCE)
        )
        with self._transactions.transaction() as services:
            ids = services.session.scalars(old).all()
            if ids:
                services.session.execute(delete(Sync).where(Sync.id.in_(ids)))
        return len(ids)

    def forget_deliveries(self) -> int:
        """Drop deliveries after two weeks, and of each source all but the newest; their number.

        Those that were taken stay for a week at least: until then a host may send one again.
        """
        moment = now()
        forged = Delivery.verdict.in_((DeliveryVerdict.REFUSED, DeliveryVerdict.UNREADABLE))
        total = self._forget_deliveries(Delivery.received_at < moment - DELIVERY_KEPT)
        with self._transactions.transaction() as services:
            sources = services.session.scalars(select(Source.id)).all()
        for source_id in sources:
            mine = Delivery.source_id == source_id
            old = Delivery.received_at < moment - DELIVERY_COMES_AGAIN
            total += self._forget_all_but(FORGED_KEPT, mine & forged)
            total += self._forget_all_but(DELIVERIES_KEPT, mine & ~forged, old)
            total += self._forget_all_but(DELIVERIES_AT_MOST, mine)
        return total

    def _forget_all_but(self, kept: int, of: Any, only: Any = True) -> int:
        with self._transactions.transaction() as services:
            newest = select(Delivery.id).where(of).order_by(Delivery.id.desc())
            last = services.session.scalar(newest.offset(kept - 1).limit(1))
        return 0 if last is None else self._forget_deliveries(of, only, Delivery.id < last)

    def _forget_deliveries(self, *where: Any) -> int:
        """In transactions of some each, so that nobody waits for long."""
        total = 0
        while True:
            with self._transactions.transaction() as services:
                some = select(Delivery.id).where(*where).limit(SYNCS_AT_ONCE)
                ids = services.session.scalars(some).all()
                if ids:
                    services.session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
            total += len(ids)
            if len(ids) < SYNCS_AT_ONCE:
                return total

    def verify(self) -> tuple[int, tuple[Fault, ...]]:
        """Read every stored dist: how many, and those whose bytes changed or are gone.

        A bad one is marked by `Dist.failure`, so that it is not served; the mark goes when the
        file is whole again.
        """
        checked, faults = 0, []
        for dist in self._stored():
            checked += 1
            reason = self._fault(dist)
            if reason or dist.failure in (CHANGED, MISSING):
                self._mark(dist.id, reason)
            if reason:
                fault = Fault(
                    dist_id=dist.id,
                    package=dist.name or "",
                    reference=dist.reference,
                    key=dist.storage_key,
                    reason=reason,
                )
                log.error("%s at %s: %s", fault.package, fault.reference, reason)
                faults.append(fault)
        return checked, tuple(faults)

    def _stored(self) -> Iterator[Any]:
        last = 0
        while True:
            statement = (
                select(
                    Dist.id,
                    Dist.reference,
                    Dist.storage_key,
                    Dist.sha256,
                    Dist.failure,
                    Package.name,
                )
                .join(Dist.package)
                .where(Dist.id > last, Dist.storage_key != "")
                .order_by(Dist.id)
                .limit(KEYS_AT_ONCE)
            )
            with self._transactions.transaction() as services:
                rows = services.session.execute(statement).all()
            if not rows:
                return
            yield from rows
            last = rows[-1].id

    def _fault(self, dist: Any) -> str:
        digest = hashlib.sha256()
        try:
            with self._storage.open(dist.storage_key) as stream:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
        except FileNotFoundError:
            return MISSING
        return "" if digest.hexdigest() == dist.sha256 else CHANGED

    def _mark(self, dist_id: int, reason: str) -> None:
        with self._transactions.transaction() as services:
            services.session.execute(
                update(Dist)
                .where(Dist.id == dist_id, Dist.failure.in_(("", CHANGED, MISSING)))
                .values(failure=reason)
            )


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
