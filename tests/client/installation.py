"""A Packistry run as its operator runs it: `packistry serve`, set up with the CLI."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.servers import free_port

PACKISTRY = (sys.executable, "-m", "packistry")
START_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Its settings; the commands of its operator."""

    environment: dict[str, str]
    port: int

    def run(self, *arguments: str, fails: bool = False, stdin: str = "") -> str:
        """What the command prints. AssertionError when it does not end as expected."""
        done = subprocess.run(
            [*PACKISTRY, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        failed = done.returncode != 0
        assert failed == fails, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr if fails else done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def token(self, *arguments: str) -> str:
        token: str = self.json("token", "add", *arguments)["token"]
        return token


def install(folder: Path, *, port: int | None = None, **settings: str) -> Installation:
    """A new installation below `folder`; nothing runs yet."""
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
    return Installation(environment=environment, port=port)


@contextmanager
def serving(installation: Installation, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`packistry serve` until the end of the block."""
    log = Path(installation.environment["PACKISTRY_DATA_DIR"]).with_suffix(".log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*PACKISTRY, "serve", *arguments],
            env=installation.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(installation.port, process, log)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")
