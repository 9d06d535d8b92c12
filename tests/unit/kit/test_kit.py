"""What `packistry plugin new` writes."""

import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from click.testing import CliRunner

from packistry import kit
from packistry.cli import main
from packistry.errors import Conflict, Invalid

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=list(kit.Kind), ids=lambda kind: kind.value)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("kit") / "packistry-acme-forge"
    kit.create("acme-forge", request.param, folder)
    return folder


def run(*command: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(project: Path) -> None:
    printed = run("pytest", "-q", "-p", "no:cacheprovider", "-W", "error", folder=project)
    assert "passed" in printed
    assert "skipped" not in printed


def test_it_is_clean_for_linter_and_type_checker(project: Path) -> None:
    config = str(ROOT / "pyproject.toml")
    ignored = "ANN,D,S,INP,E501,I001"
    run("ruff", "check", "--no-cache", "--config", config, "src", folder=project)
    run("ruff", "check", "--no-cache", "--config", config, f"--ignore={ignored}", folder=project)
    run("mypy", "--strict", "--config-file=", "--cache-dir=/dev/null", "src", folder=project)


def test_it_installs_and_is_found(project: Path, tmp_path: Path) -> None:
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target")
    run("pip", "install", *options, str(tmp_path), str(project), folder=project)
    (found,) = distributions(path=[str(tmp_path)])
    assert found.name == "packistry-acme-forge"
    printed = run("packistry", "plugins", folder=tmp_path, PYTHONPATH=str(tmp_path))
    (line,) = [line for line in printed.splitlines() if line.startswith("acme-forge")]
    assert line.split()[:4] == ["acme-forge", "packistry-acme-forge", "0.1.0", "acme-forge"]


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(Conflict, match="--directory"):
        kit.create("forge", kit.Kind.SOURCE, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize("name", ["", "Forge", "a/b", "..", "-x", "a--b", "a_b", "x" * 51, "é"])
def test_a_name_that_no_plugin_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="lower-case"):
        kit.create(name, kit.Kind.SOURCE, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command_says_what_it_wrote_and_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    command = ["plugin", "new", "forge", "--kind", "storage", "--directory", str(folder)]
    printed = CliRunner().invoke(main, command, catch_exceptions=False).output
    assert str(folder / "src" / "packistry_forge" / "storage.py") in printed
    assert "pytest" in printed
