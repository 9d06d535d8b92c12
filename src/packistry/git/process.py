"""One running process: in a group of its own, with limits, and never outliving them."""

import contextlib
import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from packistry import stopping
from packistry.errors import ConfigurationError
from packistry.git.errors import TimedOut, TooLarge

CHUNK = 65536
TICK = 0.5
STDERR_KEPT = 16384

_WROTE_TOO_MUCH = re.compile(rf"File too large|died of signal {signal.SIGXFSZ:d}\b")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`seconds` of wall clock; `file_bytes` of the largest file the process may write."""

    seconds: float
    file_bytes: int


class Process:
    """A process whose output is read while its time limit is watched.

    Reading raises TimedOut when the time is over, and Stopped when the work it is for is to stop
    (packistry.stopping). Leaving the context kills the whole process
    group if the process has not ended.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        limits: Limits,
        output: BinaryIO | None = None,
        interactive: bool = False,
        inherited: tuple[int, ...] = (),
        watch: Callable[[], None] | None = None,
    ) -> None:
        self._watch = watch
        self._stop = stopping.current()
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._selector = selectors.DefaultSelector()
        self._stderr = b""
        try:
            self._process = subprocess.Popen(
                arguments,
                executable=_found(arguments[0], environment.get("PATH", os.defpath)),
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.PIPE if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE if output is None else output,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                pass_fds=inherited,
            )
        except FileNotFoundError as error:
            self._selector.close()
            raise ConfigurationError(f"{arguments[0]} is not installed, or not in PATH.") from error
        _limit(self._process.pid, limits)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                self._selector.register(stream, selectors.EVENT_READ)

    @property
    def stderr(self) -> str:
        """The last 16 KB of what the process said, decoded leniently."""
        return self._stderr.decode("utf-8", "replace")

    def extend(self, seconds: float) -> None:
        """Give the process this much time from now on."""
        self._deadline = time.monotonic() + seconds

    def send(self, data: bytes) -> None:
        """Write to standard input; at most 4 KB, all earlier input having been answered.

        Raises BrokenPipeError if the process is gone.
        """
        if self._process.stdin is None:
            raise BrokenPipeError
        self._process.stdin.write(data)

    def receive(self) -> bytes:
        """The next piece of standard output, b"" at its end. Raises TimedOut."""
        while self._selector.get_map():
            for key, _ in self._ready():
                data = os.read(key.fd, CHUNK)
                if not data:
                    self._selector.unregister(key.fileobj)
                if key.fileobj is self._process.stdout:
                    return data
                self._stderr = (self._stderr + data)[-STDERR_KEPT:]
        return b""

    def chunks(self) -> Iterator[bytes]:
        """Standard output, piece by piece. Raises TimedOut."""
        while data := self.receive():
            yield data

    def finish(self) -> int:
        """The exit status, after the output is read to its end.

        Raises TimedOut, and TooLarge if the process wrote a larger file than it may.
        """
        for _ in self.chunks():
            pass
        while self._selector.get_map():
            self.receive()
        try:
            status = self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise self._too_late() from error
        if status == -signal.SIGXFSZ or _WROTE_TOO_MUCH.search(self.stderr):
            raise TooLarge(f"git wrote a file of more than {self._limits.file_bytes} bytes.")
        if status == -signal.SIGXCPU:
            raise self._too_late()
        return status

    def close(self) -> None:
        """Kill the process group unless the process has ended, and free everything."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._selector.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._too_late()
        if self._stop:
            self._stop.check()
        events = self._selector.select(min(left, TICK) if self._watch or self._stop else left)
        if self._watch:
            self._watch()
        return events

    def _too_late(self) -> TimedOut:
        return TimedOut(f"git took longer than {self._limits.seconds:g} seconds and was stopped.")


# An import starts it a thousand times, and its folder may be the last of PATH.
@lru_cache(maxsize=16)
def _found(program: str, path: str) -> str | None:
    return shutil.which(program, path=path)


def _limit(pid: int, limits: Limits) -> None:
    # Set from outside: code between fork and exec is unsafe in a process with threads. A child
    # that git starts before this line escapes the limits; the clock and the watch remain.
    wanted = {
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CPU: int(limits.seconds + 1) * (os.cpu_count() or 1),
        resource.RLIMIT_CORE: 0,
    }
    for name, value in wanted.items():
        hard = resource.getrlimit(name)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, name, (most, most))
