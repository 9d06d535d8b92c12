"""On a real terminal questions are asked, and secrets are not shown."""

import os
import pty
import select
import subprocess
import sys
import time
from typing import Any

import pytest

SECONDS = 30


class Terminal:
    """`packistry` on a terminal of its own."""

    def __init__(self, environment: Any, *arguments: Any) -> None:
        self._fd, other = pty.openpty()
        command = [sys.executable, "-c", "from packistry.cli import main; main()", *arguments]
        given = {name: value for name, value in environment.items() if value is not None}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PACKISTRY_")}
        self._process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, env=inherited | given
        )
        os.close(other)
        self.shown = ""

    def answers(self, question: Any, answer: Any) -> Any:
        """Waits until the question is shown, and types the answer."""
        self._until(lambda: question in self.shown)
        assert question in self.shown
        self.shown = ""
        os.write(self._fd, answer.encode() + b"\n")

    def ends(self) -> Any:
        """The exit code, once everything was shown."""
        self._until(lambda: False)
        os.close(self._fd)
        return self._process.wait(SECONDS)

    def _until(self, enough: Any) -> Any:
        deadline = time.monotonic() + SECONDS
        while not enough() and time.monotonic() < deadline:
            ready, _, _ = select.select([self._fd], [], [], 0.1)
            try:
                data = os.read(self._fd, 65536) if ready else b"-"
            except OSError:
                return
            self.shown += data.decode() if ready else ""


@pytest.fixture
def terminal(cli):
    return lambda *arguments: Terminal(cli.environment, *arguments)


def test_removing_asks_and_no_keeps(cli, terminal):
    cli.ok("repository", "add", "main")
    asked = terminal("repository", "remove", "/")
    asked.answers("0 packages?", "n")
    assert asked.ends() == 1
    assert len(cli.json("repository", "list")) == 1


def test_removing_asks_and_yes_removes(cli, terminal):
    cli.ok("repository", "add", "main")
    asked = terminal("repository", "remove", "/")
    asked.answers("0 packages?", "y")
    assert asked.ends() == 0
    assert cli.json("repository", "list") == []


def test_a_password_is_asked_for_twice_and_not_shown(cli, terminal):
    asked = terminal("user", "add", "jo@x.org")
    asked.answers("Password (empty: none):", "seven red umbrellas")
    asked.answers("Repeat for confirmation:", "seven red umbrellas")
    assert asked.ends() == 0
    assert "umbrellas" not in asked.shown
    assert cli.json("user", "list")[0]["has_password"]


def test_a_secret_without_a_value_is_asked_for_and_not_shown(cli, terminal):
    asked = terminal("source", "add", "git", "--provider", "git", "--set", "password")
    asked.answers("Password or token:", "canary")
    assert asked.ends() == 0
    assert "canary" not in asked.shown
    assert cli.json("source", "list")[0]["has_secrets"]


def test_progress_is_shown_on_a_terminal(cli, terminal, upstream):
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "git", "--provider", "git")
    asked = terminal(
        "package", "add", "--repository", "", "--source", "git", str(upstream.path), "--wait"
    )
    assert asked.ends() == 0
    assert "Importing [" in asked.shown
