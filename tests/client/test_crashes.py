"""An import whose process is killed again and again, at any moment, ends like one that was not."""

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from packistry.models import Dist, Intent, Package, Sync, SyncReason, SyncState, Version
from packistry.runtime import Runtime
from packistry.services.collector import Collector
from packistry.settings import Settings
from tests.importing import Importing
from tests.repositories import GitRepository

KILLS = 20
ROUNDS = 60
TAGS = 60
SEED = 20_130_411
OPEN = (SyncState.QUEUED, SyncState.RUNNING)

# `packistry serve` without the web: workers until nothing is owed. Each line it reads starts
# another life of it, by a fork of a process that has imported everything and opened nothing.
PROGRAM = """
import os, sys, time
from sqlalchemy import select
from packistry.jobs.worker import Workers
from packistry.models import Sync, SyncState
from packistry.runtime import Runtime
from packistry.settings import load

def live():
    runtime = Runtime(load())
    runtime.prepare()
    workers = Workers(runtime, 2, look_seconds=0.05)
    workers.start()
    print(os.getpid(), flush=True)
    owed = select(Sync.id).where(Sync.state.in_((SyncState.QUEUED, SyncState.RUNNING)))
    while True:
        with runtime.transaction() as services:
            if not services.session.scalars(owed).first():
                break
        time.sleep(0.05)
    workers.stop()
    runtime.close()

while sys.stdin.readline():
    if os.fork() == 0:
        live()
        os._exit(0)
    print(os.wait()[1], flush=True)
"""


class Importer:
    """The process that imports, which can be killed and started again."""

    def __init__(self, settings: Settings) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "PACKISTRY_DATA_DIR": str(settings.data_dir),
            "PACKISTRY_DATABASE_URL": settings.database_url.get_secret_value(),
            "PACKISTRY_URL": settings.url,
            "PACKISTRY_GIT_LOCAL_ROOTS": str(settings.git_local_roots[0]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def start(self) -> int:
        """Start a life; its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write("live\n")
        return self._number()

    def end(self) -> int:
        """Wait for the end of this life; how it came."""
        return self._number()

    def close(self) -> None:
        self._process.communicate()

    def _number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


class Crashed:
    """What is left after the last crash and one quiet run."""

    def __init__(self, runtime: Runtime, repository: GitRepository, importer: Importer) -> None:
        self.runtime = runtime
        self.repository = repository
        self.importer = importer
        self.importing = Importing(runtime)
        self.kills = self.tags = 0
        self.push(TAGS)
        self.package = self.importing.add(repository)

    def push(self, count: int) -> None:
        for _ in range(count):
            self.tags += 1
            number = str(self.tags)
            files = {f"src/{number}.php": f"<?php // {number}\n" * 2000, "VERSION": number}
            self.repository.commit({"name": "acme/lib"}, files=files)
            self.repository.tag(f"v1.{number}.0")

    def crash(self, rng: random.Random) -> None:
        """Run the process and kill it while it imports."""
        if not self._owed():
            self.push(8)
            self.importing.request(self.package, SyncReason.MANUAL)
        process = self.importer.start()
        time.sleep(rng.uniform(0, 0.4))
        # It may have come to its end by itself.
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        self.importer.end()
        self.kills += self._owed()

    def finish(self) -> None:
        self.importing.request(self.package, SyncReason.MANUAL)
        self.importer.start()
        assert self.importer.end() == 0

    def _owed(self) -> bool:
        with self.runtime.transaction() as services:
            owed = select(Sync.id).where(Sync.state.in_(OPEN))
            return services.session.scalars(owed).first() is not None


@pytest.fixture
def importer(settings: Settings) -> Iterator[Importer]:
    importer = Importer(settings)
    yield importer
    importer.close()


@pytest.fixture
def crashed(runtime: Runtime, importer: Importer, tmp_path: Path) -> Crashed:
    crashed = Crashed(runtime, GitRepository(tmp_path / "lib"), importer)
    rng = random.Random(SEED)
    for _ in range(ROUNDS):
        if crashed.kills >= KILLS:
            break
        crashed.crash(rng)
    assert crashed.kills >= KILLS
    crashed.finish()
    return crashed


def test_an_import_killed_many_times_is_completed(crashed, runtime):
    every_tag_and_main_is_a_version(crashed)
    every_version_has_a_whole_dist(crashed)
    documents_show_what_there_is(crashed)
    Collector(runtime).collect()
    nothing_is_left_that_no_dist_names(crashed)
    every_version_has_a_whole_dist(crashed)


def every_tag_and_main_is_a_version(crashed: Crashed) -> None:
    tags = {f"v1.{number}.0" for number in range(1, crashed.tags + 1)}
    versions = crashed.importing.versions(crashed.package)
    assert set(versions) == {"dev-main", *tags}
    assert all(versions[tag].reference == crashed.repository.head(tag) for tag in tags)
    with crashed.runtime.transaction() as services:
        assert not services.session.get_one(Package, crashed.package).stale
        states = services.session.scalars(select(Sync.state).distinct()).all()
    assert states == [SyncState.DONE]


def every_version_has_a_whole_dist(crashed: Crashed) -> None:
    rows = select(Version.name, Version.reference, Dist).outerjoin(Version.dist)
    with crashed.runtime.transaction() as services:
        found = services.session.execute(rows).all()
        for name, reference, dist in found:
            assert dist is not None, name
            assert dist.reference == reference
            data = crashed.importing.zip(dist)
            assert hashlib.sha1(data).hexdigest() == dist.sha1, name
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                assert archive.testzip() is None, name


def documents_show_what_there_is(crashed: Crashed) -> None:
    shown = crashed.importing.document(crashed.package)
    assert len(shown) == crashed.tags


def nothing_is_left_that_no_dist_names(crashed: Crashed) -> None:
    with crashed.runtime.transaction() as services:
        named = set(services.session.scalars(select(Dist.storage_key)))
        assert services.session.scalars(select(Intent.storage_key)).all() == []
    assert set(crashed.runtime.storage.keys()) == named
