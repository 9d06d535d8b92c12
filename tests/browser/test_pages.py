"""Every page in a real browser: sound on a desk and a phone, in light and dark."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page as Tab

from packistry.web.pages import Page
from tests.browser.seed import PASSWORD
from tests.browser.site import PHONE, Site, make_token, shown
from tests.browser.watched import PHONES, Watched
from tests.telephone import code

# Its hundreds of calls are shown alike: the first of each kind stand for all, opened.
SHORTENED = {"api": ".calls li:nth-child(n + 3), main > section:nth-of-type(n + 5)"}


@pytest.fixture(scope="session")
def admin(browser: Any, site: Site) -> Any:
    with site.context(browser) as context:
        yield Watched(context)


@pytest.mark.parametrize("page", shown(), ids=lambda page: page.name)
def test_a_page_is_sound(page: Page, admin: Watched, site: Site) -> None:
    admin.look_at(site.path(page))
    if rest := SHORTENED.get(page.name):
        admin.tab.evaluate("rest => document.querySelectorAll(rest).forEach(e => e.remove())", rest)
        admin.tab.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
    admin.check()


def test_a_token_that_was_just_made_is_soundly_shown(admin: Watched) -> None:
    make_token(admin.tab)
    assert "is ready" in admin.tab.inner_text("h1")
    admin.check()


def test_the_menu_of_a_phone_and_the_table_of_a_chart_are_sound_when_open(
    browser: Any, site: Site
) -> None:
    with site.context(browser, size=PHONE) as context:
        watched = Watched(context, size=PHONE)
        watched.look_at("/")
        watched.tab.click("summary")
        watched.tab.click("text=Menu")
        watched.check(PHONES)


def test_the_pages_of_whoever_comes_in_are_sound(browser: Any, empty_site: Site) -> None:
    with empty_site.context(browser, role="") as context:
        watched = Watched(context)
        tab = watched.tab
        watched.look_at("/login")
        watched.check()
        watched.look_at(empty_site.setup_link())
        _fill(tab, name="Ada", email="ada@x.org", password="short")
        watched.check()
        assert tab.evaluate("document.activeElement.className") == "problem"
        _fill(tab, password=PASSWORD)
        # Somebody is invited, and has to set up a second factor.
        tab.goto("/admin/members/add")
        _fill(tab, name="Kim", email="kim@x.org")
        tab.click("text=Make a link")
        tab.click("text=Show it to me")
        watched.check()
        link = tab.inner_text(".copy code")
        tab.click("text=Sign out")
        watched.look_at(link)
        watched.check()
        _fill(tab, password=PASSWORD)
        _fill(tab, email="kim@x.org", password=PASSWORD)
        _fill(tab, code="000000")
        watched.check()
        _fill(tab, code=code(tab.inner_text("main p code"), time.time()))
        watched.check()
        recovery = tab.inner_text(".recovery li >> nth=0")
        tab.click("text=I have kept them")
        watched.look_at("/admin/profile/second-factor")
        watched.check()
        # They come again, without the telephone.
        tab.click("text=Sign out")
        _fill(tab, email="kim@x.org", password=PASSWORD)
        watched.check()
        _fill(tab, code=recovery)
        assert "Kim" in tab.inner_text(".top")
        tab.click("text=Sign out")
        tab.click("text=Forgotten your password?")
        watched.check()
        _fill(tab, email="kim@x.org")
        watched.check()
        watched.look_at(link, status=404)
        watched.check()


def _fill(tab: Tab, **values: str) -> None:
    """Fills the form of the page in and sends it."""
    for name, value in values.items():
        tab.fill(f"main #f-{name}", value)
    tab.click("main form .primary")
