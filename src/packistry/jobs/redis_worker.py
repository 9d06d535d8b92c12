"""`packistry worker`: a process that takes jobs from Redis, each run in a fork of its own."""

import logging
import time
from functools import partial
from types import FrameType
from typing import Any

import redis
from rq import Worker
from rq.exceptions import StopRequested

from packistry import jobs, process
from packistry.errors import ConfigurationError
from packistry.jobs.scheduler import Scheduler
from packistry.queue.redis import SERIALIZER, OurJob, RqQueue
from packistry.runtime import Runtime

# The worker looks up from waiting, and from a job that runs, this often.
TICK_SECONDS = 10
# RQ waits for a job 15 seconds less than this.
WORKER_TTL_SECONDS = TICK_SECONDS + 15
RECONNECT_SECONDS = 5.0

log = logging.getLogger(__name__)


def run_worker(runtime: Runtime, *, burst: bool = False) -> None:
    """Work until a signal asks to stop (SIGTERM or SIGINT; twice: at once).

    `burst`: only until the queue is empty. While Redis is away it waits and tries again. Must run
    in the main thread. Raises ConfigurationError when no Redis is set.
    """
    queue = runtime.queue
    if not isinstance(queue, RqQueue):
        raise ConfigurationError(
            "PACKISTRY_REDIS_URL is not set, so there is no queue to work on. Without Redis "
            "`packistry serve` imports by itself; with Redis, give both the same setting."
        )
    scheduler = Scheduler(runtime)
    process.settle()
    try:
        while _work(runtime, queue, scheduler, burst=burst):
            time.sleep(RECONNECT_SECONDS)
    except StopRequested:
        # The signal came while we waited to reconnect.
        pass
    finally:
        scheduler.resign()
        runtime.engine.dispose()


def _work(runtime: Runtime, queue: RqQueue, scheduler: Scheduler, *, burst: bool) -> bool:
    """Work until stopped; whether to go on, because it was Redis that stopped it."""
    try:
        worker = _Worker(runtime, queue, scheduler)
        worker.work(burst=burst, logging_level=None)
    except redis.RedisError as error:
        log.warning("Redis is away (%s).", type(error).__name__)
        return True
    return not burst and not worker.asked_to_stop


class _Worker(Worker):
    """RQ's worker with our job class, and with the scheduler's ticks between other duties.

    No threads and no open database connection exist when it forks: a fork inherits both broken.
    """

    def __init__(self, runtime: Runtime, queue: RqQueue, scheduler: Scheduler) -> None:
        class Ours(OurJob):
            functions = {name: partial(jobs.run, runtime, name) for name in jobs.JOBS}

        super().__init__(
            [queue.rq(Ours)],
            connection=queue.connection,
            job_class=Ours,
            serializer=SERIALIZER,
            default_result_ttl=0,
            worker_ttl=WORKER_TTL_SECONDS,
            job_monitoring_interval=TICK_SECONDS,
            maintenance_interval=TICK_SECONDS,
            log_job_description=False,
        )
        self.runtime = runtime
        self.our_scheduler = scheduler
        self.asked_to_stop = False
        runtime.engine.dispose()

    def run_maintenance_tasks(self) -> None:
        self._tick()
        # RQ annotates some of its methods only; Any lets those be called.
        rq: Any = super()
        rq.run_maintenance_tasks()

    def maintain_heartbeats(self, job: Any, execution: Any) -> None:
        self._tick()
        super().maintain_heartbeats(job, execution)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True
        rq: Any = super()
        rq.request_stop(signum, frame)

    def _tick(self) -> None:
        self.our_scheduler.tick()
        self.runtime.engine.dispose()
        if self.asked_to_stop and not self.horse_pid:
            # The signal's own StopRequested ended in the tick.
            raise StopRequested
