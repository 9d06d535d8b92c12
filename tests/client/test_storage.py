"""Where dists are kept: damage is found and told, and a stranger's storage does as well as ours."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.client import composer
from tests.client.installation import Installation, install, serving
from tests.client.third_party import FILES, Web, beside, command, pip_install, web, write
from tests.repositories import GitRepository

CRATE = '''
import os
from contextlib import contextmanager
from pathlib import Path

from packistry.plugin import Config, Storage, StorageConflict, check_key, hookimpl


class CrateConfig(Config):
    folder: Path
    link: str = ""


class Crate(Storage[CrateConfig]):
    """Files whose names are keys, and links to a web server that knows them."""

    name, title, Config = "crate", "Crate", CrateConfig

    def put(self, key, stream):
        path, data = self.path(key), stream.read()
        if path.exists() and path.read_bytes() != data:
            raise StorageConflict("Other bytes are kept under this key already.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
            os.fsync(file.fileno())

    @contextmanager
    def open(self, key):
        with open(self.path(key), "rb") as stream:
            yield stream

    def exists(self, key):
        return self.path(key).exists()

    def delete(self, key):
        self.path(key).unlink(missing_ok=True)

    def keys(self, prefix=""):
        if self.config.folder.exists():
            names = (each.replace("+", "/") for each in os.listdir(self.config.folder))
            yield from (each for each in names if each.startswith(prefix))

    def url(self, key, *, expires):
        path = self.path(key)
        link = self.config.link
        return link and f"{link}/{path.name}?expires={expires.seconds}" or None

    def path(self, key):
        check_key(key)
        return self.config.folder / key.replace("/", "+")


@hookimpl
def packistry_storages():
    return [Crate]
'''
CONTRACT = """
import pytest

from packistry.plugin import load_config
from packistry.testing import StorageContract
from packistry_crate import Crate


class TestCrate(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        values = {"folder": str(tmp_path / "crate"), "link": "https://crates.example"}
        return Crate(load_config(Crate.Config, values))
"""
DISTRIBUTION = {
    "pyproject.toml": FILES["pyproject.toml"].replace("shelf", "crate"),
    "src/packistry_crate/__init__.py": CRATE,
    "tests/test_crate.py": CONTRACT,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("crate"), DISTRIBUTION)


@pytest.fixture(scope="module")
def plugins(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed the storage plugin into."""
    return pip_install(tmp_path_factory.mktemp("installed") / "site", folder)


@dataclass(frozen=True, kw_only=True)
class Place:
    """An installation, and what it needs to have acme/lib 1.0.0."""

    installation: Installation
    folder: Path

    def fill(self, *options: str) -> None:
        upstream = GitRepository(self.folder / "upstream")
        upstream.commit({"name": "acme/lib"}, files={"Lib.php": "<?php\n" * 1000})
        upstream.tag("v1.0.0")
        run = self.installation.run
        run("repository", "add", "Main", *options)
        run("source", "add", "git", "--provider", "git")
        arguments = ["--repository", "", "--source", "git", "--wait", upstream.url]
        run("package", "add", *arguments)

    def install(self, *, fails: bool = False, token: str = "") -> str:
        """What a client prints that has nothing in its cache."""
        client = self.folder / "client"
        shutil.rmtree(client, ignore_errors=True)
        made = composer.project(client, f"http://127.0.0.1:{self.installation.port}")
        auth = {"bearer": {f"127.0.0.1:{self.installation.port}": token}} if token else None
        said = made.run("require", "acme/lib", "--prefer-dist", fails=fails, auth=auth)
        assert (made.vendor("acme/lib") / "Lib.php").exists() != fails
        return said


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def test_a_flipped_byte_is_found_reported_and_never_served_as_good(tmp_path: Path) -> None:
    place = Place(installation=install(tmp_path), folder=tmp_path)
    with serving(place.installation):
        place.fill("--public")
        (stored,) = (tmp_path / "data" / "dists").rglob("*.zip")
        whole = stored.read_bytes()
        flip_a_byte(stored)
        # Nobody has looked yet: the checksum in the metadata tells.
        assert "checksum" in place.install(fails=True)

        found = command(place.installation, "gc", "--verify")
        assert found.returncode == 1
        assert re.search(r"^acme/lib at [0-9a-f]{40}: .* damaged", found.stderr, re.MULTILINE)
        assert "is damaged" in place.install(fails=True)

        stored.write_bytes(whole)
        assert command(place.installation, "gc", "--verify").returncode == 0
        place.install()


def test_a_strangers_storage_passes_the_contract(folder: Path, plugins: Path) -> None:
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        "-W",
        "error",
        "--rootdir",
        str(folder / "tests"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder / "tests")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(plugins), "HOME": str(plugins)},
        cwd=plugins,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d\d passed in", done.stdout, re.MULTILINE)


def crate(tmp_path: Path, plugins: Path, link: str = "") -> Place:
    options = f'{{"folder": "{tmp_path / "crate"}", "link": "{link}"}}'
    made = install(tmp_path, storage="crate", storage_options=options)
    return Place(installation=beside(made, plugins), folder=tmp_path)


def test_dists_are_kept_in_the_storage_that_the_settings_name(
    tmp_path: Path, plugins: Path
) -> None:
    place = crate(tmp_path, plugins)
    with serving(place.installation):
        place.fill("--public")
        place.install()
    assert list((tmp_path / "crate").glob("*.zip"))
    assert not (tmp_path / "data" / "dists").exists()
    assert "The storage crate can be written" in command(place.installation, "doctor").stdout


def test_a_direct_link_installs_without_showing_our_credentials_to_the_storage(
    tmp_path: Path, plugins: Path
) -> None:
    with web() as bucket:
        place = crate(tmp_path, plugins, bucket.url)
        with serving(place.installation):
            place.fill()
            fill_bucket(bucket, tmp_path / "crate")
            token = place.installation.token("ci", "--deploy", "--repository", "")
            place.install(token=token)
        (seen,) = bucket.seen
    path, headers = seen
    assert path.endswith("?expires=300")
    assert token not in path
    assert "Authorization" not in headers
    assert token not in str(headers)


def fill_bucket(bucket: Web, folder: Path) -> None:
    bucket.files.update({f"/{each.name}": each.read_bytes() for each in folder.iterdir()})


def test_a_storage_whose_plugin_is_gone_stops_the_start_in_words(
    tmp_path: Path, plugins: Path
) -> None:
    place = crate(tmp_path, plugins)
    environment = {**place.installation.environment, "PACKISTRY_DISABLED_PLUGINS": "crate"}
    done = command(replace(place.installation, environment=environment), "serve")
    assert done.returncode == 1
    assert "No plugin offers the storage 'crate'" in done.stderr
    assert "Traceback" not in done.stderr
