"""What becomes of a read when there is much, and of many small writes: in one process."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from packistry.models import Channel
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.services.downloads import Batch, Downloaded
from packistry.services.reads import Access, Reads
from packistry.services.tokens import TokenText, parse
from tests.bench import data
from tests.bench.rounds import Effort, interleave, seconds
from tests.bench.table import Figure, Target
from tests.servers import folder

URL = "http://packages.bench"
FEW = 2_000
MANY = 20_000
DOCUMENT_BYTES = 9_500
LOOKUPS = 2_000
LOOKUP_ROUNDS = 15
EVENTS = 500
VERSIONS = 10


def measure(effort: Effort) -> list[Figure]:
    return [_lookup(effort), _downloads(effort)]


class Shelf:
    """An installation with so many packages, and somebody who looks them up."""

    def __init__(self, path: Path, packages: int) -> None:
        self._runtime = data.runtime(path, URL)
        body = random.Random(data.SEED).randbytes(DOCUMENT_BYTES)
        access = data.crowd(self._runtime, packages, body)
        self._reads = Reads(self._runtime.engine)
        self._packages = packages
        self._chance = random.Random(data.SEED)
        self._token = parse(access.token)

    def look_up(self) -> float:
        """Microseconds that one lookup takes."""
        names = [
            data.package_name(self._chance.randrange(1, self._packages + 1)) for _ in range(LOOKUPS)
        ]
        return seconds(partial(_look_up, self._reads, self._token, names)) / LOOKUPS * 1e6

    def close(self) -> None:
        self._reads.close()
        self._runtime.close()


def _look_up(reads: Reads, token: TokenText | None, names: list[str]) -> None:
    for name in names:
        found = reads.p2(token, "", name, Channel.STABLE)
        assert found.reader.access is Access.GRANTED


def _lookup(effort: Effort) -> Figure:
    with folder() as path:
        few, many = Shelf(path / "few", FEW), Shelf(path / "many", MANY)
        try:
            # So short that others on this machine disturb single ones: more rounds.
            measured = interleave(
                max(effort.rounds, LOOKUP_ROUNDS), {"few": few.look_up, "many": many.look_up}
            )
        finally:
            few.close()
            many.close()
    return measured.figure(
        f"p2 lookup among {MANY:,} packages / {FEW:,}",
        ours="many",
        baseline="few",
        unit="us",
        target=Target(must=1.3, aim=1.15),
    )


def _downloads(effort: Effort) -> Figure:
    """A download each of many versions: in one transaction, and in one each."""
    with folder() as path:
        runtime = data.runtime(path, URL)
        try:
            data.publish(runtime, [VERSIONS] * (EVENTS // VERSIONS))
            events = _events()
            batch = partial(_record, runtime, [events])
            single = partial(_record, runtime, [[event] for event in events])
            measures: dict[str, Callable[[], float]] = {"batch": batch, "single": single}
            measured = interleave(effort.rounds, measures)
        finally:
            runtime.close()
    return measured.figure(
        "a download counted in a batch / alone",
        ours="batch",
        baseline="single",
        unit="us",
        target=Target(must=0.1, aim=0.05),
    )


def _events() -> list[Downloaded]:
    day = now().date()
    return [
        Downloaded(
            package_id=number // VERSIONS + 1,
            dist_id=number + 1,
            version=name,
            day=day,
        )
        for number, name in enumerate(list(data.releases(VERSIONS)) * (EVENTS // VERSIONS))
    ]


def _record(runtime: Runtime, groups: list[list[Downloaded]]) -> float:
    """Microseconds for each event, one transaction a group."""
    batches = [Batch(downloads=Counter(group)) for group in groups]

    def work() -> None:
        for batch in batches:
            runtime.attempt(partial(_write, batch=batch))

    return seconds(work) / EVENTS * 1e6


def _write(services: Services, batch: Batch) -> None:
    services.downloads.record(batch)
