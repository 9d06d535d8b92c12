"""Imports in the web admin: watched, understood, stopped and tried again."""

from typing import Any

import pytest

from packistry.inputs import NewRepository
from packistry.models import (
    Outcome,
    Package,
    Project,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
)
from packistry.models.base import now
from packistry.services.grants import Rights
from tests.functional.browser import HTML, Browser, person

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def admin(runtime: Any, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


@pytest.fixture
def syncs(runtime: Any) -> dict[str, int]:
    """By package: the number of a running sync of acme/one, and of a failed one of acme/two."""
    with runtime.transaction() as services:
        session = services.session
        source = Source(name="Host", provider="git")
        found = {}
        for name in ("one", "two"):
            home = services.repositories.add(NewRepository(name=name, path=name))
            project = Project(source=source, external_id=name, path=f"acme/{name}")
            package = Package(repository=home, project=project, name=f"acme/{name}")
            running = name == "one"
            sync = Sync(
                project=project,
                reason=SyncReason.WEBHOOK,
                state=SyncState.RUNNING if running else SyncState.FAILED,
                done=1 if running else 0,
                total=3 if running else 0,
                error="" if running else f"401 {HOSTILE}",
                started_at=now(),
                finished_at=None if running else now(),
            )
            session.add_all([package, sync])
            session.flush()
            found[name] = sync.id
            session.add(
                SyncItem(
                    sync=sync,
                    package=package,
                    kind="tag",
                    ref=f"v1 {HOSTILE}",
                    outcome=Outcome.SKIPPED,
                    reason=f"composer.json line 14: {HOSTILE}",
                )
            )
        return found


def text(page: Any) -> str:
    found: str = page.html.get_text(" ", strip=True)
    return found.replace("/ ", "/")


def test_the_list_shows_what_somebody_looks_after(admin, syncs, runtime, application):
    def names(browser: Browser = admin, **query: Any) -> list[str]:
        page = browser.get("/admin/imports", params=query)
        return [link.get_text() for link in page.html.select("tbody a.name")]

    assert names() == ["acme/two", "acme/one"]
    assert names(state="failed") == names(q="TWO acme") == ["acme/two"]
    assert names(state="nonsense", page="0") == names()
    assert names(q="%") == []
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        package = services.packages.get("acme/one")
        user = services.users.at(jo.user_id)
        services.grants.grant(user, package.repository, Rights(manage=True))
        number = package.id
    assert names(jo) == names(package=number) == ["acme/one"]
    jo.get(f"/admin/imports/{syncs['two']}", status=404)


def test_one_that_runs_is_followed_without_loading_the_page_again(admin, syncs, runtime):
    page = admin.get(f"/admin/imports/{syncs['one']}")
    assert "1 of 3 refs" in text(page)
    assert "composer.json line 14: <img" in text(page)
    part = page.html.select_one("[data-live]")["data-live"]
    first = admin.app.get(part, headers=HTML)
    assert "<html" not in first.text
    tag = {"If-None-Match": first.headers["ETag"]}
    assert admin.app.get(part, headers=tag, status=304)
    with runtime.transaction() as services:
        sync = services.session.get(Sync, syncs["one"])
        sync.state, sync.done, sync.finished_at = SyncState.DONE, 3, now()
    last = admin.app.get(part, headers=tag)
    assert "data-live" not in last.text
    assert "1 left out" in last.text
    listed = admin.get("/admin/imports", params={"outcome": "x", "part": "list"})
    assert listed.text.lstrip().startswith('<div id="results">')


def test_a_failure_is_told_in_the_hosts_words_and_tried_again(admin, syncs, runtime):
    page = admin.get(f"/admin/imports/{syncs['two']}")
    assert page.html.select_one(".reason q").get_text() == f"401 {HOSTILE}"
    assert not page.html.select("img")
    again = admin.submit(page).follow()
    assert "Waits" in text(again)
    with runtime.reading() as services:
        owed = services.session.query(Sync).filter_by(state=SyncState.QUEUED).one()
        assert owed.reason == SyncReason.MANUAL


def test_one_is_stopped_and_cannot_be_stopped_twice(admin, syncs):
    page = admin.get(f"/admin/imports/{syncs['one']}")
    assert "Stopped" in text(admin.submit(page).follow())
    admin.post(f"/admin/imports/{syncs['one']}/cancel", status=409)
