"""`packistry serve` as an operator starts it, and the CLI beside it."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.servers import free_port

SECONDS = 30
# The server gives its processes 30 seconds to finish what they do.
STOP_SECONDS = 60
PACKISTRY = [sys.executable, "-c", "from packistry.cli import main; main()"]


class Server:
    """A server that was started, and how to talk to it and to the CLI beside it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.listen = f"127.0.0.1:{free_port()}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PACKISTRY_")},
            "PACKISTRY_DATA_DIR": str(folder / "data"),
            "PACKISTRY_GIT_LOCAL_ROOTS": str(folder),
        }
        self.log = folder / "server.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*PACKISTRY, "serve", "--listen", self.listen, *arguments],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.status("/healthz")
            except OSError:
                time.sleep(0.05)
            else:
                return
        pytest.fail(self.log.read_text())

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://{self.listen}{path}", timeout=SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def command(self, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [*PACKISTRY, *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@pytest.fixture
def upstream(server):
    folder = server.folder / "lib"
    folder.mkdir()
    (folder / "composer.json").write_text('{"name": "acme/lib"}')
    identity = ["-c", "user.name=Jo", "-c", "user.email=jo@x.org"]
    for arguments in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["commit", "--quiet", "-m", "one"],
    ):
        subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)
    return folder


@pytest.fixture(scope="module", params=["1", "2"], ids=["one process", "two processes"])
def server(tmp_path_factory, request):
    """One for all tests here; the last of them ends it."""
    started = Server(tmp_path_factory.mktemp("serve"), "--processes", request.param)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait()


def test_the_first_start_says_where_it_listens_and_what_to_do_next(server):
    said = server.log.read_text()
    assert f"listening on {server.listen}" in said
    assert str(server.folder / "data") in said
    assert f"http://{server.listen}/setup/" in said


def test_what_the_cli_adds_is_served(server, upstream):
    added = server.command("repository", "add", "main", "--public")
    assert f"composer http://{server.listen}" in added
    server.command("source", "add", "git", "--provider", "git")
    server.command("package", "add", "--repository", "", "--source", "git", str(upstream), "--wait")
    assert server.status("/p2/acme/lib~dev.json") == 200


@pytest.mark.parametrize("server", ["2"], ids=["two processes"], indirect=True)
def test_doctor_finds_the_server_well(server):
    findings = server.command("doctor", PACKISTRY_LISTEN=server.listen)
    assert f"A server runs at {server.listen}" in findings
    assert "error" not in findings


@pytest.mark.parametrize("server", ["2"], ids=["two processes"], indirect=True)
def test_an_address_that_is_taken_is_one_sentence_and_changes_nothing(server):
    done = subprocess.run(
        [*PACKISTRY, "serve", "--listen", server.listen],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    link = server.log.read_text().partition(server.listen + "/setup/")[2].split()[0]
    assert server.status(f"/setup/{link}") == 200
    assert f"Error: {server.listen} cannot be listened on" in done.stderr
    assert "take another with --listen HOST:PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_signal_ends_it(server):
    assert server.stop() == 0
