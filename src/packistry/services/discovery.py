"""Many projects at once, and new ones by themselves: which become packages, and which do not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from packistry import plugin
from packistry.composer.filters import EVERYTHING, matching
from packistry.inputs import NewPackage
from packistry.models import Package, PassedProject, Project, Repository, Source
from packistry.models.base import now
from packistry.services import passed
from packistry.services.ledger import Claim, Ledger
from packistry.services.packages import Packages

LOOK_AGAIN = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which of a source's projects are wanted: those whose path fits one of the patterns.

    Case does not matter in a path. `again`: also those that had no composer.json before.
    """

    patterns: Sequence[str] = EVERYTHING
    archived: bool = False
    again: bool = False

    def fits(self, project: plugin.Project) -> bool:
        return bool(matching([each.casefold() for each in self.patterns], project.path.casefold()))


@dataclass(frozen=True, kw_only=True)
class AddedPackage:
    """A package made of a project, and the sync that will show whether it is one."""

    package_id: int
    project: str
    external_id: str
    sync_id: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What became of some of the projects. `left_out` counts the others, by the reason."""

    found: int
    added: Sequence[AddedPackage]
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class PassedFacts:
    """A project that does not become a package by itself. `removed`: a person decided so."""

    project: str
    repository: str
    reason: str
    removed: bool
    looked_at: datetime


class Discovery:
    """The projects of sources that are not packages yet."""

    def __init__(self, session: Session, ledger: Ledger, packages: Packages) -> None:
        self._session = session
        self._ledger = ledger
        self._packages = packages

    def add(
        self,
        repository: Repository,
        source: Source,
        found: Sequence[plugin.Project],
        new: NewPackage,
        wanted: Wanted,
    ) -> Batch:
        """Make packages of those that are wanted and not there.

        Each is on trial: when the first import shows that it is none, it goes again.
        """
        there = self._there(repository, source, found)
        known = self._passed(repository, source, found)
        left_out: Counter[str] = Counter()
        chosen = []
        for project in {each.id: each for each in found}.values():
            reason = ""
            if not wanted.fits(project):
                reason = "fit no pattern"
            elif project.id in there:
                reason = "are here already"
            elif project.archived and not wanted.archived:
                reason = "are archived"
            elif (row := known.get(project.id)) is not None:
                reason = _passed_over(row, project, wanted)
            if reason:
                left_out[reason] += 1
            else:
                chosen.append(project)
        made = self._packages.add(repository, source, chosen, new, on_trial=True)
        added = [
            AddedPackage(
                package_id=package.id,
                project=project.path,
                external_id=project.id,
                sync_id=sync.id,
            )
            for project, (package, sync) in zip(chosen, made, strict=True)
        ]
        return Batch(found=len(found), added=added, left_out=left_out)

    def pass_over(self, claim: Claim, package: Package, reason: str, pushed: str) -> bool:
        """The package on trial is none: remove it, and remember why. Raises ClaimLost.

        Whether its project, and the claimed sync with it, is gone, too.
        """
        project = package.project
        if project is None:
            return False
        self._ledger.advance(claim, 0)
        number = project.id
        passed.remember(self._session, package, reason, pushed=pushed)
        self._packages.discard(package)
        return self._session.get(Project, number) is None

    def passed(
        self, source: Source, project: str = "", limit: int | None = None
    ) -> list[PassedFacts]:
        """Projects of a source that are left alone, so many at most, or the one of this path."""
        query = select(PassedProject, Repository.path).join(PassedProject.repository)
        if project:
            query = query.where(PassedProject.path == project)
        rows = self._session.execute(
            query.where(PassedProject.source_id == source.id)
            .order_by(PassedProject.path, PassedProject.id)
            .limit(limit)
        )
        return [
            PassedFacts(
                project=row.path,
                repository=path,
                reason=row.reason,
                removed=row.removed,
                looked_at=row.looked_at,
            )
            for row, path in rows
        ]

    def count_passed(self, source: Source) -> int:
        """How many projects of a source are left alone."""
        query = select(func.count()).where(PassedProject.source_id == source.id)
        return self._session.scalar(query) or 0

    def _there(
        self, repository: Repository, source: Source, found: Sequence[plugin.Project]
    ) -> set[str]:
        query = (
            select(Project.external_id)
            .join(Package, Package.project_id == Project.id)
            .where(
                Package.repository_id == repository.id,
                Project.source_id == source.id,
                Project.external_id.in_([each.id for each in found]),
            )
        )
        return set(self._session.scalars(query))

    def _passed(
        self, repository: Repository, source: Source, found: Sequence[plugin.Project]
    ) -> dict[str, PassedProject]:
        query = select(PassedProject).where(
            PassedProject.repository_id == repository.id,
            PassedProject.source_id == source.id,
            PassedProject.external_id.in_([each.id for each in found]),
        )
        return {row.external_id: row for row in self._session.scalars(query)}


def _passed_over(row: PassedProject, project: plugin.Project, wanted: Wanted) -> str:
    if row.removed:
        return "were removed before: add one by its name to have it again"
    if wanted.again:
        return ""
    if project.pushed:
        changed = row.pushed != project.pushed[: passed.LONGEST_HINT]
    else:
        changed = row.looked_at < now() - LOOK_AGAIN
    return "" if changed else "are no packages, and have not changed"
