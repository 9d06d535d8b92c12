"""The plugin of docs/plugins.md, written, installed by pip and run as a stranger would."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.client import composer
from tests.client.installation import Installation, install, serving
from tests.client.third_party import (
    COMMANDS,
    FILES,
    TOKEN,
    Shelf,
    beside,
    command,
    pip_install,
    web,
    write,
)
from tests.repositories import GitRepository

BROKEN = {
    "pyproject.toml": FILES["pyproject.toml"].replace("shelf", "broken"),
    "src/packistry_broken/__init__.py": "raise SystemExit('no licence')\n",
}
IMPOSTOR = {
    "pyproject.toml": FILES["pyproject.toml"].replace("shelf", "impostor"),
    "src/packistry_impostor/__init__.py": FILES["src/packistry_shelf/__init__.py"].replace(
        "shelf", "impostor"
    ),
    "src/packistry_impostor/source.py": FILES["src/packistry_shelf/source.py"].replace(
        'name = "shelf"', 'name = "git"'
    ),
}
# It never comes to the end of an archive.
STUCK = {
    "pyproject.toml": FILES["pyproject.toml"].replace("shelf", "stuck"),
    "src/packistry_stuck/__init__.py": FILES["src/packistry_shelf/__init__.py"].replace(
        "shelf", "stuck"
    ),
    "src/packistry_stuck/source.py": FILES["src/packistry_shelf/source.py"]
    .replace('name = "shelf"', 'name = "stuck"')
    .replace(
        "        files = self.files(ref, path)\n",
        "        self.shelf.get('archiving')\n        __import__('time').sleep(600)\n",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("third-party")


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    """A folder of its own that pip installed the tutorial's plugin and three bad ones into."""
    plugins = {"shelf": FILES, "broken": BROKEN, "impostor": IMPOSTOR, "stuck": STUCK}
    written = [write(folder / name, files) for name, files in plugins.items()]
    return pip_install(folder / "site", *written)


@pytest.fixture
def installation(site: Path, tmp_path: Path) -> Installation:
    """One with the tutorial's plugin and the broken one."""
    return with_plugins(site, tmp_path, "shelf", "broken")


def with_plugins(site: Path, folder: Path, *names: str) -> Installation:
    return beside(install(folder, allow_hosts="127.0.0.1", plugins=",".join(names)), site)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """One that has acme/lib 1.0.0."""
    with web(TOKEN) as server:
        shelf = Shelf(web=server)
        shelf.publish("lib", "v1.0.0", Lib="<?php // one\n")
        yield shelf


def follow_the_tutorial(installation: Installation, shelf: Shelf, folder: Path) -> None:
    """Run the commands that the page ends with, on this shelf."""
    (folder / "token.txt").write_text(TOKEN)
    installation.run("repository", "add", "Main", "--public")
    for line in COMMANDS:
        line = line.replace("https://shelf.example/code", shelf.url)
        line = line.replace("@token.txt", f"@{folder / 'token.txt'}")
        installation.run(*shlex.split(line))


def client(installation: Installation, folder: Path) -> composer.Composer:
    return composer.project(folder, f"http://127.0.0.1:{installation.port}")


def test_the_installed_plugin_shows_up_and_the_broken_one_is_reported(
    installation: Installation,
) -> None:
    done = command(installation, "plugins")
    assert done.returncode == 1
    assert re.search(r"^shelf +packistry-shelf +1\.0 +shelf", done.stdout, re.MULTILINE)
    assert "broken (packistry-broken 1.0) failed: SystemExit: no licence" in done.stderr


def test_scripts_are_told_of_both_plugins_too(installation: Installation) -> None:
    done = command(installation, "plugins", "--json")
    told = json.loads(done.stdout)
    offered = {each["name"]: each["source_providers"] for each in told["loaded"]}
    assert (offered["builtin"], offered["shelf"]) == (["git"], ["shelf"])
    assert told["failed"] == [
        {
            "plugin": "broken",
            "distribution": "packistry-broken",
            "version": "1.0",
            "error": "SystemExit: no licence",
        }
    ]


def test_the_installed_plugin_passes_the_contract(site: Path, folder: Path) -> None:
    tests = folder / "shelf" / "tests"
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        "-W",
        "error",
        "--rootdir",
        str(tests),
    ]
    # Nothing of ours is in the environment.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "HOME": str(site)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tests)],
        env=environment,
        cwd=site,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d\d passed in", done.stdout, re.MULTILINE)


