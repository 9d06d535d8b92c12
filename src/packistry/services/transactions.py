"""What work that spans several transactions needs of the process it runs in."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

from packistry.services.audit import Author
from packistry.services.context import Context

if TYPE_CHECKING:
    from packistry.services import Services

T = TypeVar("T")


class Transactions(Protocol):
    """Opens transactions one after the other; the Runtime is one.

    git, the network, zips and storage are used between them, never inside.
    """

    @property
    def context(self) -> Context: ...

    def transaction(self) -> AbstractContextManager["Services"]:
        """One transaction: committed at the end, undone if the body raises."""

    def attempt(self, work: Callable[["Services"], T]) -> T:
        """Run `work` in a transaction of its own, again if it was a deadlock's victim."""


class Changes(Transactions, Protocol):
    """Opens transactions for people: those that only read, and those that are recorded."""

    def reading(self) -> AbstractContextManager["Services"]:
        """One transaction that only reads: it waits for no writer, and writing raises."""

    def attempt(self, work: Callable[["Services"], T], author: Author | None = None) -> T:
        """Run `work` in a transaction, with an `author` in a `change`, again after a deadlock."""

    def change(self, author: Author) -> AbstractContextManager["Services"]:
        """One transaction whose changes are recorded as the author's."""
