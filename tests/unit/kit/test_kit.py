"""What `packistry plugin new` writes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from packistry import kit
from packistry.cli import main
from packistry.errors import Conflict, Invalid

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "plugins.md").read_text("utf-8")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One of each kind."""
    folder = tmp_path_factory.mktemp("kit")
    made = []
    for kind in kit.Kind:
        made.append(folder / f"packistry-acme-{kind}")
        kit.create(f"acme-{kind}", kind, made[-1])
    return made


def run(*command: object, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_their_own_tests_pass(projects: list[Path]) -> None:
    for project in projects:
        printed = run("pytest", "-q", "-p", "no:cacheprovider", "-W", "error", folder=project)
        assert "passed" in printed
        assert "skipped" not in printed


def test_they_are_clean_for_linter_and_type_checker(projects: list[Path]) -> None:
    lint = ("ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml")
    sources = [project / "src" for project in projects]
    run(*lint, *sources, folder=projects[0])
    run(*lint, "--ignore=ANN,D,S,INP,E501,I001", *projects, folder=projects[0])
    types = ("mypy", "--strict", "--config-file=", "--cache-dir=/dev/null")
    run(*types, *sources, folder=projects[0])


def test_they_install_and_are_found(projects: list[Path], tmp_path: Path) -> None:
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target")
    run("pip", "install", *options, tmp_path, *projects, folder=tmp_path)
    printed = run("packistry", "plugins", folder=tmp_path, PYTHONPATH=str(tmp_path))
    found = {line.split()[0]: line.split() for line in printed.splitlines()}
    for kind in kit.Kind:
        name = f"acme-{kind}"
        assert found[name] == [name, f"packistry-{name}", "0.1.0", name]


@pytest.mark.parametrize(
    ("sections", "kind", "file"),
    [
        (("A git host", "Webhooks"), kit.Kind.SOURCE, "provider.py"),
        (("A place to sign in",), kit.Kind.AUTH, "backend.py"),
    ],
)
def test_the_page_about_plugins_shows_what_is_written(
    sections: tuple[str, ...], kind: kit.Kind, file: str, tmp_path: Path
) -> None:
    kit.create("forge", kind, tmp_path / "forge")
    written = (tmp_path / "forge" / "src" / "packistry_forge" / file).read_text()
    for section in sections:
        text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
        shown = re.findall(r"(?ms)^```python\n(.*?)^```$", text)
        assert shown
        assert [block for block in shown if block not in written] == []


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
