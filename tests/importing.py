"""An installation that imports from real git repositories, asked by its public doors."""

import gzip
import io
import json
import zipfile
from typing import Any

from sqlalchemy import select

from packistry import plugin
from packistry.composer.minifier import expand
from packistry.inputs import NewPackage, NewRepository, NewSource
from packistry.models import (
    Channel,
    Dist,
    Dists,
    Document,
    Package,
    Project,
    Repository,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    TagPolicy,
    Version,
)
from packistry.runtime import Runtime
from packistry.services.synchronizer import Synchronizer
from tests.repositories import GitRepository

SOURCE = "here"


class Importing:
    """Makes packages of local repositories, runs their syncs, and tells what came of it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def add(
        self,
        repository: GitRepository | str,
        *,
        path: str = "",
        subdirectory: str = "",
        dists: Dists | None = None,
        policy: TagPolicy = TagPolicy.PROTECT,
        provider: str = "git",
        webhook: bool = True,
    ) -> int:
        """The id of a package made of the repository, not imported yet."""
        url = repository if isinstance(repository, str) else repository.url
        with self.runtime.transaction() as services:
            source = services.sources.find(provider) or services.sources.add(
                NewSource(name=provider, provider=provider)
            )
            home = services.session.scalars(
                select(Repository).where(Repository.path == path)
            ).one_or_none() or services.repositories.add(
                NewRepository(name=path or "root", path=path, tag_policy=policy)
            )
            project = (
                self.runtime.provider(source).project(url)
                if provider == "git"
                else plugin.Project(id=url, path="acme/lib")
            )
            new = NewPackage(subdirectory=subdirectory, dists=dists, webhook=webhook)
            ((package, _),) = services.packages.add(home, source, [project], new)
            return package.id

    def sync(self, package: int, reason: SyncReason = SyncReason.MANUAL) -> Sync:
        """Ask for a sync of the package's project and run it."""
        sync = self.request(package, reason)
        Synchronizer(self.runtime).run(sync)
        return self.sync_row(sync)

    def request(self, package: int, reason: SyncReason = SyncReason.MANUAL) -> int:
        with self.runtime.transaction() as services:
            project = services.session.get_one(Package, package).project
            assert project is not None
            return services.ledger.request(project, reason).id

    def sync_row(self, sync: int) -> Sync:
        with self.runtime.transaction() as services:
            row = services.session.get_one(Sync, sync)
            services.session.refresh(row)
            services.session.expunge(row)
            return row

    def imported(self, repository: GitRepository, **options: Any) -> int:
        """`add` and `sync` in one."""
        package = self.add(repository, **options)
        self.sync(package)
        return package

    def package(self, package: int) -> Package:
        with self.runtime.transaction() as services:
            row = services.session.get_one(Package, package)
            # Apart from the row, so it must be asked for before that is let go.
            assert isinstance(row.readme, str)
            services.session.expunge_all()
            return row

    def project(self, package: int) -> Project:
        row: Project = self._row(Project, self.package(package).project_id)
        return row

    def versions(self, package: int) -> dict[str, Version]:
        """The versions by the name people see."""
        return {row.name: row for row in self._rows(Version, Version.package_id == package)}

    def names(self, package: int) -> set[str]:
        return set(self.versions(package))

    def dists(self, package: int) -> dict[str, Dist]:
        """The dists by reference."""
        return {row.reference: row for row in self._rows(Dist, Dist.package_id == package)}

    def items(self, package: int, sync: int | None = None) -> dict[str, SyncItem]:
        """What became of refs, by their names; the latest word on each."""
        rows = self._rows(SyncItem, SyncItem.package_id == package)
        return {row.ref: row for row in rows if sync in (None, row.sync_id)}

    def reasons(self, package: int) -> dict[str, str]:
        return {ref: item.reason for ref, item in self.items(package).items()}

    def document(self, package: int, channel: Channel = Channel.STABLE) -> dict[str, Any]:
        """The versions in a p2 file as a client sees them, by name."""
        row = self.stored(package)[channel]
        data = json.loads(gzip.decompress(row.body))
        (versions,) = data["packages"].values()
        return {entry["version"]: entry for entry in expand(versions)}

    def stored(self, package: int) -> dict[Channel, Document]:
        rows = self._rows(Document, Document.package_id == package)
        return {Channel(row.channel): row for row in rows}

    def modified(self, package: int) -> dict[Channel, int]:
        return {channel: row.modified for channel, row in self.stored(package).items()}

    def zip(self, dist: Dist) -> bytes:
        with self.runtime.storage.open(dist.storage_key) as stream:
            return stream.read()

    def files(self, dist: Dist) -> dict[str, bytes]:
        """What a client unpacks: the files below the one top folder."""
        with zipfile.ZipFile(io.BytesIO(self.zip(dist))) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            assert len({name.partition("/")[0] for name in archive.namelist()}) == 1
            return {name.partition("/")[2]: archive.read(name) for name in names}

    def source(self, provider: str = "git") -> Source:
        found: Source = self._rows(Source, Source.name == provider)[0]
        return found

    def _row(self, model: Any, key: Any) -> Any:
        (row,) = self._rows(model, model.id == key)
        return row

    def _rows(self, model: Any, *where: Any) -> list[Any]:
        with self.runtime.transaction() as services:
            rows = list(services.session.scalars(select(model).where(*where).order_by(model.id)))
            services.session.expunge_all()
            return rows
