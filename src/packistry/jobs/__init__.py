"""Jobs by name, and the one place that runs them."""

import logging
from collections.abc import Callable, Collection, Mapping

from packistry.errors import PackistryError
from packistry.jobs import functions
from packistry.queue import Argument, EmbeddedQueue, Job
from packistry.runtime import Runtime
from packistry.stopping import Stopped

log = logging.getLogger(__name__)

JOBS: Mapping[str, Callable[..., None]] = {
    "sync": functions.sync,
    "build_dist": functions.build_dist,
    "webhook": functions.webhook,
    "discover": functions.discover,
    "bulk_import": functions.bulk_import,
    "deliver_event": functions.deliver_event,
    "mail_link": functions.mail_link,
}
# What to write down when a job ended in a way nobody planned.
ABANDON: Mapping[str, Callable[..., None]] = {
    "sync": functions.abandon_sync,
    "build_dist": functions.abandon_dist,
    "webhook": functions.abandon_webhook,
    "discover": functions.abandon_discover,
    "bulk_import": functions.abandon_bulk_import,
    "mail_link": functions.abandon_mail,
}


class UnknownJob(PackistryError):
    """No job has this name."""


def run(runtime: Runtime, name: str, *arguments: Argument) -> bool:
    """Run one job to its end. Raises UnknownJob, and nothing that the job raises.

    False when the job raised: that is in the log, and for a sync in the ledger.
    """
    if name not in JOBS:
        raise UnknownJob(f"There is no job named {name!r}.")
    job = Job(name=name, arguments=arguments)
    try:
        JOBS[name](runtime, *arguments)
    except Stopped:
        log.info("The job %s was stopped, and is owed still.", job)
        return False
    # The boundary of a worker: plugins run in here, and whatever one raises, even SystemExit,
    # must not end the thread or process that has other jobs to do.
    except (Exception, SystemExit) as error:
        log.exception("The job %s failed.", job)
        abandon(runtime, job, error)
        return False
    return True


def abandon(runtime: Runtime, job: Job, error: BaseException) -> None:
    """Write down that a job ended by `error`. Never raises."""
    if job.name not in ABANDON:
        return
    try:
        ABANDON[job.name](runtime, *job.arguments, error)
    # The database itself may be what failed; then the lease runs out and the job is found again.
    except Exception:
        log.exception("The failure of the job %s could not be written down.", job)


def drain(runtime: Runtime, names: Collection[str] = ()) -> int:
    """Run what waits in this process's own memory, also what that adds; the number of jobs run.

    For a process without workers: the CLI tells its events before it ends. With `names`, other jobs
    are dropped from memory, not from the ledger. With Redis there is nothing to do here.
    """
    done = 0
    queue = runtime.queue
    while isinstance(queue, EmbeddedQueue) and (job := queue.take()):
        if not names or job.name in names:
            run(runtime, job.name, *job.arguments)
            done += 1
    return done