def test_what_plugin_and_git_give_is_installed_beside_a_broken_plugin(
    installation: Installation, shelf: Shelf, tmp_path: Path
) -> None:
    upstream = GitRepository(tmp_path / "upstream")
    upstream.commit({"name": "acme/ours"}, files={"a.php": "<?php\n"})
    upstream.tag("v1.0.0")
    with serving(installation):
        follow_the_tutorial(installation, shelf, tmp_path)
        installation.run("source", "add", "git", "--provider", "git")
        arguments = ["--repository", "", "--source", "git", "--wait", upstream.url]
        installation.run("package", "add", *arguments)
        php = client(installation, tmp_path / "client")
        php.run("require", "acme/lib", "acme/ours")
        assert php.lock()["acme/lib"]["version"] == "v1.0.0"
        assert (php.vendor("acme/lib") / "src/Lib.php").read_text() == "<?php // one\n"
        assert (php.vendor("acme/ours") / "a.php").is_file()

        shelf.publish("lib", "v1.1.0", Lib="<?php // two\n")
        installation.run("package", "sync", "--all", "--wait")
        php.run("update")
        assert (php.vendor("acme/lib") / "src/Lib.php").read_text() == "<?php // two\n"


def test_a_refused_token_is_told_in_words_and_makes_no_source(
    installation: Installation, shelf: Shelf
) -> None:
    options = ["--provider", "shelf", "--set", f"url={shelf.url}", "--set", "token=wr0ng-t0ken"]
    told = installation.run("source", "add", "shelf", *options, fails=True)
    assert told.startswith("Error: ")
    assert "401" in told
    assert "wr0ng" not in told
    assert installation.json("source", "list") == []


def test_a_source_whose_plugin_is_gone_keeps_serving_its_packages(
    installation: Installation, shelf: Shelf, tmp_path: Path
) -> None:
    with serving(installation):
        follow_the_tutorial(installation, shelf, tmp_path)
        php = client(installation, tmp_path / "before")
        php.run("require", "acme/lib")
    environment = {**installation.environment, "PACKISTRY_PLUGINS": "builtin"}
    without = replace(installation, environment=environment)
    log = Path(without.environment["PACKISTRY_DATA_DIR"]).with_suffix(".log")
    log.unlink()
    with serving(without):
        php = client(without, tmp_path / "after")
        php.run("require", "acme/lib")
        assert (php.vendor("acme/lib") / "src/Lib.php").is_file()
        (source,) = without.json("source", "list")
        assert (source["provider"], source["loaded"], source["packages"]) == ("shelf", False, 1)
        assert "(no such plugin)" in without.run("source", "list")

        told = command(without, "package", "sync", "acme/lib", "--wait")
        assert told.returncode == 1
        assert "No plugin offers the source provider 'shelf'" in told.stdout
        package = without.json("package", "show", "acme/lib")
        assert [each["version"] for each in package["version_list"]] == ["v1.0.0"]
        assert "No plugin offers the source provider 'shelf'" in package["syncs"][0]["error"]
        assert "acme/lib" in without.run("package", "list")
        assert "needs the provider shelf" in command(without, "doctor").stdout
    assert "Traceback" not in log.read_text()

    # Once it is back, it goes on where it was.
    shelf.publish("lib", "v1.1.0")
    installation.run("package", "sync", "acme/lib", "--wait")
    package = installation.json("package", "show", "acme/lib")
    assert {each["version"] for each in package["version_list"]} == {"v1.0.0", "v1.1.0"}


def test_a_second_distribution_claiming_git_stops_the_start(site: Path, tmp_path: Path) -> None:
    installation = with_plugins(site, tmp_path, "impostor")
    for arguments in (["serve"], ["plugins"], ["package", "list"]):
        done = command(installation, *arguments)
        assert done.returncode == 1
        assert "'git'" in done.stderr
        assert "packistry-impostor" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_plugin_that_hangs_keeps_neither_others_from_work_nor_the_server_from_stopping(
    site: Path, tmp_path: Path, shelf: Shelf
) -> None:
    installation = with_plugins(site, tmp_path, "stuck")
    shelf.web.files["/code/archiving"] = b""
    options = ["--set", f"url={shelf.url}", "--set", f"token={TOKEN}"]
    upstream = GitRepository(tmp_path / "upstream")
    upstream.commit({"name": "acme/ours"})
    installation.run("repository", "add", "Main", "--public")
    installation.run("source", "add", "git", "--provider", "git")
    installation.run("source", "add", "stuck", "--provider", "stuck", *options)
    with serving(installation):
        installation.run("package", "add", "--repository", "", "--source", "stuck", "lib")
        deadline = time.monotonic() + 30
        while "/code/archiving" not in [path for path, _ in shelf.web.seen]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        arguments = ["--repository", "", "--source", "git", "--wait", upstream.url]
        installation.run("package", "add", *arguments)


def test_the_provider_is_short() -> None:
    lines = FILES["src/packistry_shelf/source.py"].splitlines()
    assert len(lines) < 100
