"""Asking work to stop. Whatever may take long looks here now and then, in whichever layer it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event

from packistry.errors import PackistryError


class Stopped(PackistryError):
    """The work was asked to stop. What it had done stays; the rest is still owed."""

    def __init__(self) -> None:
        super().__init__("The work was asked to stop.")


class Stop:
    """A request that work may get at any time, from any thread; one above counts as well."""

    def __init__(self, above: "Stop | None" = None) -> None:
        self._asked = Event()
        self._above = above

    def ask(self) -> None:
        self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set() or (self._above is not None and self._above.asked)

    def check(self) -> None:
        """Raises Stopped when it was asked for."""
        if self.asked:
            raise Stopped


_current: ContextVar[Stop | None] = ContextVar("stop", default=None)


def current() -> Stop | None:
    """What may stop the work of this thread; None when nothing may."""
    return _current.get()


def check() -> None:
    """Raises Stopped when this thread's work was asked to stop."""
    stop = current()
    if stop is not None:
        stop.check()


@contextmanager
def stoppable(stop: Stop | None = None) -> Iterator[Stop]:
    """The body stops soon after `ask` is called on what this gives, or on what is around it.

    A thread that the body starts has to run in a copy of its context.
    """
    own = stop or Stop(current())
    token = _current.set(own)
    try:
        yield own
    finally:
        _current.reset(token)
