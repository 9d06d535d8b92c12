"""One Chromium for all tests here, a server with a little of everything, and one that imports."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.site import Site, chromium, nothing, serving
from tests.browser.walker import PROJECTS, stock
from tests.client.git_server import GitServer
from tests.repositories import GitRepository


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with a little of everything. What a test changes there must not matter to others."""
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git host; of each of its repositories one tag cannot be a version."""
    with GitServer(tmp_path_factory.mktemp("host")) as host:
        for name in PROJECTS:
            upstream = GitRepository(host.root / "acme" / name)
            upstream.commit(files={"composer.json": '{"name": "acme/'})
            upstream.tag("v0.9.0")
            for version in ("v1.0.0", "v1.1.0"):
                upstream.commit({"name": f"acme/{name}", "description": f"All about {name}"})
                upstream.tag(version)
        yield host


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, host: GitServer) -> Iterator[Site]:
    """A server that imports; packages of the host are there."""
    folder = tmp_path_factory.mktemp("workshop")
    settings = {"workers": 1, "git_allow_http": True}
    with serving(folder, stock(host), **settings) as site:
        yield site


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[Site]:
    """A server that nobody has set up. It mails, and asks its members for a second factor."""
    with serving(
        tmp_path,
        nothing,
        workers=1,
        git_allow_http=True,
        smtp_url="smtps://127.0.0.1:1?from=packages@acme.example",
        second_factor_roles=("user",),
    ) as site:
        yield site
