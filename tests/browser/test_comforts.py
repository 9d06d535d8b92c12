"""What scripts add, and that nothing is lost without them."""

from typing import Any

import pytest

from packistry.inputs import NewUser
from packistry.models import Sync, SyncReason, SyncState
from packistry.models.base import now
from tests.browser.seed import PASSWORD
from tests.browser.site import Site
from tests.functional.conftest import bearer


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


def test_the_slash_key_goes_to_the_search(tab):
    tab.goto("/admin/repositories")
    tab.keyboard.press("/")
    tab.keyboard.type("money")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/admin/search?q=money")
    assert tab.get_by_text("acme/money").count() == 1


def test_a_secret_is_shown_while_one_looks_at_it(browser, empty_site):
    with empty_site.runtime.transaction() as services:
        link = services.setup.new_link("")
    with empty_site.context(browser, role="") as context:
        tab = context.new_page()
        tab.goto(link)
        tab.fill("#f-password", PASSWORD)
        tab.get_by_role("button", name="Show password").click()
        assert tab.get_attribute("#f-password", "type") == "text"
        tab.get_by_role("button", name="Hide password").click()
        assert tab.get_attribute("#f-password", "type") == "password"


def test_without_scripts_a_server_is_set_up_and_a_repository_made_published_and_removed(
    browser, empty_site
):
    with empty_site.runtime.transaction() as services:
        link = services.setup.new_link("")
    with empty_site.context(browser, role="", scripts=False) as context:
        tab = context.new_page()
        tab.goto(link)
        tab.fill("#f-name", "Ada")
        tab.fill("#f-email", "ada@x.org")
        tab.fill("#f-password", PASSWORD)
        tab.get_by_role("button", name="Become the administrator").click()
        tab.get_by_role("link", name="Repositories").click()
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
        tab.get_by_role("button", name="Sign out").click()
        tab.get_by_label("E-mail").fill("ada@x.org")
        tab.get_by_label("Password").fill(PASSWORD)
        tab.get_by_role("button", name="Sign in").click()
        assert "Ada" in tab.inner_text(".top")


def test_without_scripts_a_member_makes_a_token_and_an_administrator_removes_both(browser, site):
    with site.runtime.transaction() as services:
        services.users.add(NewUser(email="kim@x.org", name="Kim", password=PASSWORD))
    with (
        site.context(browser, role="", scripts=False) as theirs,
        site.context(browser, scripts=False) as ours,
    ):
        kim, admin = theirs.new_page(), ours.new_page()
        kim.goto("/admin/tokens")
        kim.get_by_label("E-mail").fill("kim@x.org")
        kim.get_by_label("Password").fill(PASSWORD)
        kim.get_by_role("button", name="Sign in", exact=True).click()
        kim.get_by_role("link", name="Add token").first.click()
        kim.fill("#f-name", "laptop")
        kim.get_by_role("button", name="Add token").click()
        token = kim.inner_text(".copy.loud code")
        assert kim.request.get("/packages.json", headers=bearer(token)).status == 404
        admin.goto("/admin/members?q=kim")
        admin.get_by_role("link", name="Kim").click()
        admin.get_by_role("link", name="Change rights").click()
        admin.get_by_role("checkbox", name="Read Internal").check()
        admin.get_by_role("button", name="Save rights").click()
        assert kim.request.get("/packages.json", headers=bearer(token)).ok
        admin.get_by_role("link", name="Remove member…").click()
        admin.fill("#f-sure", "kim@x.org")
        admin.get_by_role("button", name="Remove member").click()
        assert kim.request.get("/packages.json", headers=bearer(token)).status == 401
        kim.goto("/admin/profile")
        assert kim.url.startswith(f"{site.url}/login")
        admin.goto("/admin/audit?who=ines")
        assert "removed member kim@x.org" in admin.inner_text("main")


def test_an_import_is_followed_until_it_is_over(tab, site):
    with site.runtime.transaction() as services:
        project = services.packages.get("acme/money").project
        sync = Sync(
            project=project,
            reason=SyncReason.MANUAL,
            state=SyncState.RUNNING,
            done=1,
            total=2,
            started_at=now(),
        )
        services.session.add(sync)
        services.session.flush()
        number = sync.id
    tab.goto(f"/admin/imports/{number}")
    tab.get_by_role("button", name="Stop it").wait_for()
    with site.runtime.transaction() as services:
        over = services.session.get_one(Sync, number)
        over.state, over.done, over.finished_at = SyncState.DONE, 2, now()
    tab.get_by_role("button", name="Look again").wait_for()
    assert tab.get_by_role("button", name="Stop it").count() == 0
    assert tab.locator("[data-live]").count() == 0
