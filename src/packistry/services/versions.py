"""The versions of a package as people look at them: in Composer's order, yanked and restored."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, defer

from packistry.composer.semver import InvalidVersion, normalize, sort_key
from packistry.composer.versions import identity
from packistry.errors import Conflict, NotFound
from packistry.models import Dist, Download, Package, Repository, Version
from packistry.models.base import now
from packistry.services.access import Actor, readable
from packistry.services.documents import Documents

DEV = "dev"
SHOWN = 5
STABLE = "stable"


@dataclass(frozen=True, kw_only=True)
class VersionFacts:
    """A version, its dist, and how often it was downloaded."""

    version: Version
    dist: Dist | None
    downloads: int


class Versions:
    """The versions of all packages."""

    def __init__(self, session: Session, documents: Documents) -> None:
        self._session = session
        self._documents = documents

    def at(self, package: Package, version_id: int) -> Version:
        """The package's version of this number. Raises NotFound."""
        version = self._session.get(Version, version_id)
        if version is None or version.package_id != package.id:
            raise NotFound(f"{package.name} has no such version any more.", noun="version")
        return version

    def named(self, package: Package, name: str) -> Version:
        """The package's version called so, with or without a "v". Raises NotFound."""
        rows = self._session.execute(
            select(Version.id, Version.name, Version.normalized).where(
                Version.package_id == package.id
            )
        ).all()
        same = [row.id for row in rows if row.name == name]
        found = same or [row.id for row in rows if identity(row.normalized) == _identity(name)]
        if len(found) != 1:
            ids = self.ordered(package)[:SHOWN]
            names = {row.id: row.name for row in rows}
            there = ", ".join(names[each] for each in ids) or "none"
            more = f" and {len(rows) - len(ids)} more" if len(rows) > len(ids) else ""
            raise NotFound(f"{package.name} has no version {name}. There are: {there}{more}.")
        return self._session.get_one(Version, found[0])

    def ordered(self, package: Package) -> list[int]:
        """The ids of all: released ones with the highest first, then branches, the default first.

        Pre-releases stand where their number puts them.
        """
        rows = self._session.execute(
            select(
                Version.id,
                Version.normalized,
                Version.name,
                Version.stability,
                Version.default_branch,
            ).where(Version.package_id == package.id)
        ).all()
        released = [row for row in rows if row.stability != DEV]
        branches = [row for row in rows if row.stability == DEV]
        released.sort(key=lambda row: sort_key(row.normalized), reverse=True)
        branches.sort(key=lambda row: (not row.default_branch, row.name))
        return [row.id for row in (*released, *branches)]

    def facts(self, package: Package, ids: Sequence[int]) -> list[VersionFacts]:
        """These versions, in this order."""
        rows = self._session.execute(
            select(Version, Dist)
            .outerjoin(Dist, Dist.id == Version.dist_id)
            .where(Version.package_id == package.id, Version.id.in_(ids))
        ).all()
        downloads = self._downloads(package, [version.normalized for version, _ in rows])
        found = {
            version.id: VersionFacts(
                version=version, dist=dist, downloads=downloads.get(version.normalized, 0)
            )
            for version, dist in rows
        }
        return [found[each] for each in ids if each in found]

    def latest(self, package_ids: Sequence[int]) -> dict[int, Version]:
        """By package: its highest stable version, else the highest release, else a branch.

        Its manifest is read when it is asked for.
        """
        rows = self._session.execute(
            select(
                Version.id,
                Version.package_id,
                Version.normalized,
                Version.stability,
                Version.default_branch,
            ).where(Version.package_id.in_(package_ids), Version.yanked_at.is_(None))
        )
        best: dict[int, tuple[tuple[object, ...], int]] = {}
        for row in rows:
            rank = (
                row.stability == STABLE,
                row.stability != DEV,
                row.default_branch,
                sort_key(row.normalized),
            )
            if row.package_id not in best or rank > best[row.package_id][0]:
                best[row.package_id] = (rank, row.id)
        ids = [version_id for _, version_id in best.values()]
        query = select(Version).where(Version.id.in_(ids)).options(defer(Version.manifest))
        found = self._session.scalars(query)
        return {version.package_id: version for version in found}

    def example(self, repository: Repository, actor: Actor) -> Version | None:
        """A version there that the actor may install: stable if one is. None: there is none."""
        for of_it in ([Version.stability == STABLE], []):
            offered = exists().where(
                Version.package_id == Package.id, Version.yanked_at.is_(None), *of_it
            )
            query = (
                select(Package.id)
                .join(Repository, Repository.id == Package.repository_id)
                .where(
                    Repository.id == repository.id,
                    Package.name.is_not(None),
                    readable(actor),
                    offered.correlate(Package),
                )
                .order_by(Package.id)
                .limit(1)
            )
            found = self._session.scalars(query).first()
            if found is not None:
                return self.latest([found])[found]
        return None

    def daily(self, package: Package, first: date) -> dict[date, int]:
        """How often any version was downloaded on each day, from that day on."""
        return self.daily_of([package.id], first).get(package.id, {})

    def daily_of(self, package_ids: Sequence[int], first: date) -> dict[int, dict[date, int]]:
        """The same of several packages."""
        query = (
            select(Download.package_id, Download.day, func.sum(Download.downloads))
            .where(Download.package_id.in_(package_ids), Download.day >= first)
            .group_by(Download.package_id, Download.day)
        )
        found: dict[int, dict[date, int]] = defaultdict(dict)
        for package_id, day, number in self._session.execute(query):
            found[package_id][day] = int(number)
        return found

    def size(self, package: Package) -> int:
        """The bytes that its dists take in storage."""
        query = select(func.sum(Dist.size)).where(
            Dist.package_id == package.id, Dist.storage_key != ""
        )
        return int(self._session.scalar(query) or 0)

    def yank(self, package: Package, version: Version) -> None:
        """Composer chooses it no more; lock files that name it still install it.

        Raises Conflict when it is yanked already.
        """
        if version.yanked_at is not None:
            raise Conflict(f"{package.name} {version.name} is yanked already.")
        version.yanked_at = now()
        self._changed(package)

    def restore(self, package: Package, version: Version) -> None:
        """Composer may choose it again. Raises Conflict when it may already."""
        if version.yanked_at is None:
            raise Conflict(f"{package.name} {version.name} is not yanked.")
        version.yanked_at = None
        self._changed(package)

    def _changed(self, package: Package) -> None:
        self._session.flush()
        self._documents.render(package)
        self._session.flush()

    def _downloads(self, package: Package, normalized: Sequence[str]) -> dict[str, int]:
        query = (
            select(Download.version, func.sum(Download.downloads))
            .where(Download.package_id == package.id, Download.version.in_(normalized))
            .group_by(Download.version)
        )
        return {version: int(number) for version, number in self._session.execute(query)}


def _identity(name: str) -> str:
    try:
        return identity(normalize(name))
    except InvalidVersion:
        return ""
