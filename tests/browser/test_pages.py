"""Every page in a real browser, on a desk and a phone, light and dark: axe finds nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page as Tab
from playwright.sync_api import Request

from packistry.web.pages import Page
from tests.browser.site import DESK, PHONE, Site, make_token, shown

LOOKS = {"desk": (DESK, "light"), "phone": (PHONE, "dark")}
NARROW = 320
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


class Watched:
    """A tab, and what the browser complained about in it."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.complaints: list[str] = []
        tab.on("console", lambda message: self._hear(message.type, message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("requestfailed", self._miss)

    def _miss(self, request: Request) -> None:
        # What a page was still asking for when it was left, such as how an import goes.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(request.url)

    def _hear(self, kind: str, text: str) -> None:
        # That a form was refused is what some tests are about.
        if kind in ("error", "warning") and "status of 422" not in text:
            self.complaints.append(text)

    def look_at(self, path: str) -> None:
        """Goes there. Nothing may be refused by the page's policy, and nothing may fail."""
        self.complaints.clear()
        answer = self.tab.goto(path)
        assert answer is not None
        assert answer.ok, f"{path} answered {answer.status}"

    def check(self) -> None:
        """Axe's findings and the browser's complaints are none, and nothing is cut off."""
        found = Axe().run(self.tab, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        width = self.tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, "the page scrolls sideways"
        assert self.complaints == []


@pytest.fixture(scope="session", params=LOOKS)
def signed_in(request: Any, browser: Any, site: Site) -> Iterator[Watched]:
    size, theme = LOOKS[request.param]
    with site.context(browser, size=size, theme=theme) as context:
        yield Watched(context.new_page())


@pytest.mark.parametrize("page", shown(), ids=lambda page: page.name)
def test_a_page_is_sound(page: Page, signed_in: Watched, site: Site) -> None:
    signed_in.look_at(site.path(page))
    signed_in.check()


def test_a_token_that_was_just_made_is_soundly_shown(signed_in: Watched) -> None:
    make_token(signed_in.tab)
    assert "is ready" in signed_in.tab.inner_text("h1")
    signed_in.complaints.clear()
    signed_in.check()


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_strangers_are_sound(look, browser, empty_site):
    size, theme = LOOKS[look]
    with empty_site.runtime.transaction() as services:
        link = services.setup.new_link("")
    with empty_site.context(browser, role="", size=size, theme=theme) as context:
        watched = Watched(context.new_page())
        for path in ("/login", link):
            watched.look_at(path)
            watched.check()
        watched.tab.fill("#f-name", "Ada")
        watched.tab.fill("#f-email", "ada@x.org")
        watched.tab.fill("#f-password", "short")
        watched.tab.click("text=Become the administrator")
        watched.check()
        assert watched.tab.evaluate("document.activeElement.className") == "problem"
        watched.tab.fill("#f-password", "seven red umbrellas")
        watched.tab.click("text=Become the administrator")
        assert "Three steps" in watched.tab.inner_text("h1")
        watched.check()


@pytest.mark.parametrize("page", shown(), ids=lambda page: page.name)
def test_nothing_is_cut_off_on_the_narrowest_phone(page, browser, site, narrow):
    narrow.look_at(site.path(page))
    assert narrow.tab.evaluate("document.documentElement.scrollWidth") <= NARROW


@pytest.fixture(scope="session")
def narrow(browser: Any, site: Site) -> Iterator[Watched]:
    with site.context(browser, size=(NARROW, 700)) as context:
        yield Watched(context.new_page())


def test_the_menu_of_a_phone_and_the_table_of_a_chart_are_sound_when_open(browser, site):
    with site.context(browser, size=PHONE, theme="light") as context:
        watched = Watched(context.new_page())
        watched.look_at("/")
        watched.tab.click("summary")
        watched.check()
        watched.tab.click("text=Menu")
        watched.check()
