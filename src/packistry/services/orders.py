"""Dists that are to be built, and what is needed for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from packistry.models import Dist, Package, Version, VersionKind
from packistry.plugin import Ref, RefKind, Snapshot

SHORT_REFERENCE = 7


@dataclass(frozen=True, kw_only=True)
class Order:
    """A dist to be built."""

    dist_id: int
    package_id: int
    uid: str
    name: str
    subdirectory: str
    ref: Ref

    @contextmanager
    def archive(self, snapshot: Snapshot) -> Iterator[BinaryIO]:
        """Its zip, not checked yet. Raises what `Snapshot.archive` raises."""
        prefix = archive_prefix(self.name, self.ref.commit)
        with snapshot.archive(self.ref, self.subdirectory, prefix=prefix) as stream:
            yield stream


def archive_prefix(name: str, reference: str) -> str:
    """The one top folder of a package's dist."""
    return f"{name.replace('/', '-')}-{reference[:SHORT_REFERENCE]}"


def wanted(session: Session, dist_id: int) -> list[Order]:
    """The dist, and the others of its project that are wanted: one look at the project does."""
    project_id = (
        select(Package.project_id)
        .join(Dist, Dist.package_id == Package.id)
        .where(Dist.id == dist_id)
        .scalar_subquery()
    )
    which = (
        Package.project_id == project_id,
        Dist.storage_key == "",
        Dist.failure == "",
        (Dist.id == dist_id) | Dist.wanted_at.is_not(None),
    )
    return orders(session, *which, first=(Dist.id != dist_id, Dist.wanted_at))


def orders(
    session: Session, *which: ColumnElement[bool], first: tuple[Any, ...] = ()
) -> list[Order]:
    """Orders for these dists, built or not, in the order that `first` gives."""
    rows = session.execute(
        select(
            Dist.id,
            Dist.package_id,
            Dist.reference,
            Dist.created_at,
            Package.uid,
            Package.name,
            Package.subdirectory,
            Version.kind,
            Version.ref,
            Version.committed_at,
        )
        .join(Package, Package.id == Dist.package_id)
        .outerjoin(
            Version,
            (Version.dist_id == Dist.id) & (Version.kind != VersionKind.UPLOAD),
        )
        .where(*which)
        .order_by(*first, Dist.id, Version.id)
    )
    found: dict[int, Order] = {}
    for row in rows:
        if row.id not in found:
            found[row.id] = Order(
                dist_id=row.id,
                package_id=row.package_id,
                uid=row.uid,
                name=row.name or "package",
                subdirectory=row.subdirectory,
                ref=_ref(row.kind, row.ref, row.reference, row.committed_at or row.created_at),
            )
    return list(found.values())


def _ref(kind: str | None, name: str | None, commit: str, committed_at: datetime) -> Ref:
    # A branch that moved on left the dist of this commit behind: then no ref has its name.
    return Ref(
        kind=RefKind(kind or RefKind.BRANCH),
        name=name or commit,
        commit=commit,
        committed_at=committed_at,
    )
