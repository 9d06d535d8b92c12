"""Old dists of branches, where somebody said how many are kept."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, cast

import zope.sqlalchemy
from sqlalchemy import (
    CursorResult,
    Table,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from packistry.database import upsert
from packistry.models import (
    BranchHead,
    Dist,
    Package,
    Project,
    Source,
    Sync,
    SyncState,
    TagPin,
    Version,
)
from packistry.models.base import now
from packistry.services import Services
from packistry.services.history import chunks
from packistry.services.transactions import Transactions

log = logging.getLogger(__name__)

_DISTS = cast(Table, Dist.__table__)
_TAG = (
    update(_DISTS)
    .where(_DISTS.c.id == bindparam("dist"), _DISTS.c.tagged.is_(False))
    .values(tagged=True)
)


def note_heads(
    session: Session, package_id: int, branches: Iterable[tuple[str, int]], tags: Iterable[int]
) -> None:
    """These dists (ids) are what branches, by name, and tags are now."""
    moment = now()
    rows = [
        {"package_id": package_id, "branch": branch, "dist_id": dist, "at": moment}
        for branch, dist in branches
    ]
    upsert(session, BranchHead, rows, key=["package_id", "branch", "dist_id"], replace=["at"])
    tagged = [{"dist": dist} for dist in sorted(set(tags))]
    if tagged:
        session.connection().execute(_TAG, tagged)
        zope.sqlalchemy.mark_changed(session)


class Pruner:
    """Forgets dists of branches beyond the newest so many. Their files go as garbage.

    What a version is made from, or a tag ever was, is kept.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def run(self) -> int:
        """The number of dists that were forgotten."""
        kept = func.coalesce(Package.keep_dists, Source.keep_dists, 0)
        query = (
            select(Package.id, Project.id, kept)
            .join(Project, Project.id == Package.project_id)
            .join(Source, Source.id == Project.source_id)
            .where(kept > 0)
            .order_by(Package.id)
        )
        with self._transactions.transaction() as services:
            found = services.session.execute(query).all()
        return sum(self._prune(package, project, most) for package, project, most in found)

    def _prune(self, package_id: int, project_id: int, kept: int) -> int:
        try:
            return self._transactions.attempt(
                lambda services: _forget(services, package_id, project_id, kept)
            )
        except IntegrityError:
            # An import has just made a version from one of them. The next collection does it.
            log.info("Old dists of package %d were in use, and are left.", package_id)
            return 0


def _forget(services: Services, package_id: int, project_id: int, kept: int) -> int:
    session = services.session
    # Whoever begins a sync waits for this row, too.
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update())
    running = select(Sync.id).where(Sync.project_id == project_id, Sync.state == SyncState.RUNNING)
    if session.scalars(running).first() is not None:
        return 0
    return sum(
        _delete(session, package_id, some) for some in chunks(_old(session, package_id, kept))
    )


def _old(session: Session, package_id: int, kept: int) -> list[int]:
    """The dists that are of branches, and for none of these among the newest."""
    rows = session.execute(
        select(BranchHead.branch, BranchHead.dist_id)
        .where(BranchHead.package_id == package_id)
        .order_by(BranchHead.at.desc(), BranchHead.id.desc())
    )
    by_branch: dict[str, list[int]] = defaultdict(list)
    for branch, dist in rows:
        by_branch[branch].append(dist)
    newest = {dist for dists in by_branch.values() for dist in dists[:kept]}
    return sorted({dist for dists in by_branch.values() for dist in dists} - newest)


def _delete(session: Session, package_id: int, dists: Sequence[int]) -> int:
    pinned = (
        exists()
        .where(
            Package.id == package_id,
            TagPin.repository_id == Package.repository_id,
            TagPin.package == Package.name,
            or_(
                TagPin.reference == Dist.reference,
                TagPin.held_reference == Dist.reference,
                TagPin.accepted_reference == Dist.reference,
            ),
        )
        .correlate(Dist)
    )
    served = exists().where(Version.dist_id == Dist.id).correlate(Dist)
    result = session.execute(
        delete(Dist)
        .where(
            Dist.id.in_(dists),
            Dist.tagged.is_(False),
            Dist.wanted_at.is_(None),
            ~served,
            ~pinned,
        )
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", result).rowcount
