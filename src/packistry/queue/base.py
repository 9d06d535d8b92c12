"""What every queue does: it sends a job's name and arguments, and only after commit."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import transaction

Argument = int | str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it is sent: its name in `packistry.jobs` and what it is about.

    The arguments are ids, or a short text that anyone may read.
    """

    name: str
    arguments: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.arguments))})"


class Queue(ABC):
    """Where jobs are sent."""

    def enqueue(self, job: str, *arguments: Argument) -> None:
        """Send `job` once the thread's transaction has committed; never if it aborts."""

        def send(committed: bool, *_ignored: Any) -> None:
            if committed:
                self.send(job, *arguments)

        transaction.get().addAfterCommitHook(send)

    @abstractmethod
    def send(self, job: str, *arguments: Argument) -> None:
        """Send `job` now. A job about ids that is waiting already is not sent twice.

        Never raises because the queue is away: what is owed stands in the ledger.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what the queue holds open."""
