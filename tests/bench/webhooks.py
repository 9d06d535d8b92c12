"""Webhooks: how long a host waits for its answer, and `composer` for what was pushed."""

import http.client
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path
from typing import Any

from packistry.app import make_app
from packistry.jobs.worker import Workers
from packistry.plugin import (
    Change,
    Config,
    GitRemote,
    GitSourceProvider,
    Project,
    ProjectChanged,
    SourceProvider,
    WebhookRequest,
    check_signature,
    hookimpl,
)
from packistry.runtime import Runtime
from packistry.services.plugins import Plugins
from packistry.settings import Settings
from tests import burst
from tests.bench.machine import Unfit
from tests.bench.rounds import Effort, interleave
from tests.bench.table import Figure, Target
from tests.client.sockets import serving
from tests.faulty import commit_of
from tests.hooked import Hooking, hooking, signed_body
from tests.importing import Importing
from tests.repositories import GitRepository
from tests.servers import folder

DELIVERIES = 1000
THREADS = 4
PATIENCE = 60
# A host waits for ten times as long before it gives up, and for pushes people wait a moment.
ANSWER_SECONDS = 0.05
SERVED_SECONDS = 1.0
PROVIDER = "pushed"
# The webhook the host was asked for: its address and secret.
MADE: list[tuple[str, str]] = []


class Pushed(GitSourceProvider[Config]):
    """A git repository on this machine, which tells when it was pushed to."""

    name = PROVIDER
    title = "Pushed"
    Config = Config

    def check(self) -> Sequence[str]:
        return ()

    def projects(self, search: str = "") -> Iterator[Project]:
        return iter(())

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        return Project(id=id, path="acme/lib")

    def remote(self, project: Project) -> GitRemote:
        return GitRemote(url=project.id)

    def create_webhook(self, project: Project, url: str, secret: str) -> str:
        MADE.append((url, secret))
        return "1"

    def delete_webhook(self, project: Project, webhook_id: str) -> None:
        MADE.clear()

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        check_signature(request, secret)
        return [ProjectChanged(project_id=request.json()["project"])]


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    return [Pushed]


def measure(effort: Effort) -> list[Figure]:
    with folder() as path, _pushed(path) as push:
        numbers = count(1)
        measured = interleave(
            effort.rounds,
            {"answer": lambda: _burst(path / f"burst-{next(numbers)}"), "served": push.once},
        )
    return [
        _figure("median answer to 1,000 deliveries", measured.median("answer"), ANSWER_SECONDS),
        _figure("from push to served version", measured.median("served"), SERVED_SECONDS),
    ]


def _figure(what: str, ours: float, baseline: float) -> Figure:
    return Figure(
        what=what,
        ours=ours * 1000,
        baseline=baseline * 1000,
        unit="ms",
        ratio=ours / baseline,
        target=Target(must=1.0, aim=0.5),
    )


def _runtime(path: Path) -> Runtime:
    runtime = Runtime(
        Settings(data_dir=path, url="http://packages.bench", git_local_roots=(path.parent,))
    )
    runtime.prepare()
    return runtime


def _burst(path: Path) -> float:
    """The median of the seconds an answer took. Raises Unfit when something was lost or doubled."""
    runtime = _runtime(path)
    application = make_app(runtime)
    workers = Workers(runtime)
    with hooking(runtime) as hooks:
        package = hooks.added()
        workers.start()
        try:
            done = burst.run(hooks, application, DELIVERIES, THREADS)
            _settle(hooks)
        finally:
            workers.stop()
            application.close()
        served = {row.ref: row.reference for row in hooks.versions(package).values()}
        taken = sum(str(row.verdict) == "accepted" for row in hooks.deliveries())
        syncs = len(hooks.owed())
        wanted = {name: commit_of(files) for name, files in hooks.host.refs.items()}
    runtime.close()
    true = DELIVERIES - DELIVERIES // 10 - DELIVERIES // 3
    if served != wanted or taken != true:
        raise Unfit(f"The burst was not worked: {taken} of {true} taken, {done.statuses}")
    sys.stderr.write(f"{DELIVERIES} deliveries, {taken} of them new: {syncs} syncs\n")
    return done.median


def _settle(hooks: Hooking) -> None:
    deadline = time.monotonic() + PATIENCE
    while any(sync.finished_at is None for sync in hooks.owed()):
        if time.monotonic() > deadline:
            raise Unfit("The syncs of the burst did not end.")
        time.sleep(0.05)


class _Push:
    """A small repository that is pushed to, again and again."""

    def __init__(self, repository: GitRepository, port: int) -> None:
        self._repository = repository
        self._port = port
        self._numbers = count(1)

    def once(self) -> float:
        """Seconds from a push of a tag until its version is served."""
        version = f"1.{next(self._numbers)}.0"
        self._repository.commit({"name": "acme/lib"}, files={"a.php": f"<?php // {version}"})
        self._repository.tag(version)
        start = time.perf_counter()
        self._deliver()
        while f'"{version}"' not in self._served():
            if time.perf_counter() - start > PATIENCE:
                raise Unfit("What was pushed is not served.")
            time.sleep(0.005)
        return time.perf_counter() - start

    def _deliver(self) -> None:
        ((url, secret),) = MADE
        body = f'{{"project": "{self._repository.url}"}}'.encode()
        sent = signed_body(url, secret, body)
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        client.request("POST", sent.path, sent.body, sent.headers)
        status = client.getresponse().status
        client.close()
        if status != http.client.ACCEPTED:
            raise Unfit(f"A delivery was answered with {status}.")

    def _served(self) -> str:
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        client.request("GET", "/p2/acme/lib.json")
        text = client.getresponse().read().decode()
        client.close()
        return text


@contextmanager
def _pushed(path: Path) -> Iterator[_Push]:
    repository = GitRepository(path / "upstream")
    repository.commit({"name": "acme/lib"}, files={"a.php": "<?php"})
    repository.tag("1.0.0")
    runtime = _runtime(path / "pushed")
    runtime.plugins = Plugins.load(
        [
            EntryPoint(name="builtin", value="packistry.builtin", group="packistry"),
            EntryPoint(name=PROVIDER, value=__name__, group="packistry"),
        ],
        strict=True,
    )
    importing = Importing(runtime)
    importing.imported(repository, provider=PROVIDER)
    with runtime.transaction() as services:
        services.repositories.get("").public = True
    application, workers = make_app(runtime), Workers(runtime)
    workers.start()
    try:
        with serving(application) as port:
            deadline = time.monotonic() + PATIENCE
            while not MADE and time.monotonic() < deadline:
                time.sleep(0.01)
            yield _Push(repository, port)
    finally:
        workers.stop()
        application.close()
        runtime.close()
