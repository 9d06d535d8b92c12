"""One holder at a time, across threads, processes and crashes."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packistry import stopping
from packistry.git.errors import Busy

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.25


class FileLock:
    """An exclusive lock on a file, re-entrant for everyone who shares this object.

    It is a flock on an open file: two objects exclude each other in one process too, and it goes
    when the last process that inherited `descriptor` does, however it ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex = threading.Lock()
        self._descriptor = -1
        self._holders = 0

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock, in whichever thread."""
        return self._holders > 0

    @property
    def descriptor(self) -> int:
        """The open file, for processes that shall keep the lock as long as they live."""
        return self._descriptor

    @contextmanager
    def hold(self, seconds: float) -> Iterator[None]:
        """Hold the lock, waiting that long at most for other holders. Raises Busy and Stopped."""
        with self._mutex:
            if self._holders == 0:
                self._descriptor = self._acquire(seconds)
            self._holders += 1
        try:
            yield
        finally:
            with self._mutex:
                self._holders -= 1
                if self._holders == 0:
                    os.close(self._descriptor)
                    self._descriptor = -1

    def _acquire(self, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        pause = FIRST_PAUSE
        while True:
            descriptor = self._attempt()
            if descriptor is not None:
                return descriptor
            stopping.check()
            if time.monotonic() >= deadline:
                raise Busy("Another sync of this repository is still running.")
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _attempt(self) -> int | None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever removed the mirror removed this file as well: lock the one that is there now.
            if os.fstat(descriptor).st_ino == self.path.stat().st_ino:
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None
