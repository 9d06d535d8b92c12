"""A worker behind Redis, and what one sees of it."""

import signal
from typing import Any

from packistry.jobs.redis_worker import run_worker
from packistry.models import Sync
from packistry.runtime import Runtime


def work(runtime: Runtime) -> None:
    """Run a worker in this process until Redis is empty; its jobs run in forks."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    try:
        run_worker(runtime, burst=True)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def status(memory: Any, name: str) -> str:
    return (memory.hget(f"rq:job:{name}", "status") or b"gone").decode()


def state(runtime: Runtime, sync_id: int) -> str:
    with runtime.transaction() as services:
        return services.session.get_one(Sync, sync_id).state
