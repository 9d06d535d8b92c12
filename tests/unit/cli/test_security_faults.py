"""`doctor` fails on each planted fault; and no file of ours is open to others."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from packistry.cli.care import doctor
from packistry.git.version import version
from packistry.services.doctor import machine
from packistry.services.secrets import KEY_FILE, new_key
from tests.unit.cli.conftest import Command, Upstream

Plant = Callable[[Command, Path, pytest.MonkeyPatch], None]


def data(cli: Command) -> Path:
    return Path(str(cli.environment["PACKISTRY_DATA_DIR"]))


def wide_folder(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    data(cli).chmod(0o750)


def wide_key(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    (data(cli) / KEY_FILE).chmod(0o644)


def other_key(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    (data(cli) / KEY_FILE).write_text(new_key() + "\n")


def no_key(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    (data(cli) / KEY_FILE).unlink()


def rubbish_key(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    (data(cli) / KEY_FILE).write_text("rubbish\n")


def every_proxy(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    cli.environment["PACKISTRY_TRUSTED_PROXIES"] = "0.0.0.0/0"


def every_proxy_of_ipv6(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    cli.environment["PACKISTRY_TRUSTED_PROXIES"] = "127.0.0.1,::/0"


def old_library(_cli: Command, _tmp: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(machine.FLOORS, "webob", (99,))


def old_git(_cli: Command, tmp: Path, patch: pytest.MonkeyPatch) -> None:
    programs = tmp / "bin"
    programs.mkdir()
    git = programs / "git"
    git.write_text("#!/bin/sh\necho git version 2.30.2\n")
    git.chmod(0o755)
    patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    version.cache_clear()


def no_database(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    cli.environment["PACKISTRY_DATABASE_URL"] = "postgresql+psycopg://x:y@127.0.0.1:1/x"


def no_redis(cli: Command, _tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    cli.environment["PACKISTRY_REDIS_URL"] = "redis://:c4nary@127.0.0.1:1/0"


def no_storage(cli: Command, tmp: Path, _patch: pytest.MonkeyPatch) -> None:
    (tmp / "file").touch()
    cli.environment["PACKISTRY_STORAGE_OPTIONS"] = f'{{"path": "{tmp}/file/x"}}'


FAULTS: tuple[Plant, ...] = (
    wide_folder,
    wide_key,
    other_key,
    no_key,
    rubbish_key,
    every_proxy,
    every_proxy_of_ipv6,
    old_library,
    old_git,
    no_database,
    no_redis,
    no_storage,
)
WARNED: dict[str, tuple[str, str]] = {
    "http": ("PACKISTRY_URL", "http://packages.test"),
    "https without a proxy": ("PACKISTRY_URL", "https://packages.test"),
}


@pytest.fixture
def installed(cli: Command) -> Command:
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "git", "--provider", "git", "--set", "password=c4nary")
    assert cli("doctor").exit_code == 0
    return cli


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_doctor_fails_on_each_planted_fault(
    installed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    """And says a remedy, and no secret."""
    before = sorted(path.name for path in data(installed).iterdir())
    plant(installed, tmp_path, monkeypatch)
    here = sorted(path.name for path in data(installed).iterdir())
    result = installed(str(doctor.name))
    version.cache_clear()
    assert result.exit_code == 1
    assert "error" in result.output
    assert "c4nary" not in result.output
    # It mends nothing, and above all makes no key.
    assert sorted(path.name for path in data(installed).iterdir()) == here
    assert set(here) <= set(before)


@pytest.mark.parametrize(("name", "value"), WARNED.values(), ids=WARNED.keys())
def test_doctor_names_what_is_unsafe(installed: Command, name: str, value: str) -> None:
    installed.environment[name] = value
    assert "warning" in {each["level"] for each in installed.json("doctor")}


def test_no_file_is_open_to_others_whatever_the_operators_umask(
    cli: Command, upstream: Upstream
) -> None:
    """A wide file mode is made by nobody: data, keys, mirrors, dists."""
    old = os.umask(0)
    try:
        cli.ok("repository", "add", "main")
        cli.ok("source", "add", "git", "--provider", "git", "--set", "password=c4nary")
        cli.ok(
            "package", "add", "--repository", "", "--source", "git", "--wait", str(upstream.path)
        )
        cli.ok("secrets", "rotate", "--new-key")
    finally:
        os.umask(old)
    made = [data(cli), *data(cli).rglob("*")]
    assert len(made) > 20
    wide = [path for path in made if not path.is_symlink() and path.stat().st_mode & 0o077]
    assert wide == []
