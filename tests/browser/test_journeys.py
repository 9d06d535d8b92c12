"""What people come for, up to what composer then does: with scripts, and without any."""

import json
import time
from typing import Any

import pytest

from packistry.inputs import NewPackage, NewUser
from packistry.models import Sync, SyncState
from tests.browser.seed import PASSWORD
from tests.browser.site import Site
from tests.browser.walker import ADMIN, WAYS, Walker, Way
from tests.client import composer
from tests.client.git_server import GitServer
from tests.repositories import GitRepository

BEARER = "Copy the bearer command"
BASIC = "Copy the user name and password command"
VARIABLE = "Copy the value of COMPOSER_AUTH"
DEAD = "This token is unknown, expired or revoked"

pytestmark = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


def test_an_empty_server_leads_to_the_first_composer_require(
    way: Way, browser: Any, empty_site: Site, host: GitServer, tmp_path: Any
) -> None:
    with Walker(empty_site, browser, way) as ada:
        ada.go(empty_site.setup_link())
        ada.fill("Your name", "Ada")
        ada.fill("E-mail", ADMIN)
        ada.fill("Password", PASSWORD)
        ada.press("Become the administrator")
        ada.check()
        ada.follow("Connect a source")
        ada.tab.get_by_role("link", name="Git repository").click()
        ada.fill("Name", "Acme Git")
        ada.press("Connect it")
        ada.follow("Add packages")
        ada.fill("Projects", host.url("acme/money"))
        with host.holding():
            ada.press("Import what is selected")
            ada.seen("The host is being read")
            ada.check()
            here = ada.tab.evaluate("window.here = 'still'")
        ada.seen("v1.1.0")
        assert ada.seen("v0.9.0").is_visible()
        assert "composer.json" in ada.tab.inner_text("tr:has-text('v0.9.0')")
        assert not way.scripts or ada.tab.evaluate("window.here") == here
        ada.check()
        ada.seen("Open package").click()
        ada.go("/")
        assert "composer require acme/money" in ada.tab.inner_text("main")
        ada.follow("Create a token")
        ada.fill("Name", "ci")
        ada.press("Add token")
        once = [ada.copied(f"Copy command {number} for Main") for number in (1, 2)]
        require = ada.copied("Copy the command that installs, 1")
        project = composer.project(tmp_path / "client")
        # Either is enough, and each is pasted on one of the ways.
        for command in (*once, ada.copied(BEARER if way.scripts else BASIC), require):
            project.paste(command)
        assert project.lock()["acme/money"]["version"] == "v1.1.0"
        assert (project.vendor("acme/money") / "composer.json").is_file()
        empty_site.application.parts.tally.flush()
        ada.go("/")
        assert ada.tab.inner_text("h1") == "Overview"
        assert "1 in the last 90 days" in ada.tab.inner_text("main")


def test_a_member_sees_and_installs_what_is_granted_until_they_are_removed(
    way: Way, browser: Any, workshop: Site, tmp_path: Any
) -> None:
    email = f"kim@{way.name}.example"
    with workshop.runtime.transaction() as services:
        services.users.add(NewUser(email=email, name="Kim", password=PASSWORD))
        hidden = services.packages.get("acme/secret").id
    project = composer.project(tmp_path, workshop.url)
    with Walker(workshop, browser, way) as kim, Walker(workshop, browser, way, "admin") as ada:
        kim.go("/admin/tokens")
        kim.sign_in(email)
        kim.check()
        kim.follow("Add token")
        kim.fill("Name", "laptop")
        kim.check()
        kim.press("Add token")
        first = json.loads(kim.copied(VARIABLE))
        ada.go(f"/admin/members?q={email}")
        ada.follow("Kim")
        ada.follow("Change rights")
        ada.tab.get_by_role("checkbox", name="Read Main").check()
        ada.press("Save rights")
        kim.menu("Packages")
        listed = kim.tab.locator("tbody .name").all_inner_texts()
        assert ("acme/money" in listed, "acme/secret" in listed) == (True, False)
        assert kim.tab.get_by_role("navigation", name="Main").get_by_text("Members").count() == 0
        kim.check()
        kim.go(f"/admin/packages/{hidden}", status=404)
        project.run("require", "acme/money", auth=first)
        kim.go("/admin/tokens")
        kim.follow("laptop")
        kim.follow("Rotate token")
        kim.tab.get_by_label("At once").check()
        kim.press("Rotate token")
        second = json.loads(kim.copied(VARIABLE))
        assert DEAD in project.run("update", "--no-cache", auth=first, fails=True)
        assert "Nothing to modify" in project.run("update", "--no-cache", auth=second)
        ada.follow("Remove member…")
        ada.fill("Type", email)
        ada.press("Remove member")
        assert DEAD in project.run("update", "--no-cache", auth=second, fails=True)
        kim.go("/admin/profile")
        assert kim.tab.url.startswith(f"{workshop.url}/login")
        ada.go("/admin/audit?who=ada")
        assert f"removed member {email}" in ada.tab.inner_text("main")


