"""Processes that serve over one listening socket: started, watched, stopped."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from packistry import process
from packistry.web.http import make_server

# A process that dies sooner than this after its start is not started again at once.
HASTY_SECONDS = 1.0
STOP_SECONDS = 30.0

log = logging.getLogger(__name__)


class Work(Protocol):
    """A WSGI application, and what runs beside it, until it is closed."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any: ...

    def close(self) -> None: ...


def run(
    make: Callable[[], Work],
    listening: socket.socket,
    *,
    threads: int,
    max_upload: int,
    core: int = 0,
) -> None:
    """Serve, in this process's main thread, until SIGTERM or SIGINT; then close the application.

    The process's request threads share a core, the `core`th of those allowed: threads that hand
    Python's lock from one core to another take nearly twice the time.
    """
    stop = _Stop()
    application: Work | None = None
    try:
        # What it starts beside itself, such as workers, is started before and may use every core.
        application = make()
        if stop.asked:
            # A plugin that was being loaded may have caught the exception.
            raise SystemExit
        process.settle()
        _pin(core)
        make_server(application, listening, threads=threads, max_upload=max_upload).run()
    except SystemExit:
        log.info("Stopped while starting.")
    finally:
        if application is not None:
            application.close()


def run_many(
    make: Callable[[], Work],
    listening: socket.socket,
    processes: int,
    *,
    threads: int,
    max_upload: int,
) -> None:
    """Serve with so many processes, each on a core of its own, until SIGTERM or SIGINT.

    `make` is called in each of them. One that dies is started again. The caller must not have
    connections or threads that a fork would share.
    """
    reader, writer = os.pipe()

    def child(core: int) -> None:
        os.close(writer)
        _stop_with_parent(reader)
        run(make, listening, threads=threads, max_upload=max_upload, core=core)

    try:
        _Family(child, processes).run()
    finally:
        os.close(reader)
        os.close(writer)


class _Family:
    """Processes that do the same, and the one that watches them."""

    def __init__(self, work: Callable[[int], None], number: int) -> None:
        self._work = work
        self._number = number
        self._children: dict[int, int] = {}
        self._started: dict[int, float] = {}

    def run(self) -> None:
        _Stop()
        try:
            for core in range(self._number):
                self._start(core)
            while True:
                self._replace(*os.waitpid(-1, 0))
        except SystemExit:
            log.info("Stopping.")
        finally:
            self._end()

    def _start(self, core: int) -> None:
        self._started[core] = time.monotonic()
        pid = os.fork()
        if pid:
            self._children[pid] = core
            return
        status = 1
        try:
            self._work(core)
            status = 0
        except BaseException:
            # A process of its own: nobody above would say what happened.
            log.exception("A server process failed.")
        finally:
            os._exit(status)

    def _replace(self, pid: int, status: int) -> None:
        core = self._children.pop(pid, None)
        if core is None:
            return
        log.error("Server process %s ended with status %s; starting another.", pid, status)
        if time.monotonic() - self._started[core] < HASTY_SECONDS:
            time.sleep(HASTY_SECONDS)
        self._start(core)

    def _end(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._tell(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._children and time.monotonic() < deadline:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._children.pop(pid, None)
            else:
                time.sleep(0.05)
        self._tell(signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._children:
            os.kill(pid, number)


class _Stop:
    """Handles SIGTERM and SIGINT from now on: raises SystemExit, and remembers it."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self)
        signal.signal(signal.SIGINT, self)

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        raise SystemExit


def _stop_with_parent(reader: int) -> None:
    """Nobody writes into the pipe: reading ends when the last of the parent's ends is closed."""

    def wait() -> None:
        os.read(reader, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="packistry-parent", daemon=True).start()


def _pin(core: int) -> None:
    # This thread, and those it starts from now on.
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[core % len(allowed)]})
