"""Jobs in Redis, by RQ, for `packistry worker` processes on any number of machines.

Whoever can write to Redis must not thereby run code here. So everything is JSON, names are
looked up in our own table and never imported, and what we never send (callbacks, webhooks,
repeats, keyword arguments) is refused.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

import redis
from rq import Queue as RedisQueue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job as RedisJob
from rq.job import JobStatus
from rq.utils import now

from packistry.errors import PackistryError
from packistry.queue.base import Argument, Queue

NAME = "packistry"
SERIALIZER = "json"
KEEP_FAILURES_SECONDS = 24 * 3600
JOB_SECONDS = 3 * 3600
# A worker says every 10 seconds that it lives (packistry.jobs.redis_worker).
SILENT_FOR = timedelta(seconds=120)
CONNECT_SECONDS = 3
ANSWER_SECONDS = 30
FAILED = "It failed. The worker's log says why."

log = logging.getLogger(__name__)


class JobRefused(PackistryError):
    """A job in Redis that we never sent."""


class OurJob(RedisJob):
    """A job as RQ keeps it. It can only be one of `functions`, which the worker fills in."""

    functions: ClassVar[Mapping[str, Callable[..., object]]] = {}
    _has_webhooks = False

    @property
    def func(self) -> Callable[..., object]:
        """The function of our own table. Raises JobRefused for everything else."""
        name, arguments = self.func_name, self.args
        if not isinstance(name, str) or name not in self.functions:
            raise JobRefused("There is no job of this name.")
        if self.instance is not None or self.kwargs or not isinstance(arguments, list | tuple):
            raise JobRefused("A job has nothing but a name and arguments.")
        if not all(type(argument) in (int, str) for argument in arguments):
            raise JobRefused("A job's arguments are numbers and texts.")
        if self._success_callback_name or self._failure_callback_name:
            raise JobRefused("A job has no callbacks.")
        if self._stopped_callback_name or self._has_webhooks:
            raise JobRefused("A job has no callbacks.")
        return self.functions[name]

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, status: Any, *, exc_string: str | None = None) -> None:
        """Nothing: a forged one would let Redis choose whom this machine talks to."""

    def restore(self, raw_data: Any) -> None:
        """Read the job's hash; one that cannot be read is a job without a name."""
        self._has_webhooks = b"webhooks" in raw_data
        try:
            super().restore(raw_data)
        except NoSuchJobError:
            raise
        # Anyone may have put anything there, and RQ asserts as well as raises while reading it.
        except Exception:
            log.exception("The job %s in Redis cannot be read.", self.id)
            self.data = b"null"
        self.webhooks = []
        self.retries_left = self.repeats_left = None

    def _handle_failure(self, exc_string: str, *arguments: Any, **named: Any) -> None:
        # A traceback may hold what a plugin was configured with.
        super()._handle_failure(FAILED, *arguments, **named)


class RqQueue(Queue):
    """Sends jobs to Redis. When Redis is away the job is only in the ledger, and found there."""

    def __init__(self, url: str, *, job_seconds: int = JOB_SECONDS) -> None:
        """`job_seconds`: when a job counts as hung and is stopped."""
        self.job_seconds = job_seconds
        self.connection = redis.Redis.from_url(
            url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=ANSWER_SECONDS
        )

    def rq(self, job_class: type[OurJob] = OurJob) -> RedisQueue:
        """The one queue we have, as RQ sees it."""
        return RedisQueue(
            NAME,
            connection=self.connection,
            job_class=job_class,
            serializer=SERIALIZER,
            default_timeout=self.job_seconds,
        )

    def send(self, job: str, *arguments: Argument) -> None:
        try:
            self._send(job, arguments)
        except redis.RedisError as error:
            # Neither the address nor what Redis answered: both may hold its password.
            log.warning(
                "Redis is away (%s): %s%r waits in the ledger.",
                type(error).__name__,
                job,
                arguments,
            )

    def _send(self, job: str, arguments: tuple[Argument, ...]) -> None:
        queue = self.rq()
        # A job about rows has one name, so that it waits in Redis once however often it is sent.
        about_rows = all(isinstance(argument, int) for argument in arguments)
        name = "-".join([job, *map(str, arguments)]) if about_rows else None
        new = OurJob.create(
            job,
            args=arguments,
            id=name,
            connection=self.connection,
            serializer=SERIALIZER,
            timeout=self.job_seconds,
            result_ttl=0,
            failure_ttl=KEEP_FAILURES_SECONDS,
        )
        try:
            queue.enqueue_job(new, unique=about_rows)
        except DuplicateJobError:
            if not self._in_flight(queue, new.id):
                self._forget(queue, new.id)
                queue.enqueue_job(new, unique=True)

    def _in_flight(self, queue: RedisQueue, name: str) -> bool:
        """Whether the job waits or is being worked on; what Redis half forgot is neither."""
        try:
            known = OurJob.fetch(name, connection=self.connection, serializer=SERIALIZER)
        except NoSuchJobError:
            return False
        status = known.get_status(refresh=False)
        signs = (known.enqueued_at, known.started_at, known.last_heartbeat)
        latest = max((sign for sign in signs if sign), default=None)
        recent = latest is not None and now() - latest < SILENT_FOR
        if status == JobStatus.QUEUED:
            return recent or queue.get_job_position(name) is not None
        return status == JobStatus.STARTED and recent

    def _forget(self, queue: RedisQueue, name: str) -> None:
        self.connection.lrem(queue.intermediate_queue_key, 0, name)
        self.connection.delete(OurJob.key_for(name))

    def close(self) -> None:
        self.connection.close()
