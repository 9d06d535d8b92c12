"""Worker threads inside a process that serves."""

import logging
import time
from threading import Event, Lock, Thread, current_thread

from packistry import jobs, stopping
from packistry.errors import PackistryError
from packistry.jobs import owed
from packistry.queue import EmbeddedQueue, Job, job_seconds
from packistry.runtime import Runtime

LOOK_SECONDS = 1.0
LOOK_AT_ABANDONED_SECONDS = 15.0
STOP_SECONDS = 10.0
GRACE = 0.3
WATCH_SECONDS = 10.0

log = logging.getLogger(__name__)


class Hung(PackistryError):
    """A job took longer than any job should."""


class Workers:
    """Threads that run the jobs of this process's own queue, and what the ledger owes.

    A job may be cut off at any instruction: the ledger has it done again. So the threads are
    daemons, and one whose job hangs is given up and replaced. With Redis there are none.
    """

    def __init__(
        self,
        runtime: Runtime,
        count: int | None = None,
        *,
        job_limit: float | None = None,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """`count` threads and `job_limit` seconds for a job; None: as the settings say."""
        self.runtime = runtime
        self.job_limit = job_seconds(runtime.settings) if job_limit is None else job_limit
        self.look_seconds = look_seconds
        queue = runtime.queue
        # Nobody sends to this one when jobs go through Redis.
        self._queue = queue if isinstance(queue, EmbeddedQueue) else EmbeddedQueue()
        wanted = runtime.settings.workers if count is None else count
        self.count = wanted if isinstance(queue, EmbeddedQueue) else 0
        self._stopping = Event()
        self._stop = stopping.Stop()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._running: dict[Thread, tuple[Job, float]] = {}
        self._next_look = self._next_thorough_look = 0.0

    def start(self) -> None:
        """Start the threads. To be called after any fork."""
        for _ in range(self.count):
            self._start_one()
        if self.count:
            Thread(target=self._watch, name="packistry-watch", daemon=True).start()

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """Take no more jobs and wait for those that run; False when some were left behind.

        After a third of the time they are asked to stop: git is killed, what a sync has done so far
        stays, and the rest is owed.
        """
        self._stopping.set()
        self._queue.wake()
        begun = time.monotonic()
        with self._lock:
            threads = list(self._threads)
        for end in (begun + timeout * GRACE, begun + timeout):
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))
            self._stop.ask()
        left = ", ".join(map(str, self.running))
        if left:
            log.warning("These jobs did not end in time and will be done again: %s", left)
        return not left

    @property
    def running(self) -> list[Job]:
        """What is being worked on."""
        with self._lock:
            return [job for job, _since in self._running.values()]

    def _start_one(self) -> None:
        thread = Thread(target=self._work, name="packistry-worker", daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        me = current_thread()
        while not self._stopping.is_set() and me in self._threads:
            self._look()
            job = self._queue.take(self.look_seconds)
            if job is not None and self._begin(me, job):
                try:
                    with stopping.stoppable(self._stop):
                        jobs.run(self.runtime, job.name, *job.arguments)
                except jobs.UnknownJob:
                    log.warning("Nobody knows the job %s.", job)
                finally:
                    self._end(me)

    def _begin(self, me: Thread, job: Job) -> bool:
        with self._lock:
            if any(job == other for other, _since in self._running.values()):
                return False
            self._running[me] = (job, time.monotonic())
            return True

    def _end(self, me: Thread) -> None:
        with self._lock:
            self._running.pop(me, None)

    def _look(self) -> None:
        """Fetch what SQL owes, once a second for all threads together."""
        moment = time.monotonic()
        with self._lock:
            if moment < self._next_look:
                return
            self._next_look = moment + self.look_seconds
            thorough = moment >= self._next_thorough_look
            if thorough:
                self._next_thorough_look = moment + LOOK_AT_ABANDONED_SECONDS
            busy = {job for job, _since in self._running.values()}
        try:
            found = owed.waiting(self.runtime.engine)
            found += owed.syncs(self.runtime) if thorough else []
        # The boundary of a thread that must live on: the database may be away for a while.
        except Exception:
            log.exception("The ledger cannot be read.")
            return
        for job in found:
            if job not in busy:
                self._queue.send(job.name, *job.arguments)

    def _watch(self) -> None:
        """Give up threads whose job hangs, so that one plugin cannot stop all work."""
        while not self._stopping.wait(min(WATCH_SECONDS, self.job_limit)):
            moment = time.monotonic()
            with self._lock:
                hung = {
                    thread: job
                    for thread, (job, since) in self._running.items()
                    if moment - since > self.job_limit
                }
                for thread in hung:
                    self._threads.remove(thread)
                    del self._running[thread]
            for job in hung.values():
                log.error("The job %s hangs; its thread is given up.", job)
                jobs.abandon(self.runtime, job, Hung("It took too long and was given up."))
                self._start_one()
