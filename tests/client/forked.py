"""Commands of `packistry`, each in a process of its own that need not load the code again.

A server forks them off after it has imported what they need, which is most of what a short command
costs. Everything else is as in a new process.
"""

import multiprocessing
import os
import sys
import warnings
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

PRELOADED = ["tests.client.forked_imports"]


class Forked:
    """A process that was forked off."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid
        self.terminate = process.terminate

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float) -> int | None:
        self._process.join(seconds)
        return self._process.exitcode


def start(
    arguments: tuple[str, ...], environment: dict[str, str], *, stdin: Path, out: Path, err: Path
) -> Forked:
    """`packistry` with these arguments and environment; its output is appended to the files."""
    process = _context().Process(target=_main, args=(arguments, environment, stdin, out, err))
    process.start()
    return Forked(process)


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _main(
    arguments: tuple[str, ...], environment: dict[str, str], stdin: Path, out: Path, err: Path
) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path, flags in (
        (0, stdin, os.O_RDONLY),
        (1, out, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, err, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as we
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.argv = ["packistry", *arguments]
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    from packistry.cli import main

    main()
