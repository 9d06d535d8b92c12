"""What scripts add, and what is done without them."""

from typing import Any

import pytest

from packistry.inputs import NewSource
from tests.browser.seed import PASSWORD
from tests.browser.site import DESK, PHONE, Site


@pytest.fixture
def tab(browser: Any, site: Site) -> Any:
    with site.context(browser) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context.new_page()


def test_a_command_is_copied_as_it_is_pasted(tab, site):
    number = site.seeded.numbers["repository"]
    tab.goto(f"/admin/repositories/{number}")
    tab.get_by_role("button", name="Copy command 1").click()
    tab.get_by_text("Copied").wait_for()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied == f"composer config repositories.packistry composer {site.url}"


def test_a_list_is_narrowed_while_one_types(tab):
    tab.goto("/admin/repositories")
    tab.fill("#q", "partn")
    tab.get_by_text("1–1 of 1").wait_for()
    assert tab.locator("tbody tr").count() == 1
    assert tab.url.endswith("?q=partn")
    tab.fill("#q", "nothing like that")
    tab.get_by_text("No repository matches").wait_for()


def test_projects_are_searched_where_the_source_that_is_chosen_lists_them(tab, site):
    # Nothing is contacted: this machine is no address that a source may have.
    config = {"url": "https://127.0.0.1", "token": "not-asked-for"}
    with site.runtime.transaction() as services:
        number = services.sources.add(NewSource(name="Lab", provider="gitlab", config=config)).id
    try:
        tab.goto("/admin/add-packages")
        assert tab.locator("#q").is_hidden()
        tab.get_by_label("From the source").select_option("Lab")
        tab.locator("#q").wait_for()
        assert tab.locator("#f-addresses").get_attribute("required") is None
        tab.get_by_label("From the source").select_option("Acme Git")
        tab.locator("#q").wait_for(state="hidden")
        assert tab.locator("#f-addresses").is_visible()
    finally:
        with site.runtime.transaction() as services:
            services.sources.remove(services.sources.at(number))


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_list_tells_how_many_rows_are_picked(browser, site, size):
    with site.context(browser, size=size, scripts=False) as context:
        tab = context.new_page()
        tab.goto("/admin/packages")
        for name in ("acme/money", "acme/ledger-core"):
            tab.get_by_label(f"Select {name}").check()
        # Counted by the style sheet, which leaves nothing in the document.
        spoken = context.new_cdp_session(tab).send("Accessibility.getFullAXTree")["nodes"]
        texts = [node["name"]["value"] for node in spoken if node["role"]["value"] == "StaticText"]
        assert texts[texts.index(" selected") - 1] == "2"


def test_the_slash_key_goes_to_the_search(tab):
    tab.goto("/admin/repositories")
    tab.keyboard.press("/")
    tab.keyboard.type("money")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/admin/search?q=money")
    assert tab.get_by_text("acme/money").count() == 1


def test_a_secret_is_shown_while_one_looks_at_it(tab):
    tab.goto("/admin/sources/add?provider=git")
    field = tab.locator("[data-secret]")
    field.fill(PASSWORD)
    tab.get_by_role("button", name="Show password or token").click()
    assert field.get_attribute("type") == "text"
    tab.get_by_role("button", name="Hide password or token").click()
    assert field.get_attribute("type") == "password"


def test_what_is_lost_is_asked_about_where_one_is(tab, site):
    place = f"/admin/repositories/{site.seeded.numbers['repository']}"
    tab.goto(place)
    question = tab.get_by_role("dialog", name="Remove Internal?")
    tab.get_by_role("link", name="Remove repository…").click()
    question.get_by_text("stop installing").wait_for()
    assert tab.evaluate("document.activeElement.id") == "f-sure"
    question.get_by_role("link", name="Keep it").click()
    question.wait_for(state="detached")
    tab.get_by_role("link", name="Remove repository…").click()
    question.get_by_label("Type").fill("something else")
    question.get_by_role("button", name="Remove repository").click()
    tab.wait_for_url(f"**{place}/remove")
    assert "Not done" in tab.inner_text("main [role=alert]")


def test_the_key_enter_loses_nothing_that_nobody_named(tab, site):
    tab.goto(f"/admin/tokens/{site.seeded.numbers['token']}")
    tab.get_by_role("link", name="Revoke token…").click()
    question = tab.get_by_role("dialog", name="Revoke ci-billing?")
    question.wait_for()
    tab.keyboard.press("Enter")
    question.wait_for(state="detached")
    assert "Expires soon" in tab.inner_text("main")


def test_without_scripts_a_repository_is_made_published_and_removed(browser, site):
    with site.context(browser, scripts=False) as context:
        tab = context.new_page()
        tab.goto("/admin/repositories")
        tab.get_by_role("link", name="Add repository").click()
        tab.fill("#f-name", "Team <b>A</b>")
        tab.fill("#f-path", "team-a")
        tab.get_by_role("button", name="Add repository").click()
        assert tab.inner_text("h1") == "Team <b>A</b>"
        tab.get_by_role("link", name="Make public…").click()
        tab.get_by_role("button", name="Make public").click()
        assert "No token needed" in tab.inner_text("main")
        tab.get_by_role("link", name="Remove repository…").click()
        tab.fill("#f-sure", "Team <b>A</b>")
        tab.get_by_role("button", name="Remove repository").click()
        assert "is removed" in tab.inner_text("[data-toast]")
