"""The command `packistry` in an installation of its own, started as a person would."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from packistry.cli import main
from packistry.settings import PREFIX
from tests import fresh


@dataclass(frozen=True)
class Command:
    """Runs `packistry` with arguments, and says what came of it."""

    environment: dict[str, str | None]

    def __call__(self, *arguments: str, input: str | None = None) -> Result:  # noqa: A002
        return CliRunner().invoke(main, arguments, input=input, env=self.environment)

    def ok(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002
        """What it writes to stdout; it must succeed."""
        result = self(*arguments, input=input)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "--json"))

    def fails(self, *arguments: str, code: int = 1, input: str | None = None) -> str:  # noqa: A002
        """What it writes to stderr; it must fail with this exit code and without a traceback."""
        result = self(*arguments, input=input)
        assert result.exit_code == code, result.output
        assert isinstance(result.exception, SystemExit), result.exception
        return result.stderr


@pytest.fixture
def cli(tmp_path: Path, database_url: str) -> Command:
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith(PREFIX)
    }
    environment |= {
        "PACKISTRY_DATA_DIR": str(tmp_path / "data"),
        "PACKISTRY_GIT_LOCAL_ROOTS": str(tmp_path),
        "PACKISTRY_URL": "https://packages.test",
        "PACKISTRY_WORKERS": "0",
    }
    if database_url:
        environment["PACKISTRY_DATABASE_URL"] = database_url
    else:
        fresh.put(tmp_path / "data")
    return Command(environment)


class Upstream:
    """A git repository that packages are imported from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=Jo", "-c", "user.email=jo@x.org"]
        subprocess.run(["git", "-C", str(self.path), *identity, *arguments], check=True)

    def release(self, tag: str, manifest: str) -> None:
        (self.path / "composer.json").write_text(manifest)
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", tag)
        self.git("tag", tag)


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    made = Upstream(tmp_path / "lib")
    made.release("v1.0.0", '{"name": "acme/lib"}')
    return made
