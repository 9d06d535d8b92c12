"""Jobs in the memory of one process, for worker threads of the same process."""

from threading import Condition

from packistry.queue.base import Argument, Job, Queue

MOST = 10_000


class EmbeddedQueue(Queue):
    """First in, first out; each job waits here once.

    In a process without worker threads (the CLI, `serve` with no workers) nobody takes what is
    sent, and that is harmless: the row that is owed is committed, and idle workers of the serving
    process look into the ledger every second. At most 10,000 jobs wait; the oldest are dropped
    first, because the ledger still has them.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: dict[Job, None] = {}

    def send(self, job: str, *arguments: Argument) -> None:
        with self._changed:
            self._waiting.setdefault(Job(name=job, arguments=arguments))
            if len(self._waiting) > MOST:
                del self._waiting[next(iter(self._waiting))]
            self._changed.notify()

    def take(self, timeout: float = 0) -> Job | None:
        """The oldest job, waited for `timeout` seconds at most; None when there is none.

        Also None as soon as `wake` is called.
        """
        with self._changed:
            if not self._waiting and timeout > 0:
                self._changed.wait(timeout)
            if not self._waiting:
                return None
            job = next(iter(self._waiting))
            del self._waiting[job]
            return job

    def close(self) -> None:
        self.wake()

    def wake(self) -> None:
        """Let every thread that waits in `take` return."""
        with self._changed:
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._waiting)
