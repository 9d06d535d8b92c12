"""The p2 files of a package: rendered when its versions change, kept as gzipped bytes."""

import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from packistry.composer import documents as composer
from packistry.database import FLOOR, upsert
from packistry.models import Channel, Counter, Dist, Document, Package, Setting, Version
from packistry.models.base import now
from packistry.services.transactions import Transactions
from packistry.settings import Settings

GZIP_LEVEL = 6
BASE_URL = "base_url"
RENDERED_AT_ONCE = 50

_NOT_IN_A_PATH = re.compile(r"[^A-Za-z0-9.+_-]+")
_CLONABLE = re.compile(r"(https?|ssh)://|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:")


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What is stored of a document, without its body."""

    id: int
    digest: str
    modified: int


class Documents:
    """Both p2 files of each package, for the base URL of the settings."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings

    def render(self, package: Package) -> None:
        """Bring both files up to date. One whose bytes would be the same is not touched.

        Last-Modified only ever rises, by a second at least. A package without a name has no files.
        """
        # Two who render it at once do so one after the other.
        self._session.refresh(package, with_for_update=True)
        package.stale = False
        if package.name is None:
            return
        entries = self._entries(package, self._settings.base_url)
        kept = self._kept(package)
        for channel in Channel:
            text = _json(package.name, channel, entries)
            modified = self._store(package, channel, text, kept.get(channel))
            package.modified = max(package.modified, modified)

    def render_for(self, package: Package, channel: Channel, base_url: str) -> bytes:
        """The gzipped file for readers who know this server by another URL. Nothing is stored."""
        if package.name is None:
            raise ValueError("a package without a name has no documents")
        return _compress(_json(package.name, channel, self._entries(package, base_url)))

    def forget(self, package: Package) -> None:
        """The package is about to go. Should it come back, its files are newer than ever before."""
        highest = self._session.scalar(
            select(func.max(Document.modified)).where(Document.package_id == package.id)
        )
        if highest is not None:
            self._session.execute(
                update(Counter)
                .where(Counter.name == FLOOR)
                .values(value=case((Counter.value < highest, highest), else_=Counter.value))
                .execution_options(synchronize_session=False)
            )

    def expect_base_url(self) -> bool:
        """Remember the base URL of the settings. True: it has changed, and all files are stale."""
        base_url = self._settings.base_url
        known = self._session.scalar(select(Setting.value).where(Setting.name == BASE_URL))
        if known == base_url:
            return False
        rows = [{"name": BASE_URL, "value": base_url}]
        upsert(self._session, Setting, rows, key=["name"], replace=["value"])
        self._session.execute(
            update(Package)
            .where(Package.name.is_not(None))
            .values(stale=True)
            .execution_options(synchronize_session=False)
        )
        return True

    def render_stale(self, limit: int = RENDERED_AT_ONCE) -> int:
        """Render packages whose files are behind, so many at most; how many it were."""
        query = select(Package).where(Package.stale).order_by(Package.id).limit(limit)
        packages = self._session.scalars(query).all()
        for package in packages:
            self.render(package)
        return len(packages)

    def _kept(self, package: Package) -> dict[Channel, _Kept]:
        rows = self._session.execute(
            select(Document.channel, Document.id, Document.digest, Document.modified).where(
                Document.package_id == package.id
            )
        )
        return {
            Channel(row.channel): _Kept(id=row.id, digest=row.digest, modified=row.modified)
            for row in rows
        }

    def _store(self, package: Package, channel: Channel, text: bytes, kept: _Kept | None) -> int:
        """Its Last-Modified from now on."""
        digest = hashlib.sha256(text).hexdigest()
        if kept is not None and kept.digest == digest:
            return kept.modified
        body, modified = _compress(text), self._modified(kept)
        if kept is None:
            row = Document(package_id=package.id, channel=channel, body=body, digest=digest)
            row.modified = modified
            self._session.add(row)
            return modified
        self._session.execute(
            update(Document)
            .where(Document.id == kept.id)
            .values(body=body, digest=digest, modified=modified)
            .execution_options(synchronize_session=False)
        )
        return modified

    def _modified(self, kept: _Kept | None) -> int:
        floor = self._session.scalar(select(Counter.value).where(Counter.name == FLOOR)) or 0
        before = 0 if kept is None else kept.modified
        return max(int(now().timestamp()), before + 1, floor + 1)

    def _entries(self, package: Package, base_url: str) -> list[dict[str, Any]]:
        assert package.name is not None  # noqa: S101 - narrows the type: callers made sure
        source_url = _source_url(package)
        dists = f"{base_url}{package.repository.prefix}/dists/{package.name}"
        return [
            composer.version_entry(
                package.name,
                row.manifest,
                composer.VersionFacts(
                    pretty=row.name,
                    normalized=row.normalized,
                    time=row.committed_at,
                    dist=_dist(dists, row),
                    source=_source(source_url, row),
                    default_branch=row.default_branch,
                    abandoned=package.abandonment,
                ),
            )
            for row in self._versions(package)
        ]

    def _versions(self, package: Package) -> Iterator[Any]:
        query = (
            select(
                Version.name,
                Version.normalized,
                Version.kind,
                Version.reference,
                Version.committed_at,
                Version.default_branch,
                Version.manifest,
                Version.dist_id,
                Dist.sha1,
            )
            .outerjoin(Dist, Dist.id == Version.dist_id)
            .where(Version.package_id == package.id, Version.yanked_at.is_(None))
            .order_by(Version.normalized)
        )
        for row in self._session.execute(query):
            # Nothing to install it from: no client could use it, and some would stop at it.
            if row.dist_id is not None or row.manifest.get("type") == "metapackage":
                yield row


def rebase(transactions: Transactions) -> None:
    """At start-up: when the base URL of the settings has changed, render every file again.

    Each few packages in a transaction; whoever is stopped half-way goes on at the next start.
    """
    transactions.attempt(lambda services: services.documents.expect_base_url())
    render_stale(transactions)


def render_stale(transactions: Transactions) -> int:
    """Render all files that are behind; how many packages it were."""
    total = 0
    while count := transactions.attempt(lambda services: services.documents.render_stale()):
        total += count
    return total


def dist_path(version: str, reference: str) -> str:
    """The end of a dist's URL. The version is for people; the reference is what counts."""
    readable = _NOT_IN_A_PATH.sub("-", version).lstrip(".-") or "dev"
    return f"{readable}/{reference}.zip"


def _dist(dists: str, row: Any) -> composer.Dist | None:
    if row.dist_id is None:
        return None
    url = f"{dists}/{dist_path(row.name, row.reference)}"
    return composer.Dist(url=url, reference=row.reference, shasum=row.sha1)


def _source(url: str, row: Any) -> composer.Source | None:
    if not url or row.kind == "upload":
        return None
    return composer.Source(url=url, reference=row.reference)


def _source_url(package: Package) -> str:
    """Where clients can clone from; "" when that is a path of this machine or nowhere."""
    url = package.project.clone_url if package.project else ""
    return url if _CLONABLE.match(url) else ""


def _json(name: str, channel: Channel, entries: list[dict[str, Any]]) -> bytes:
    build = composer.stable_document if channel is Channel.STABLE else composer.dev_document
    return orjson.dumps(build(name, entries))


def _compress(text: bytes) -> bytes:
    # Without a time in it, equal text gives equal bytes.
    return gzip.compress(text, GZIP_LEVEL, mtime=0)
