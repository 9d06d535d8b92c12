"""The plugin of docs/plugins.md, written, installed by pip and run as a stranger would."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)```$", PAGE, re.DOTALL | re.MULTILINE))

BROKEN = {
    "pyproject.toml": FILES["pyproject.toml"].replace("shelf", "broken"),
    "src/packistry_broken/__init__.py": "raise SystemExit('no licence')\n",
}

REPORT = """
import json
from packistry.services.plugins import Plugins

plugins = Plugins.load()
print(json.dumps({
    "loaded": {each.name: [each.distribution, each.version] for each in plugins.loaded},
    "failures": {each.plugin: each.error for each in plugins.failures},
    "providers": sorted(plugins.source_providers),
}))
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the plugins' site on its path, and nothing else of ours in the environment."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "HOME": str(site)}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=site,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("third-party")


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    """A folder of its own that pip installed both plugins into."""
    site = folder / "site"
    sources = [
        str(write(folder / "shelf", FILES)),
        str(write(folder / "broken", BROKEN)),
    ]
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    command = [sys.executable, "-m", "pip", "install", *options, *sources]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return site


def test_the_installed_plugin_shows_up_and_the_broken_one_is_reported(site: Path) -> None:
    done = run(site, "-c", REPORT)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["loaded"]["shelf"] == ["packistry-shelf", "1.0"]
    assert report["failures"] == {"broken": "SystemExit: no licence"}
    assert report["providers"] == ["git", "shelf"]


def test_the_installed_plugin_passes_the_contract(site: Path, folder: Path) -> None:
    tests = folder / "shelf" / "tests"
    options = ["-q", "-p", "no:cacheprovider", "-W", "error", "--rootdir", str(tests)]
    done = run(site, "-m", "pytest", *options, str(tests))
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d\d passed in", done.stdout, re.MULTILINE)


def test_the_provider_is_short() -> None:
    lines = FILES["src/packistry_shelf/source.py"].splitlines()
    assert len(lines) < 100
