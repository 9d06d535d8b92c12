"""A plugin that fails in every way it can, beside a source that works."""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select

from packistry.jobs.worker import Workers
from packistry.models import Project, Sync
from packistry.plugin import Config, Ref, RefKind, Snapshot, SourceProvider, hookimpl
from packistry.plugin import Project as Told
from packistry.runtime import Runtime
from packistry.services.plugins import Plugins
from tests.importing import Importing
from tests.repositories import GitRepository

SOON = 60.0
JOB_LIMIT = 2.0
CANARY = "c4nary"
METHODS = ("open", "default_branch", "refs", "manifest", "archive", "readme", "notices")

over = Event()


def raises() -> Any:
    raise ValueError(CANARY)


def exits() -> Any:
    raise SystemExit(CANARY)


def hangs() -> Any:
    over.wait(SOON)
    raise ValueError(CANARY)


def returns_nothing() -> Any:
    return None


def returns_rubbish() -> Any:
    return [object(), -1, "\x00", b"\xff"]


class Strange(SourceProvider[Config]):
    """Does what it should, but for the method that the project is named after."""

    name = "strange"
    title = "Strange"
    Config = Config
    way: Callable[[], Any]

    def check(self) -> Sequence[str]:
        return ()

    def projects(self, search: str = "") -> Iterator[Told]:
        return iter(())

    def project(self, id: str) -> Told:  # noqa: A002 - the contract's word
        return Told(id=id, path=id)

    def open(self, project: Told, workspace: Path) -> AbstractContextManager[Snapshot]:
        return type(self).way() if project.id == "open" else StrangeSnapshot(project.id)


class StrangeSnapshot(Snapshot):
    def __init__(self, broken: str) -> None:
        self.broken = broken

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def give(self, method: str, value: Any) -> Any:
        return Strange.way() if method == self.broken else value

    @property
    def default_branch(self) -> Any:
        return self.give("default_branch", "main")

    def refs(self) -> Any:
        at = datetime.now(UTC)
        ref = Ref(kind=RefKind.BRANCH, name="main", commit="a" * 40, committed_at=at)
        return self.give("refs", iter([ref]))

    def manifest(self, ref: Ref, path: str = "") -> Any:
        return self.give("manifest", b'{"name":"acme/strange"}')

    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> Any:
        return self.give("archive", io.BytesIO(b"this is no zip"))

    def notices(self, ref: Ref, path: str = "") -> Any:
        return self.give("notices", ())

    def readme(self, ref: Ref, path: str = "") -> Any:
        return self.give("readme", "A readme")


class Plugin:
    @hookimpl
    def packistry_source_providers(self) -> list[type[SourceProvider[Any]]]:
        return [Strange]


class Installed(EntryPoint):
    def load(self) -> object:
        return Plugin()


@pytest.fixture
def importing(runtime: Runtime, monkeypatch) -> Importing:
    builtin = EntryPoint(name="builtin", value="packistry.builtin", group="packistry")
    ours = Installed(name="strange", value="strange", group="packistry")
    monkeypatch.setitem(vars(runtime), "plugins", Plugins.load([builtin, ours]))
    return Importing(runtime)


@pytest.fixture
def workers(runtime: Runtime) -> Iterator[Workers]:
    over.clear()
    workers = Workers(runtime, 2, job_limit=JOB_LIMIT, look_seconds=0.05)
    yield workers
    over.set()
    workers.stop()


def attempted(runtime: Runtime) -> dict[str, tuple[str, str]]:
    """State and error of the syncs that were begun and are not under way, by project."""
    statement = select(Project.external_id, Sync.state, Sync.error).join(Sync.project)
    with runtime.transaction() as services:
        rows = services.session.execute(statement.where(Sync.attempts > 0)).all()
        return {name: (state, error) for name, state, error in rows if state != "running"}


@pytest.mark.parametrize("way", [raises, exits, hangs, returns_nothing, returns_rubbish])
def test_a_plugin_that_fails_leaves_other_sources_working(
    runtime, importing, workers, monkeypatch, tmp_path, way
):
    monkeypatch.setattr(Strange, "way", staticmethod(way), raising=False)
    for method in METHODS:
        importing.add(method, path=method, provider="strange")
    repository = GitRepository(tmp_path / "lib")
    repository.commit({"name": "acme/lib"})
    good = importing.add(repository)
    workers.start()

    deadline = time.monotonic() + SOON
    while len(found := attempted(runtime)) < len(METHODS) + 1:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)

    assert importing.names(good) == {"dev-main"}
    assert not any(CANARY in error for _state, error in found.values())
