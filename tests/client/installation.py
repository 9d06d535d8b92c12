"""A Packistry run as its operator runs it: `packistry serve`, set up with the CLI."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.request import urlopen

from tests import fresh
from tests.client import forked
from tests.servers import free_port

PACKISTRY = (sys.executable, "-m", "packistry")
START_SECONDS = 90
STOP_SECONDS = 20
COMMAND_SECONDS = 300


class Process(Protocol):
    """A command that runs in a process of its own, which leads its process group."""

    @property
    def pid(self) -> int | None: ...

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None when it runs longer than that."""

    def terminate(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Its settings; the commands of its operator.

    `forked`: the code is not loaded again for each command.
    """

    environment: dict[str, str]
    port: int
    forked: bool = True

    def run(self, *arguments: str, fails: bool = False, stdin: str = "") -> str:
        """What the command prints. AssertionError when it does not end as expected."""
        with tempfile.TemporaryDirectory() as name:
            given, out, err = (Path(name, each) for each in ("in", "out", "err"))
            given.write_text(stdin)
            process = self.start(*arguments, stdin=given, out=out, err=err)
            try:
                status = process.wait(COMMAND_SECONDS)
            finally:
                stop(process)
            printed, told = out.read_text(), err.read_text()
        failed = status != 0
        assert failed == fails, f"{arguments}: {status}\n{printed}\n{told}"
        return told if fails else printed

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def token(self, *arguments: str) -> str:
        token: str = self.json("token", "add", *arguments)["token"]
        return token

    def start(self, *arguments: str, stdin: Path, out: Path, err: Path) -> Process:
        """The command, running; what it prints is appended to the files."""
        # Code that only this installation has is not what the others have loaded.
        if self.forked and "PYTHONPATH" not in self.environment:
            return forked.start(arguments, self.environment, stdin=stdin, out=out, err=err)
        with stdin.open("rb") as given, out.open("ab") as printed, err.open("ab") as told:
            return _Started(
                subprocess.Popen(
                    [*PACKISTRY, *arguments],
                    env=self.environment,
                    stdin=given,
                    stdout=printed,
                    stderr=told,
                    start_new_session=True,
                )
            )


class _Started:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        self.poll = process.poll
        self.terminate = process.terminate

    def wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


def install(
    folder: Path, *, port: int | None = None, forked: bool = True, **settings: str
) -> Installation:
    """An installation below `folder`, a new one with its tables unless one is there.

    Nothing runs yet.
    """
    port = port or free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PACKISTRY_DATA_DIR": str(folder / "data"),
        "PACKISTRY_LISTEN": f"127.0.0.1:{port}",
        "PACKISTRY_GIT_LOCAL_ROOTS": str(folder),
        "PACKISTRY_URL": f"http://127.0.0.1:{port}",
        **{f"PACKISTRY_{name.upper()}": value for name, value in settings.items()},
    }
    if "PACKISTRY_DATABASE_URL" not in environment and not (folder / "data").exists():
        fresh.put(folder / "data")
    return Installation(environment=environment, port=port, forked=forked)


@contextmanager
def serving(installation: Installation, *arguments: str) -> Iterator[Process]:
    """`packistry serve` until the end of the block."""
    log = Path(installation.environment["PACKISTRY_DATA_DIR"]).with_suffix(".log")
    nothing = Path(os.devnull)
    process = installation.start("serve", *arguments, stdin=nothing, out=log, err=log)
    try:
        _wait(installation.port, process, log)
        yield process
    finally:
        stop(process)


def stop(process: Process) -> None:
    """Asks the process to end. Kills it, and raises AssertionError, when it does not."""
    if process.poll() is None:
        process.terminate()
    if process.wait(STOP_SECONDS) is None:
        assert process.pid
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)
        raise AssertionError("the command did not end when it was asked to")


def _wait(port: int, process: Process, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")
