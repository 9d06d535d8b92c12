"""A burst of deliveries: many at once, some twice, some forged, none in order."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from statistics import median
from threading import Lock
from time import perf_counter

from pyramid.request import Request

from packistry.app import Application
from tests.hooked import Hooking, Sent

FORGED = "forged"
TRUE = "true"
AGAIN = "again"


@dataclass(frozen=True, kw_only=True)
class Burst:
    """What was answered to each kind of delivery, and how long each answer took, in seconds."""

    statuses: dict[str, Counter[int]]
    seconds: list[float]

    @property
    def median(self) -> float:
        return median(self.seconds)


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One delivery; `happens` is done at the host before it is sent, once for all its copies."""

    kind: str
    sent: Sent
    happens: Callable[[], None]


def run(hooks: Hooking, application: Application, total: int, threads: int) -> Burst:
    """Send so many: a third duplicates, a tenth forged, the rest pushes, moves and deletions."""
    lock = Lock()
    statuses: dict[str, Counter[int]] = {kind: Counter() for kind in (TRUE, AGAIN, FORGED)}
    seconds: list[float] = []

    def send(step: _Step) -> None:
        with lock:
            step.happens()
        request = Request.blank(step.sent.path, method="POST", body=step.sent.body)
        request.headers.update(step.sent.headers)
        start = perf_counter()
        status = request.get_response(application).status_int
        took = perf_counter() - start
        with lock:
            statuses[step.kind][status] += 1
            seconds.append(took)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, _steps(hooks, total)))
    return Burst(statuses=statuses, seconds=seconds)


def _steps(hooks: Hooking, total: int) -> list[_Step]:
    """In no order, the same one each time."""
    forged, again = total // 10, total // 3
    steps = [_true(hooks, number) for number in range(total - forged - again)]
    # Of a delivery and its copy either may be the first: what it tells of has happened by then.
    copies = [replace(step, kind=AGAIN) for step in (steps * 2)[:again]]
    forgeries = [
        _Step(kind=FORGED, sent=_forge(step.sent, number), happens=_nothing)
        for number, step in enumerate(steps[:forged])
    ]
    everything = [*steps, *copies, *forgeries]
    random.Random(7).shuffle(everything)
    return everything


def _true(hooks: Hooking, number: int) -> _Step:
    """A push of main, a new tag, or the deletion of one."""
    host = hooks.host
    kind, name = [("branch", "main"), ("tag", f"1.{number}.0"), ("tag", f"1.{number - 1}.0")][
        number % 3
    ]
    deletes = number % 3 == 2

    def happens() -> None:
        if deletes:
            host.refs.pop(name, None)
        else:
            host.push(name, {"name": "acme/lib", "description": f"Push {number}"})

    word = "delete" if deletes else "push"
    return _Step(kind=TRUE, sent=hooks.delivery((word, "7", kind, name)), happens=cache(happens))


def _forge(sent: Sent, number: int) -> Sent:
    digest = f"sha256={number:064x}"
    headers = sent.headers | {
        "X-Hub-Signature-256": digest,
        "X-Hooked-Delivery": f"forged-{number}",
    }
    return Sent(path=sent.path, headers=headers, body=sent.body)


def _nothing() -> None:
    pass