def test_an_import_that_failed_says_what_to_do_and_then_succeeds(
    way: Way, browser: Any, workshop: Site, host: GitServer
) -> None:
    with Walker(workshop, browser, way, "admin") as ada, host.locked("reader", "right"):
        ada.go("/admin/sources/add?provider=git")
        ada.fill("Name", way.name)
        ada.fill("User name", "reader")
        ada.fill("Password or token", "mistyped")
        ada.press("Connect it")
        ada.follow("Add packages")
        ada.fill("Projects", host.url(f"acme/{way.name}"))
        ada.press("Import what is selected")
        assert ada.seen("refused the credentials").is_visible()
        ada.check()
        failed = ada.tab.url
        ada.follow(f"enter a new one in {way.name}")
        ada.fill("Password or token", "right")
        ada.press("Save source")
        ada.go(failed)
        ada.press("Try again now")
        ada.seen("v1.1.0")
        ada.seen("Open package").click()
        assert f"composer require acme/{way.name}" in ada.tab.inner_text("main")


def test_an_abandoned_package_is_told_of_by_composer(
    way: Way, browser: Any, workshop: Site, tmp_path: Any
) -> None:
    with Walker(workshop, browser, way, "admin") as ada:
        ada.go("/admin/packages?q=ledger")
        ada.follow("acme/ledger")
        ada.follow("Edit")
        ada.tab.get_by_label("Abandoned").and_(ada.tab.locator("[value=yes]")).check()
        ada.fill("Use instead", "acme/money")
        ada.press("Save package")
        ada.check()
        assert "Use acme/money instead" in ada.tab.inner_text("main")
    project = composer.project(tmp_path, f"{workshop.url}/r/open")
    told = project.run("require", "acme/ledger")
    assert "acme/ledger is abandoned" in told
    assert "Use acme/money instead" in told


def test_a_package_that_its_project_calls_otherwise_goes_on_under_that_name(
    way: Way, browser: Any, workshop: Site, host: GitServer, tmp_path: Any
) -> None:
    old, new = f"acme/{way.name}-sdk", f"acme/{way.name}-kit"
    upstream = GitRepository(host.root / old)
    upstream.commit({"name": old})
    upstream.tag("v1.0.0")
    page = f"/admin/packages/{imported(workshop, host.url(old))}"
    upstream.commit({"name": new})
    with Walker(workshop, browser, way, "admin") as ada:
        ada.go(page)
        ada.press("Sync now")
        ada.seen(f'composer.json now says "{new}"')
        ada.go(page)
        assert f"Its composer.json calls it {new} now" in ada.tab.inner_text("main")
        ada.check()
        ada.follow("Rename it")
        ada.press("Rename package")
        ada.follow("First import")
        ada.seen("v1.0.0")
        ada.follow(new)
        require = ada.copied("Copy the command that installs it")
    project = composer.project(tmp_path, f"{workshop.url}/r/open")
    assert f"Use {new} instead" in project.run("require", old)
    project.paste(require)
    assert project.lock()[new]["version"] == "v1.0.0"


def imported(site: Site, url: str) -> int:
    """The number of a package of the public repository, made from the project there."""
    with site.runtime.transaction() as services:
        source = services.sources.get("Acme Git")
        project = site.runtime.provider(source).project(url)
        home = services.repositories.get("open")
        ((package, sync),) = services.packages.add(home, source, [project], NewPackage())
        numbers = package.id, sync.id
    for _ in range(600):
        # By the server's worker, as everything that is asked for in pages.
        with site.runtime.reading() as services:
            if services.session.get_one(Sync, numbers[1]).state is SyncState.DONE:
                return numbers[0]
        time.sleep(0.1)
    raise AssertionError(f"{url} was not imported")
