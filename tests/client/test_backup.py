"""docs/operations.md: its commands for a backup and for restoring it, executed as they stand."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import free_port, running

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
SECONDS = 120
URL = "http://packages.test"
DIST = "/dists/acme/lib/v1.0.0/"


def recipe(section: str) -> list[str]:
    """The lines of the first commands below a heading."""
    block = re.search(rf"(?ms)^## {section}$.*?^```sh\n(.*?)^```", PAGE)
    assert block is not None
    return block[1].splitlines()


class Place:
    """A data directory, and a shell whose commands work on it."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.data = data
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PACKISTRY_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PACKISTRY_DATA_DIR": str(data),
            "PACKISTRY_GIT_LOCAL_ROOTS": str(folder),
            "PACKISTRY_URL": URL,
            "DATA": str(folder / "data"),
            "BACKUP": str(folder / "backup"),
            "NEW": str(folder / "new"),
        }

    def run(self, *lines: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", "\n".join(lines)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its server; where it listens."""
        port = free_port()
        settings = [f"{k}={v}" for k, v in self.environment.items() if k.startswith("PACKISTRY_")]
        command = [
            *("env", *settings, "PACKISTRY_WORKERS=0"),
            *(str(Path(sys.executable).parent / "packistry"), "serve"),
            *("--listen", f"127.0.0.1:{port}"),
        ]
        with running(command, port=port, log=self.data.with_suffix(".log")):
            yield f"http://127.0.0.1:{port}"


def read(server: str, path: str, token: str) -> bytes:
    request = urllib.request.Request(server + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        content: bytes = answer.read()
        return content


def release(upstream: Path, tag: str) -> None:
    (upstream / "composer.json").write_text(f'{{"name": "acme/lib", "description": "{tag}"}}')
    git = ["git", "-C", str(upstream), "-c", "user.name=Jo", "-c", "user.email=jo@x.org"]
    for line in ("add .", f"commit -qm {tag}", f"tag {tag}"):
        subprocess.run([*git, *line.split()], check=True)


@pytest.fixture
def upstream(tmp_path):
    folder = tmp_path / "lib"
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(folder)], check=True)
    release(folder, "v1.0.0")
    return folder


@pytest.fixture
def old(tmp_path, upstream):
    """An installation with a private package, a token for it, and a source with a secret."""
    (tmp_path / "backup").mkdir()
    place = Place(tmp_path, tmp_path / "data")
    place.run(
        "packistry repository add main",
        "packistry source add git --provider git --set password=canary",
        f"packistry package add --repository '' --source git --wait {upstream}",
    )
    return place


def test_the_recipe_restores_what_composer_sees_from_a_server_that_ran(old, upstream, tmp_path):
    token = old.run("packistry token add ci --deploy --repository ''").split()[0]
    paths = ["/packages.json", "/p2/acme/lib.json", "/p2/acme/lib~dev.json"]
    first, *others = recipe("Backups")
    with old.serving() as server:
        old.run(first)
        before = [read(server, path, token) for path in paths]
        (reference,) = re.findall(rf"{DIST}([0-9a-f]+)\.zip", before[1].decode())
        paths.append(f"{DIST}{reference}.zip")
        before.append(read(server, paths[-1], token))
        # What is imported after the database was copied has a zip that no row will name.
        release(upstream, "v1.1.0")
        old.run("packistry package sync --all --wait", *others)
    shutil.rmtree(tmp_path / "data")

    new = Place(tmp_path, tmp_path / "new")
    said = new.run(*recipe("Restoring"))
    assert "Every stored secret can be decrypted." in said
    assert "The database (sqlite) is up to date." in said
    assert "Removed 1 file(s) that no dist names" in said
    assert "0 cannot be served." in said
    with new.serving() as server:
        assert [read(server, path, token) for path in paths] == before
        new.run("packistry package sync --all --wait")
        assert b"v1.1.0" in read(server, paths[1], token)


def test_without_its_key_a_backup_names_the_source_whose_secret_is_lost(old, tmp_path):
    lines = [line for line in recipe("Backups") if "secret.key" not in line]
    old.run(*lines)
    new = Place(tmp_path, tmp_path / "new")
    new.run(*(line for line in recipe("Restoring") if not re.search("secret.key|doctor|gc", line)))
    done = subprocess.run(
        ["packistry", "doctor"], env=new.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert str(tmp_path / "new" / "secret.key") in done.stdout
    assert "canary" not in done.stdout
