from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from packistry import plugin
from packistry.errors import Conflict, Invalid, NotFound
from packistry.inputs import NewPackage, PackageChange
from packistry.models import (
    Dist,
    Outcome,
    Package,
    Project,
    Repository,
    Source,
    Sync,
    SyncReason,
    SyncState,
    Version,
    Webhook,
)
from packistry.services import passed, popularity
from packistry.services.documents import Documents
from packistry.services.events import Events
from packistry.services.filters import set_lists
from packistry.services.ledger import Ledger
from packistry.services.pins import remember_all
from packistry.services.projects import Projects
from packistry.services.summaries import Summary, summaries
from packistry.services.syncs import items_of
from packistry.services.webhooks import Webhooks

RECENT_SYNCS = 5
LONGEST_NUMBER = 10


@dataclass(frozen=True, kw_only=True)
class ItemFacts:
    """What a sync did with one ref of `package`, its name or number."""

    package: str
    kind: str
    ref: str
    version: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a sync is: `done` of `total` refs. `project`, `source`: what people call them."""

    id: int
    project: str
    source: str
    state: SyncState
    not_before: datetime
    done: int
    total: int
    error: str
    items: tuple[ItemFacts, ...]


class Packages:
    """The packages of all repositories."""

    def __init__(
        self,
        session: Session,
        documents: Documents,
        ledger: Ledger,
        projects: Projects,
        webhooks: Webhooks,
        events: Events,
    ) -> None:
        self._session = session
        self._documents = documents
        self._ledger = ledger
        self._projects = projects
        self._webhooks = webhooks
        self._events = events

    def all(self, repository: Repository) -> list[Package]:
        query = select(Package).where(Package.repository_id == repository.id).order_by(Package.name)
        return list(self._session.scalars(query))

    def find(self, name: str, repository: Repository | None = None) -> list[Package]:
        """Those called vendor/name in all repositories (or the one given), or the one numbered."""
        query = select(Package).order_by(Package.id)
        # Longer ones are none, and some databases refuse them.
        if name.isascii() and name.isdigit() and len(name) < LONGEST_NUMBER:
            query = query.where(Package.id == int(name))
        else:
            query = query.where(Package.name == name.strip().lower())
        if repository is not None:
            query = query.where(Package.repository_id == repository.id)
        return list(self._session.scalars(query))

    def get(self, name: str, repository: Repository | None = None) -> Package:
        """Raises NotFound, and Conflict when several repositories have one of this name."""
        found = self.find(name, repository)
        if not found:
            where = f' in the repository "{repository.name}"' if repository else ""
            raise NotFound(f"There is no package {name}{where}.", noun="package")
        if len(found) > 1:
            places = ", ".join(f'{each.id} in "{each.repository.name}"' for each in found)
            raise Conflict(
                f"Several repositories have a package {name}: say its number ({places})."
            )
        return found[0]

    def add(
        self,
        repository: Repository,
        source: Source,
        projects: Sequence[plugin.Project],
        new: NewPackage,
        *,
        on_trial: bool = False,
        again: bool = False,
    ) -> list[tuple[Package, Sync]]:
        """A package for each project, and the sync that is owed to it.

        `on_trial`: each goes again unless its first import shows that it is one. Where one is in
        the repository already, `again` has its project looked at once more; without it Conflict is
        raised, and none is added.
        """
        return [
            self._add(repository, source, project, new, on_trial, again) for project in projects
        ]

    def at(self, package_id: int) -> Package:
        """The one of this number. Raises NotFound."""
        package = self._session.get(Package, package_id)
        if package is None:
            raise NotFound("There is no such package any more.", noun="package")
        return package

    def edit(self, package: Package, change: PackageChange) -> None:
        """What its next sync goes by, and whether it is abandoned. Raises Invalid."""
        if change.abandoned is not None:
            self._abandon(package, change.abandoned)
        for name in ("dists", "tag_policy", "keep_dists"):
            value = getattr(change, name)
            if value is not None:
                setattr(package, name, None if value == "inherit" else value)
        set_lists(package, change)
        self._session.flush()

    def sync(self, package: Package) -> Sync:
        """The sync that is now owed to its project. Raises Conflict when it has none."""
        if package.project is None:
            raise Conflict(
                f"{package.name} has no project to import from: its versions are uploaded."
            )
        return self._ledger.request(package.project, SyncReason.MANUAL)

    def repair_webhook(self, package: Package) -> Webhook:
        """Its project's webhook, to be made anew. Raises Conflict when none can be made."""
        if package.project is None:
            raise Conflict(f"{package.name} has no project, so it has no webhook.")
        return self._webhooks.repair(package.project)

    def sync_all(self) -> list[Sync]:
        """The syncs that are now owed to every project that has packages."""
        query = (
            select(Project).where(Project.id.in_(select(Package.project_id))).order_by(Project.id)
        )
        return [
            self._ledger.request(each, SyncReason.MANUAL) for each in self._session.scalars(query)
        ]

    def remove(self, package: Package) -> None:
        """With its versions. Its project goes with the last package made from it.

        The zips go at the next collection of garbage. What its stable versions were is remembered:
        a package of this name holds their tags to it. So is the project: it does not become a
        package again by itself.
        """
        passed.remember_removed(self._session, package)
        self.discard(package)

    def discard(self, package: Package) -> None:
        """As `remove`, but not as somebody's decision about the project."""
        project = package.project
        if package.name:
            event = plugin.PackageRemoved(repository=package.repository.path, package=package.name)
            self._events.announce(event)
        remember_all(self._session, package)
        self._documents.forget(package)
        popularity.forget(self._session, package)
        # A version points at its dist: one database deletes the dists first and would object.
        self._session.execute(delete(Version).where(Version.package_id == package.id))
        self._session.delete(package)
        self._session.flush()
        if project is not None and not self._of_project(project):
            self._webhooks.leave(project)
            self._session.delete(project)
            self._session.flush()

    def mark_stale(self, repository: Repository) -> None:
        """Its documents hold the repository's path, which has changed: have them rendered."""
        self._session.execute(
            update(Package)
            .where(Package.repository_id == repository.id, Package.name.is_not(None))
            .values(stale=True)
            .execution_options(synchronize_session=False)
        )

    def summaries(self, repository: Repository | None = None, search: str = "") -> list[Summary]:
        """Packages by name, those without a name yet last."""
        query = select(Package.id)
        if repository is not None:
            query = query.where(Package.repository_id == repository.id)
        if search:
            query = query.where(Package.name.contains(search.lower(), autoescape=True))
        return summaries(self._session, query)

    def summary(self, package: Package) -> Summary:
        """The same of one."""
        (found,) = summaries(self._session, select(Package.id).where(Package.id == package.id))
        return found

    def versions(self, package: Package) -> list[tuple[Version, Dist | None]]:
        """In no order Composer would know; the newest commit first."""
        query = (
            select(Version, Dist)
            .outerjoin(Dist, Dist.id == Version.dist_id)
            .where(Version.package_id == package.id)
            .order_by(Version.committed_at.desc(), Version.id.desc())
        )
        return [(version, dist) for version, dist in self._session.execute(query)]

    def recent_syncs(self, package: Package) -> Sequence[Sync]:
        """The last few, newest first."""
        return [] if package.project_id is None else self._ledger.recent(package, RECENT_SYNCS)

    def progress(self, sync_ids: Sequence[int]) -> list[Progress]:
        """How far these syncs are, and once they are over, what they did."""
        query = (
            select(Sync, Project.path, Source.name)
            .join(Sync.project)
            .join(Project.source)
            .where(Sync.id.in_(sync_ids))
        )
        return [
            Progress(
                id=sync.id,
                project=path,
                source=source,
                state=SyncState(sync.state),
                not_before=sync.not_before,
                done=sync.done,
                total=sync.total,
                error=sync.error,
                items=() if sync.finished_at is None else self._items(sync),
            )
            for sync, path, source in self._session.execute(query.order_by(Sync.id))
        ]

    def _items(self, sync: Sync) -> tuple[ItemFacts, ...]:
        return tuple(
            ItemFacts(
                package=name or f"number {item.package_id}",
                kind=item.kind,
                ref=item.ref,
                version=item.version,
                outcome=Outcome(item.outcome),
                reason=item.reason,
            )
            for item, name in self._session.execute(items_of(sync))
        )

    def _abandon(self, package: Package, abandoned: bool | str) -> None:
        if isinstance(abandoned, str) and abandoned == package.name:
            raise Invalid("A package cannot take its own place.", field="abandoned")
        package.abandoned_here = None if abandoned == "inherit" else abandoned
        self._session.flush()
        self._documents.render(package)

    def _add(
        self,
        repository: Repository,
        source: Source,
        found: plugin.Project,
        new: NewPackage,
        on_trial: bool,
        again: bool,
    ) -> tuple[Package, Sync]:
        project = self._projects.adopt(source, found)
        same = select(Package).where(
            Package.repository_id == repository.id,
            Package.project_id == project.id,
            Package.subdirectory == new.subdirectory,
        )
        if (there := self._session.scalars(same).first()) is not None:
            if again:
                return there, self._ledger.request(project, SyncReason.MANUAL)
            name = there.name or f"number {there.id}"
            raise Conflict(
                f'{found.path} is in the repository "{repository.name}" already: package {name}.'
            )
        package = Package(
            repository=repository,
            project=project,
            subdirectory=new.subdirectory,
            dists=new.dists,
            tag_policy=new.tag_policy,
            keep_dists=new.keep_dists,
            on_trial=on_trial,
        )
        set_lists(package, new)
        self._session.add(package)
        self._session.flush()
        passed.forget(self._session, package)
        if new.webhook:
            self._webhooks.want(project)
        return package, self._ledger.request(project, SyncReason.ADDED)

    def _of_project(self, project: Project) -> int:
        query = select(func.count()).where(Package.project_id == project.id)
        return self._session.scalar(query) or 0
