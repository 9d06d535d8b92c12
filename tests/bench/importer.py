"""An import in a process of its own: `python -m tests.bench.importer FOLDER GIT DISTS LIMIT`.

Imports GIT twice, with DISTS "eager" or "lazy", into an installation in FOLDER, which may have its
tables already, and prints as JSON how many seconds each took. What a server that has run for a
while has behind it, the first import of its life, is done before. With LIMIT, no process may have
more bytes of its own data.
"""

# ruff: noqa: E402 - what is imported below must not find these
import sys

# An installation on SQLite does not have them: zope.sqlalchemy loads whatever driver it finds.
sys.modules.update(dict.fromkeys(("psycopg", "pymysql")))  # type: ignore[arg-type]

import json
import resource
from pathlib import Path
from time import perf_counter

from packistry import jobs, process
from packistry.inputs import NewPackage, NewRepository, NewSource
from packistry.models import Dists, Sync, SyncState
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.settings import Settings
from tests.bench import gits

URL = "http://packages.bench"
SOURCE = "git"


class Importing:
    """One installation with one repository."""

    def __init__(self, runtime: Runtime, dists: Dists) -> None:
        self._runtime = runtime
        runtime.attempt(lambda services: _begin(services, dists))

    def add(self, git: Path) -> float:
        """A package made from the repository at `git`; the seconds its import took."""

        def add(services: Services) -> int:
            source = services.sources.get(SOURCE)
            found = self._runtime.provider(source).project(str(git))
            repository = services.repositories.get("")
            ((_package, sync),) = services.packages.add(repository, source, [found], NewPackage())
            return sync.id

        return self._run(self._runtime.attempt(add))

    def again(self) -> float:
        """The seconds another look at the project last added takes."""

        def request(services: Services) -> int:
            package = services.packages.all(services.repositories.get(""))[-1]
            return services.packages.sync(package).id

        return self._run(self._runtime.attempt(request))

    def _run(self, sync_id: int) -> float:
        start = perf_counter()
        jobs.run(self._runtime, "sync", sync_id)
        took = perf_counter() - start
        with self._runtime.transaction() as services:
            sync = services.session.get_one(Sync, sync_id)
            if sync.state != SyncState.DONE:
                raise RuntimeError(f"{sync.state}: {sync.error}")
        return took


def _begin(services: Services, dists: Dists) -> None:
    services.repositories.add(NewRepository(name="bench"))
    services.sources.add(NewSource(name=SOURCE, provider="git", dists=dists))


def main() -> None:
    folder, git, dists, limit = sys.argv[1:]
    if int(limit):
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
    root = Path(folder)
    root.mkdir(exist_ok=True)
    roots = (root, Path(git).parent)
    settings = Settings(data_dir=root / "data", url=URL, git_local_roots=roots, workers=0)
    runtime = Runtime(settings)
    runtime.prepare()
    importing = Importing(runtime, Dists(dists))
    importing.add(gits.small(root / "small.git"))
    importing.again()
    process.settle()
    first = importing.add(Path(git))
    again = importing.again()
    with runtime.transaction() as services:
        facts = [(each.versions, each.dists, each.bytes) for each in services.packages.summaries()]
    runtime.close()
    versions, built, size = max(facts)
    json.dump(
        {"first": first, "again": again, "versions": versions, "dists": built, "bytes": size},
        sys.stdout,
    )


if __name__ == "__main__":
    main()
