"""What the import of one package writes: each method is part of one short transaction."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from packistry.composer.semver import parse_stability, sort_key
from packistry.models import Dist, Outcome, Package, Version, VersionKind
from packistry.models.base import now
from packistry.plugin import Ref, RefKind, VersionRemoved
from packistry.services import Services, dists, requirements
from packistry.services.comparison import (
    STABLE,
    Comparison,
    Held,
    Known,
    KnownVersion,
    moved,
)
from packistry.services.findings import Facts, Item, Record
from packistry.services.history import History, chunks, run
from packistry.services.ledger import Claim
from packistry.services.pins import Hold, Pins, want
from packistry.services.pruning import note_heads

LONGEST_DESCRIPTION = 2000
FIRST_YEAR = 1970
GONE = "The branch or tag is gone. Its dist stays for lock files that name it."
NO_LONGER = "The branch has no composer.json any more."

_VERSIONS = cast(Table, Version.__table__)
_ADD_VERSION = insert(_VERSIONS)
_CHANGE_VERSION = (
    update(_VERSIONS)
    .where(_VERSIONS.c.id == bindparam("version_id"))
    .values(
        {
            column: bindparam(column)
            for column in (
                "name",
                "normalized",
                "stability",
                "kind",
                "ref",
                "reference",
                "committed_at",
                "default_branch",
                "manifest",
                "dist_id",
            )
        }
    )
)
_MARK_STALE = (
    update(Package)
    .where(Package.id == bindparam("package"))
    .values(stale=True)
    .execution_options(synchronize_session=False)
)


class Records:
    """The rows of one package during one sync. Every transaction that writes holds the claim."""

    def __init__(self, claim: Claim, package_id: int, known: Known, default: str | None) -> None:
        self._claim = claim
        self._package_id = package_id
        self._default = default
        self._versions = {version.normalized: version for version in known.versions}
        self._history = History(claim, package_id, known.verdicts)
        self.pins = Pins(package_id, known.pins)
        self._reused: set[int] = set()
        self.stale = False

    def judge_names(self, services: Services, comparison: Comparison) -> None:
        """What the comparison alone decided: refs of no use, tags that are held or no longer."""
        self._history.keep_verdicts(services.session, comparison.verdicts)
        # What was a version is told of once, when it is removed.
        removed = {version.key for version in comparison.removed}
        items = [
            self._history.item(verdict.kind, verdict.ref, Outcome.SKIPPED, reason=verdict.reason)
            for verdict in comparison.verdicts
            if verdict.key not in removed
        ]
        self.pins.release(services.session, comparison.released)
        items += self._hold(services.session, comparison.held)
        self._history.add(services.session, items)
        services.ledger.advance(self._claim, 0)

    def refuse(self, services: Services, items: Sequence[Item]) -> None:
        """Refs that were read and are no versions."""
        session = services.session
        verdicts = [item.verdict for item in items if item.verdict is not None]
        news = [
            item for item in items if item.verdict is None or not self._history.has(item.verdict)
        ]
        self._history.keep_verdicts(session, verdicts)
        self.pins.hold(session, [item.hold for item in items if item.hold is not None])
        self._history.add(
            session,
            [
                self._history.item(
                    item.ref.kind,
                    item.ref.name,
                    item.outcome,
                    reference=item.ref.commit,
                    reason=item.reason,
                )
                for item in news
            ],
        )
        # Another ref of the same number may have taken the row over.
        removed = [
            item.removes
            for item in items
            if item.removes is not None and item.removes.id not in self._reused
        ]
        self._remove(services, removed, lambda _: NO_LONGER)
        for version in removed:
            self._versions.pop(version.normalized, None)
        services.ledger.advance(self._claim, len(items))

    def refuse_all(self, services: Services, reason: str) -> None:
        """The whole project gives no version."""
        item = self._history.item("", "", Outcome.SKIPPED, reason=reason)
        self._history.add(services.session, [item])
        services.ledger.advance(self._claim, 0)

    def built(self, services: Services, references: Sequence[str]) -> dict[str, int]:
        """The ids of those dists that are stored already."""
        rows = services.session.execute(
            select(Dist.reference, Dist.id).where(
                Dist.package_id == self._package_id,
                Dist.reference.in_(references),
                Dist.storage_key != "",
            )
        )
        return {row.reference: row.id for row in rows}

    def write(self, services: Services, records: Sequence[Record], built: dict[str, int]) -> None:
        """Refs that are versions now. Their dists: just stored, or `built` before, or lazy."""
        session = services.session
        ids = dict(built)
        files = {record.ref.commit: record.file for record in records if record.file is not None}
        if files:
            ids |= dists.record_all(session, self._package_id, files)
        lazy = [record.ref.commit for record in records if record.ref.commit not in ids]
        if lazy:
            ids |= dists.lazy_dists(session, self._package_id, lazy)
        self._note_heads(session, records, ids)
        items = self._write_versions(session, records, ids)
        self.pins.release(session, [record.name.identity for record in records])
        self._history.add(session, items)
        self._history.drop_verdicts(
            session, [(record.ref.kind, record.ref.name) for record in records]
        )
        self._mark_stale(session)
        for record in records:
            if record.facts is not None:
                self._describe(session, record.facts)
        services.ledger.advance(self._claim, len(records))

    def _note_heads(self, session: Session, records: Sequence[Record], ids: dict[str, int]) -> None:
        of = [(record.ref, ids[record.ref.commit]) for record in records]
        branches = [(ref.name, dist) for ref, dist in of if ref.kind is RefKind.BRANCH]
        tags = [dist for ref, dist in of if ref.kind is RefKind.TAG]
        note_heads(session, self._package_id, branches, tags)

    def take_name(self, services: Services, name: str) -> bool:
        """Name the package. False: another one of its repository has the name."""
        session = services.session
        package = session.get_one(Package, self._package_id, with_for_update=True)
        taken = select(func.count()).where(
            Package.repository_id == package.repository_id,
            Package.name == name,
            Package.id != package.id,
        )
        if session.scalar(taken):
            return False
        package.name, package.stale = name, True
        trial, package.on_trial = package.on_trial, False
        session.flush()
        if trial and package.project is not None:
            services.webhooks.reconsider(package.project)
        self.pins.load(session)
        self.stale = True
        services.ledger.advance(self._claim, 0)
        return True

    def speaker(self, services: Services, removed: Iterable[KnownVersion]) -> Ref | None:
        """The ref that speaks for the package; None when it has no version of a ref."""
        gone = {version.id for version in removed} - self._reused
        rows = services.session.execute(
            select(
                Version.id,
                Version.kind,
                Version.ref,
                Version.reference,
                Version.normalized,
                Version.stability,
                Version.committed_at,
            ).where(Version.package_id == self._package_id, Version.kind != VersionKind.UPLOAD)
        )
        best = max(
            (row for row in rows if row.id not in gone),
            key=lambda row: (
                (row.kind, row.ref) == (RefKind.BRANCH, self._default),
                row.stability == STABLE,
                sort_key(row.normalized),
            ),
            default=None,
        )
        if best is None:
            return None
        return Ref(
            kind=RefKind(best.kind),
            name=best.ref,
            commit=best.reference,
            committed_at=best.committed_at,
        )

    def settle(self, services: Services, comparison: Comparison, facts: Facts | None) -> None:
        """What concerns all refs, when each has been looked at."""
        session = services.session
        gone = [version for version in comparison.removed if version.id not in self._reused]
        self._remove(services, gone, lambda each: comparison.filtered.get(each.key, GONE))
        self._history.drop_verdicts(session, [verdict.key for verdict in comparison.forgotten])
        if comparison.default_moved:
            self._move_default(session)
        if facts is not None:
            self._describe(session, facts)
        services.ledger.advance(self._claim, 0)

    def _hold(self, session: Session, all_held: Sequence[Held]) -> list[dict[str, Any]]:
        holds, items = [], []
        for held in all_held:
            version, ref = held.version, held.ref
            if version.ref != ref.name:
                run(session, update(Version).where(Version.id == version.id).values(ref=ref.name))
            hold = Hold(
                version=version.name,
                identity=version.identity,
                reference=version.reference,
                ref=ref.name,
                commit=ref.commit,
            )
            item = self._history.item(
                ref.kind,
                ref.name,
                Outcome.HELD,
                reference=ref.commit,
                version=version.name,
                reason=moved(version.reference, ref.commit, served=True),
            )
            holds.append(hold)
            items.append(item)
        self.pins.hold(session, holds)
        want(session, [held.version.id for held in all_held if not held.version.built])
        return items

    def _write_versions(
        self, session: Session, records: Sequence[Record], ids: dict[str, int]
    ) -> list[dict[str, Any]]:
        added, changed, items = [], [], []
        for record in records:
            ref, name = record.ref, record.name
            values = self._version(record, ids[ref.commit])
            known = self._versions.get(name.normalized)
            if known is None:
                added.append({**values, "created_at": now()})
            else:
                changed.append({**values, "version_id": known.id})
                self._reused.add(known.id)
            items.append(
                self._history.item(
                    ref.kind,
                    ref.name,
                    Outcome.IMPORTED if known is None else Outcome.UPDATED,
                    reference=ref.commit,
                    version=name.pretty,
                    reason=record.notice,
                )
            )
        # `_mark_stale`, in the same transaction, tells the session of these.
        if added:
            session.connection().execute(_ADD_VERSION, added)
        if changed:
            session.connection().execute(_CHANGE_VERSION, changed)
        return items

    def _version(self, record: Record, dist_id: int) -> dict[str, Any]:
        ref, name, manifest = record.ref, record.name, record.manifest
        return {
            "package_id": self._package_id,
            "name": name.pretty,
            "normalized": name.normalized,
            "stability": parse_stability(name.normalized),
            "kind": VersionKind(ref.kind.value),
            "ref": ref.name,
            "reference": ref.commit,
            "committed_at": _plausible(manifest.time, ref.committed_at),
            "default_branch": (ref.kind, ref.name) == (RefKind.BRANCH, self._default),
            "manifest": dict(manifest.metadata),
            "dist_id": dist_id,
        }

    def _remove(
        self,
        services: Services,
        versions: Sequence[KnownVersion],
        reason: Callable[[KnownVersion], str],
    ) -> None:
        if not versions:
            return
        session = services.session
        self.pins.remember(session, versions)
        for ids in chunks([version.id for version in versions]):
            run(session, delete(Version).where(Version.id.in_(ids)))
        items = [
            self._history.item(
                version.kind,
                version.ref,
                Outcome.REMOVED,
                reference=version.reference,
                version=version.name,
                reason=reason(version),
            )
            for version in versions
        ]
        self._history.add(session, items)
        self._mark_stale(session)
        self._announce_removed(services, versions)

    def _announce_removed(self, services: Services, versions: Sequence[KnownVersion]) -> None:
        if not services.events.heard:
            return
        package = services.session.get_one(Package, self._package_id)
        for version in versions:
            services.events.announce(
                VersionRemoved(
                    repository=package.repository.path,
                    package=package.name or "",
                    version=version.name,
                )
            )

    def _move_default(self, session: Session) -> None:
        mine = and_(
            Version.package_id == self._package_id,
            Version.kind == RefKind.BRANCH,
            Version.ref == self._default,
        )
        flagged = Version.package_id == self._package_id, Version.default_branch
        if self._default is None:
            run(session, update(Version).where(*flagged).values(default_branch=False))
        else:
            other = update(Version).where(*flagged, ~mine).values(default_branch=False)
            run(session, other)
            run(session, update(Version).where(mine).values(default_branch=True))
        self._mark_stale(session)

    def _describe(self, session: Session, facts: Facts) -> None:
        package = session.get_one(Package, self._package_id)
        package.composer_name = None if facts.name == package.name else facts.name
        package.description = facts.description[:LONGEST_DESCRIPTION]
        package.type = facts.type[:255]
        package.keywords = list(facts.keywords)
        package.readme, package.readme_html = facts.readme, facts.readme_html
        requirements.note(session, package.id, facts.metadata)
        if package.abandoned != facts.abandoned:
            package.abandoned, package.stale = facts.abandoned, True
            self.stale = True

    def _mark_stale(self, session: Session) -> None:
        # Every time: a document may be rendered between two transactions of one import.
        session.execute(_MARK_STALE, {"package": self._package_id})
        self.stale = True


def _plausible(typed: datetime | None, committed: datetime) -> datetime:
    """The time to show: as the author typed it, unless no database could keep that."""
    return typed if typed is not None and typed.year >= FIRST_YEAR else committed
