"""Jobs: a name and ids, sent after commit. The queue imports no job and no runtime.

A job is only a hint that the ledger in SQL holds something to do; losing one loses nothing.
"""

from packistry.queue.base import Argument, Job, Queue
from packistry.queue.embedded import EmbeddedQueue
from packistry.settings import Settings

__all__ = ["Argument", "EmbeddedQueue", "Job", "Queue", "connect", "job_seconds"]

# Beside the one git command that takes longest: listing, archiving and storing all refs.
REST_SECONDS = 2 * 3600


def connect(settings: Settings) -> Queue:
    """The queue the settings ask for: in Redis if there is one, else in memory."""
    url = settings.redis_url.get_secret_value()
    if not url:
        return EmbeddedQueue()
    # Redis and RQ take their time to load, and most installations have none.
    from packistry.queue.redis import RqQueue

    return RqQueue(url, job_seconds=job_seconds(settings))


def job_seconds(settings: Settings) -> int:
    """After how many seconds a job counts as hung."""
    return int(settings.git_timeout) + REST_SECONDS
