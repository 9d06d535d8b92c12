"""The real `composer`: updates of 300 packages against ours and against files in nginx."""

import gzip
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from sqlalchemy import select

from packistry.models import Channel, Document, Package
from tests.bench import data, nginx
from tests.bench.machine import connections_accepted, cpu_seconds, on, processors
from tests.bench.rounds import Effort, interleave
from tests.bench.table import Figure, Target
from tests.client.composer import Composer, project
from tests.client.installation import Installation, install, serving
from tests.client.recorder import recording
from tests.servers import folder, free_port

# From 37 to 100 versions each.
VERSIONS = [37 + number * 17 % 64 for number in range(300)]
REQUIRE = {data.package_name(0): f"^{data.MAJORS}.0"}


@dataclass(frozen=True, kw_only=True)
class Update:
    """What a `composer update` cost: seconds, those of the server's processor, connections."""

    seconds: float
    server_seconds: float
    connections: int


class Customer:
    """A project that uses one server, by the port it asks it on."""

    def __init__(
        self, composer: Composer, auth: dict[str, Any], server: int | None, cpu: int
    ) -> None:
        self._composer = composer
        self._auth = auth
        self._server = server
        self._cpu = cpu
        self.cold: list[Update] = []
        self.warm: list[Update] = []

    def update_cold(self) -> float:
        shutil.rmtree(self._composer.home / "cache", ignore_errors=True)
        self.cold.append(self._update())
        return self.cold[-1].seconds

    def update_warm(self) -> float:
        self.warm.append(self._update())
        return self.warm[-1].seconds

    def _update(self) -> Update:
        accepted, used = connections_accepted(), self._used()
        start = time.perf_counter()
        with on(self._cpu):
            output = self._composer.run("update", "--dry-run", auth=self._auth)
        took = time.perf_counter() - start
        expect_all(output)
        return Update(
            seconds=took,
            server_seconds=self._used() - used,
            connections=connections_accepted() - accepted,
        )

    def _used(self) -> float:
        return 0.0 if self._server is None else cpu_seconds(self._server)


def expect_all(output: str) -> None:
    """AssertionError unless `composer` found every package."""
    assert f"{len(VERSIONS)} installs" in output, output


def measure(effort: Effort) -> list[Figure]:
    with folder() as path:
        installation = install(path, forked=False)
        access = _fill(path, installation)
        with ExitStack() as stack:
            server_cpu, client_cpu = processors()
            with on(server_cpu):
                server = stack.enter_context(serving(installation))
            static = free_port()
            _write_root(path, installation.port, static, access)
            stack.enter_context(nginx.files(path, server_cpu, static))
            ours = _customer(path / "ours", installation.port, access, server.pid, client_cpu)
            files = _customer(path / "static", static, access, None, client_cpu)
            figures = _updates(effort, ours, files)
            figures.append(_foreign(path, static))
    return figures


def _customer(path: Path, port: int, access: data.Access, server: int | None, cpu: int) -> Customer:
    composer = project(path, f"http://127.0.0.1:{port}", require=REQUIRE)
    return Customer(composer, _auth(port, access), server, cpu)


def _auth(port: int, access: data.Access) -> dict[str, Any]:
    credentials = {"username": "token", "password": access.token}
    return {"http-basic": {f"127.0.0.1:{port}": credentials}}


def _updates(effort: Effort, ours: Customer, files: Customer) -> list[Figure]:
    measures: dict[str, Callable[[], float]] = {
        "ours cold": ours.update_cold,
        "ours warm": ours.update_warm,
        "nginx cold": files.update_cold,
        "nginx warm": files.update_warm,
    }
    measured = interleave(effort.rounds, measures)
    target = Target(must=1.20, aim=1.10)
    return [
        *(
            measured.figure(
                f"composer update, {cache} cache / nginx",
                ours=f"ours {cache}",
                baseline=f"nginx {cache}",
                unit="s",
                target=target,
            )
            for cache in ("cold", "warm")
        ),
        _server_share(ours.warm),
        _connections(ours),
    ]


def _server_share(updates: list[Update]) -> Figure:
    used = sum(update.server_seconds for update in updates) / len(updates)
    wall = median(update.seconds for update in updates)
    return Figure(
        what="the server's share of the warm update",
        ours=used,
        baseline=wall,
        unit="s",
        ratio=used / wall,
        target=Target(must=0.15, aim=0.10),
    )


def _connections(ours: Customer) -> Figure:
    # Whatever else this machine accepts meanwhile only adds: the least is ours.
    cold = min(update.connections for update in ours.cold)
    warm = min(update.connections for update in ours.warm)
    return Figure(
        what="connections of a warm update / a cold one",
        ours=warm,
        baseline=cold,
        unit="",
        ratio=warm / cold,
        target=Target(must=1.2, aim=1.0),
    )


def _foreign(path: Path, static: int) -> Figure:
    """Requests to us from a project all of whose packages are in the repository after ours."""
    installation = install(path / "own", url="", forked=False)
    runtime = data.runtime(path / "own", "")
    access = data.publish(runtime, [3], "own")
    runtime.close()
    with serving(installation), recording(installation.port) as recorder:
        urls = (recorder.url, f"http://127.0.0.1:{static}")
        composer = project(path / "foreign", *urls, require=REQUIRE)
        counts = []
        for _cache in ("cold", "warm"):
            auth = _auth(recorder.port, access)
            expect_all(composer.run("update", "--dry-run", auth=auth))
            counts.append(len(recorder.take()))
    return Figure(
        what="requests of a project of 300 foreign packages",
        ours=max(counts),
        baseline=1,
        unit="",
        ratio=max(counts),
        target=Target(must=1, aim=1),
    )


def _fill(path: Path, installation: Installation) -> data.Access:
    """The packages, in the installation and as files for nginx."""
    runtime = data.runtime(path, f"http://127.0.0.1:{installation.port}")
    access = data.publish(runtime, VERSIONS)
    query = select(Package.name, Document.channel, Document.body).join(
        Package, Package.id == Document.package_id
    )
    with runtime.transaction() as services:
        for name, channel, body in services.session.execute(query):
            suffix = "~dev" if channel == Channel.DEV else ""
            file = path / "files" / "p2" / f"{name}{suffix}.json.gz"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
    runtime.close()
    return access


def _write_root(path: Path, port: int, static: int, access: data.Access) -> None:
    """Our packages.json as a file, for the port that nginx has."""
    request = Request(
        f"http://127.0.0.1:{port}/packages.json", headers={"Authorization": access.authorization}
    )
    with urlopen(request, timeout=10) as response:
        content: bytes = response.read()
    content = content.replace(b":%d/" % port, b":%d/" % static)
    (path / "files" / "packages.json.gz").write_bytes(gzip.compress(content))
