"""Real database servers for tests: private, on free local ports, gone with the test run."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not open port {port}")


def run_until_ready(command: Sequence[str]) -> None:
    """Run a command of a client again while the server, whose port is open, is not ready."""
    deadline = time.monotonic() + START_SECONDS
    while (done := subprocess.run(command, capture_output=True, check=False)).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(done.stderr.decode())
        time.sleep(0.1)


@contextmanager
def running(
    command: Sequence[str], *, port: int, log: Path, stop: int = signal.SIGTERM
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_for_port(port, process)
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def folder(owner: str | None = None) -> Iterator[Path]:
    """A short path, since a socket's may have at most 107 characters."""
    path = Path(tempfile.mkdtemp(prefix="pk-"))
    if owner and os.geteuid() == 0:
        shutil.chown(path, owner)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def as_user(user: str, command: Sequence[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command]


def newest(pattern: str) -> str:
    found = sorted(Path("/").glob(pattern.lstrip("/")), key=lambda path: path.parts)
    if not found:
        raise RuntimeError(f"{pattern} is not installed: script/test names the packages needed")
    return str(found[-1])


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server; gives its SQLAlchemy URL."""
    bin_ = Path(newest("/usr/lib/postgresql/*/bin/initdb")).parent
    with folder("postgres") as path:
        data = path / "data"
        subprocess.run(
            as_user(
                "postgres",
                [
                    str(bin_ / "initdb"),
                    "-D",
                    str(data),
                    "-A",
                    "trust",
                    "-U",
                    "postgres",
                    "-E",
                    "UTF8",
                    "--locale=C",
                    "--no-sync",
                ],
            ),
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=path,
        )
        port = free_port()
        command = as_user(
            "postgres",
            [
                str(bin_ / "postgres"),
                "-D",
                str(data),
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-k",
                str(path),
                "-c",
                "fsync=off",
                "-c",
                "max_connections=200",
            ],
        )
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        with running(command, port=port, log=path / "server.log", stop=signal.SIGINT):
            created = [str(bin_ / "createdb"), "-h", "127.0.0.1", "-p", str(port)]
            run_until_ready([*created, "-U", "postgres", "packistry"])
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/packistry"


@contextmanager
def mariadb() -> Iterator[str]:
    """A MariaDB server; gives its SQLAlchemy URL."""
    user = "mysql" if os.geteuid() == 0 else os.environ.get("USER", "")
    with folder("mysql") as path:
        data, port = path / "data", free_port()
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={data}",
                f"--user={user}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        command = [
            newest("/usr/sbin/mariadbd"),
            "--no-defaults",
            f"--datadir={data}",
            f"--user={user}",
            "--bind-address=127.0.0.1",
            "--port",
            str(port),
            f"--socket={path}/s",
            f"--pid-file={path}/pid",
            "--innodb-flush-log-at-trx-commit=0",
            # What a stock Debian server has; ours must not depend on a friendlier default.
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
        ]
        with running(command, port=port, log=path / "server.log"):
            subprocess.run(
                [
                    "mariadb",
                    "--no-defaults",
                    f"--socket={path}/s",
                    "-u",
                    "root",
                    "-e",
                    "CREATE DATABASE packistry; CREATE USER p@127.0.0.1 IDENTIFIED BY 'p';"
                    "GRANT ALL ON *.* TO p@127.0.0.1; CREATE USER p@localhost IDENTIFIED BY 'p';"
                    "GRANT ALL ON *.* TO p@localhost;",
                ],
                check=True,
            )
            # PyMySQL reads all certificates of the system for each connection unless told not to.
            options = "charset=utf8mb4&ssl_disabled=true"
            yield f"mysql+pymysql://p:p@127.0.0.1:{port}/packistry?{options}"


@contextmanager
def redis() -> Iterator[str]:
    """A Redis server that keeps nothing; gives its URL."""
    with folder() as path:
        port = free_port()
        command = [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(path),
        ]
        with running(command, port=port, log=path / "server.log"):
            yield f"redis://127.0.0.1:{port}/0"
