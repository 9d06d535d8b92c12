"""One server and one Chromium for all tests here; a window for each look, which stays open."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.site import Site, chromium, serving


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with a little of everything. What a test changes there must not matter to others."""
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that nobody has set up."""
    with serving(tmp_path_factory.mktemp("empty"), empty=True) as site:
        yield site
