"""The recipe of docs/operations.md for a backup and for restoring it, on SQLite."""

import re
import shutil
import subprocess
import urllib.request

import pytest

from tests.recipes import SECONDS, Place, recipe, release

DIST = "/dists/acme/lib/v1.0.0/"


def read(server: str, path: str, token: str) -> bytes:
    request = urllib.request.Request(server + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        content: bytes = answer.read()
        return content


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
    assert "Removed 1 file that no dist names" in said
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
