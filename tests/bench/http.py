"""Requests a second, against a bare application on the same server, and against nginx."""

import gzip
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.bench import data, nginx
from tests.bench.machine import Unfit, on, processors, serving
from tests.bench.rounds import Effort, Measured, interleave
from tests.bench.serve import BARE
from tests.bench.table import Figure, Target
from tests.client.installation import install
from tests.client.installation import serving as packistry
from tests.servers import folder, free_port

CONNECTIONS = 32
VERSIONS = 87
DIST_BYTES = 188 * 1024
URL = "http://packages.bench"
DOCUMENT = f"/p2/{data.package_name(0)}.json"
UNKNOWN = "/p2/bench/unknown.json"
KINDS = ("bare", "kept", "unkept", "rebuilt")


@dataclass(frozen=True, kw_only=True)
class Load:
    """One request, again and again, and how it must be answered."""

    port: int
    path: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> Mapping[str, str]:
        """The headers of the answer. Raises Unfit when it has another status."""
        request = Request(f"http://127.0.0.1:{self.port}{self.path}", headers=dict(self.headers))
        try:
            with urlopen(request, timeout=10) as response:
                status, headers = response.status, dict(response.headers)
        except HTTPError as error:
            status, headers = error.code, dict(error.headers)
            error.close()
        if status != self.status:
            raise Unfit(f"{self.path} on port {self.port}: {status} instead of {self.status}")
        return headers

    def rate(self, seconds: float, cpus: tuple[int, ...]) -> float:
        """Answers a second, asked for by wrk on these processors."""
        options = [f"-H{name}: {value}" for name, value in self.headers.items()]
        with on(*cpus):
            done = subprocess.run(
                [
                    "wrk",
                    "-t1",
                    f"-c{CONNECTIONS}",
                    f"-d{seconds:g}s",
                    "--timeout",
                    "20s",
                    *options,
                    f"http://127.0.0.1:{self.port}{self.path}",
                ],
                capture_output=True,
                text=True,
                check=True,
                timeout=seconds + 60,
            )
        found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
        faults = re.search(r"Socket errors.*|Non-2xx.*", done.stdout)
        if found is None or (faults is not None and self.status < 400):
            raise Unfit(f"wrk on {self.path}:\n{done.stdout}{done.stderr}")
        return float(found[1])


def measure(effort: Effort) -> list[Figure]:
    server_cpu, client_cpu = processors()
    with folder() as path, _servers(path, server_cpu) as loads:
        for load in loads.values():
            load.check()
        measures: dict[str, Callable[[], float]] = {
            name: partial(load.rate, effort.seconds, (client_cpu,)) for name, load in loads.items()
        }
        with _processes(path, loads["kept 200"]) as several:
            # With two processors wrk has to share them with the servers it asks.
            both = {
                name: partial(load.rate, effort.seconds, (server_cpu, client_cpu))
                for name, load in several.items()
            }
            return _figures(interleave(effort.rounds, measures | both))


@contextmanager
def _servers(path: Path, cpu: int) -> Iterator[dict[str, Load]]:
    """Every kind of server over the same installation, and what each is asked."""
    runtime = data.runtime(path, URL)
    access = data.publish(runtime, [VERSIONS])
    dist = data.keep_dist(runtime, 0, DIST_BYTES)
    runtime.close()
    headers = {"Accept-Encoding": "gzip", "Authorization": access.authorization}
    (path / BARE).write_bytes(gzip.compress(b"{}"))
    with ExitStack() as stack:
        ports: dict[str, int] = {}

        def start(kind: str) -> Load:
            ports[kind] = free_port()
            command = [
                sys.executable,
                "-m",
                "tests.bench.serve",
                kind,
                str(ports[kind]),
                str(path),
                URL,
            ]
            stack.enter_context(
                serving(command, port=ports[kind], log=path / f"{kind}.log", cpu=cpu)
            )
            return Load(port=ports[kind], path=DOCUMENT, headers=headers)

        whole = start("kept")
        (path / BARE).write_bytes(_body(whole))
        wholes = {"kept": whole} | {kind: start(kind) for kind in KINDS if kind != "kept"}
        loads = {f"{kind} 200": load for kind, load in wholes.items()}
        for kind in ("bare", "kept", "unkept"):
            since = {"If-Modified-Since": wholes[kind].check()["Last-Modified"]}
            loads[f"{kind} 304"] = Load(
                port=ports[kind], path=DOCUMENT, status=304, headers=headers | since
            )
        for kind in ("kept", "unkept"):
            loads[f"{kind} 404"] = Load(port=ports[kind], path=UNKNOWN, status=404, headers=headers)
        (path / "files").mkdir()
        zipped = Load(port=ports["kept"], path=dist, headers=headers)
        (path / "files" / "dist.zip").write_bytes(_body(zipped))
        loads["kept dist"] = zipped
        loads["nginx dist"] = Load(
            port=stack.enter_context(nginx.files(path, cpu)), path="/dist.zip"
        )
        yield loads


@contextmanager
def _processes(path: Path, load: Load) -> Iterator[dict[str, Load]]:
    """`packistry serve` with one process and with two."""
    loads = {}
    with ExitStack() as stack:
        for number in ("1", "2"):
            installation = install(path, url=URL)
            stack.enter_context(packistry(installation, "--processes", number))
            loads[number] = Load(port=installation.port, path=load.path, headers=load.headers)
        yield loads


def _body(load: Load) -> bytes:
    request = Request(f"http://127.0.0.1:{load.port}{load.path}", headers=dict(load.headers))
    with urlopen(request, timeout=10) as response:
        body: bytes = response.read()
    return body


def _figures(measured: Measured) -> list[Figure]:
    rows = [
        ("p2 304, token and permission", "unkept 304", "bare 304", 0.50, 0.70),
        ("p2 304, cached", "kept 304", "bare 304", 0.65, 0.90),
        ("p2 200, token and permission", "unkept 200", "bare 200", 0.45, 0.65),
        ("p2 200, cached", "kept 200", "bare 200", 0.60, 0.90),
        ("p2 200 / rebuilt from rows", "kept 200", "rebuilt 200", 15, 30),
        ("p2 404 / its 304", "unkept 404", "unkept 304", 0.9, 1.0),
        ("p2 404 / its 304, cached", "kept 404", "kept 304", 0.9, 1.0),
        ("dist of 188 KiB / nginx sendfile", "kept dist", "nginx dist", 0.20, 0.28),
        ("two processes / one", "2", "1", 1.6, 1.9),
    ]
    return [
        measured.figure(
            what,
            ours=ours,
            baseline=baseline,
            unit="/s",
            target=Target(must=must, aim=aim, at_least=True),
        )
        for what, ours, baseline, must, aim in rows
    ]
