"""Numbers that take their time to count, kept for a while in this process."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 1000


class Kept:
    """Values by key. What is kept must be nothing that somebody may no longer see."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, seconds: float, make: Callable[[], T]) -> T:
        """The value of the key, made anew when it is older than that."""
        found = self._values.get(key)
        if found is not None and found[0] > time.monotonic():
            kept: T = found[1]
            return kept
        value = make()
        with self._lock:
            if len(self._values) >= MOST:
                self._values.clear()
            self._values[key] = (time.monotonic() + seconds, value)
        return value
