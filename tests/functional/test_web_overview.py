"""The overview, and the search over everything."""

from datetime import timedelta
from typing import Any

import pytest

from packistry.inputs import NewRepository
from packistry.models import (
    Grant,
    Outcome,
    Package,
    Project,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
    TagPin,
    TokenKind,
    Webhook,
    WebhookState,
)
from packistry.models.base import now
from packistry.services.grants import Rights
from tests.counting import download
from tests.functional.browser import Browser, person


@pytest.fixture
def admin(runtime: Any, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


class Stocked:
    """Two private repositories with a package each, one of which was downloaded."""

    def __init__(self, runtime: Any) -> None:
        with runtime.transaction() as services:
            session = services.session
            source = Source(name="Host", provider="git")
            for path in ("home", "away"):
                home = services.repositories.add(NewRepository(name=path, path=path))
                project = Project(source=source, external_id=path, path=f"acme/{path}")
                package = Package(repository=home, project=project, name=f"acme/{path}")
                sync = Sync(project=project, reason=SyncReason.WEBHOOK, state=SyncState.DONE)
                session.add_all([package, sync])
                session.flush()
                session.add(
                    SyncItem(
                        sync=sync,
                        package=package,
                        kind="tag",
                        ref="v1.0",
                        version="v1.0",
                        outcome=Outcome.IMPORTED,
                    )
                )
            download(services, services.packages.get("acme/home").id, {0: 5, 10: 7, 200: 11})


@pytest.fixture
def stocked(runtime: Any) -> Stocked:
    return Stocked(runtime)


def text(page: Any) -> str:
    found: str = page.html.get_text(" ", strip=True)
    return found


def step(page: Any) -> str:
    found: str = page.html.select_one(".steps [aria-current=step] h2").get_text()
    return found


def test_on_an_empty_server_it_leads_to_the_first_install(admin, runtime):
    assert step(admin.get("/")) == "Connect a source"
    with runtime.transaction() as services:
        services.session.add(Source(name="Host", provider="git"))
    assert step(admin.get("/")) == "Add packages"
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home"))
        services.session.add(Package(repository=home, name="acme/lib"))
    page = admin.get("/")
    assert step(page) == "Install one"
    assert "composer config repositories.packistry composer http://packages.test" in text(page)
    assert "composer require" not in text(page)


def commands(page: Any) -> list[str]:
    return [code.get_text() for code in page.html.select(".steps .copy code")]


@pytest.mark.parametrize(
    ("versions", "required"),
    [
        (["dev-main"], "acme/lib:dev-main"),
        (["dev-main", "1.0.0"], "acme/lib"),
    ],
)
def test_the_last_step_has_all_commands_in_their_order(versions, required, admin, stock):
    stock.repository("empty", public=True)
    stock.repository("home")
    for version in versions:
        stock.version("acme/lib", version, "home")
    page = admin.get("/")
    assert commands(page) == [
        "composer config repositories.home composer http://packages.test/r/home",
        "composer config secure-http false",
        "composer config --global --auth bearer.packages.test YOUR-TOKEN",
        f"composer require {required}",
    ]
    last = page.html.select(".steps > li")[-1]
    first = last.select_one("a.button, .copy")
    # The button that makes the token stands before the command that sends it.
    assert first.get_text() == "Create a token"


def test_a_public_repository_asks_for_no_token_at_the_first_install(admin, stock):
    stock.repository("home", public=True)
    stock.version("acme/lib", "1.0.0", "home")
    page = admin.get("/")
    assert commands(page)[-1] == "composer require acme/lib"
    assert "token" not in page.html.select(".steps > li")[-1].get_text().lower()


def test_downloads_are_counted_over_the_days_that_are_asked_for(admin, stocked):
    totals = {days: text(admin.get("/", params={"days": days})) for days in (7, 30, 365, "x")}
    assert "5 in the last 7 days" in totals[7]
    assert "12 in the last 30 days" in totals[30]
    assert "23 in the last 365 days" in totals[365]
    assert "12 in the last 90 days" in totals["x"]


def test_the_chart_and_its_table_say_the_same(admin, stocked):
    page = admin.get("/", params={"days": 7})
    assert len(page.html.select("figure rect")) == 1
    rows = page.html.select("details tbody td")
    assert [row.get_text() for row in rows] == ["5", "0", "0", "0", "0", "0", "0"]


def test_a_year_is_drawn_by_the_week(admin, stocked):
    page = admin.get("/", params={"days": 365})
    assert len(page.html.select("details tbody td")) == 53


def test_what_somebody_may_not_read_is_in_no_number_and_no_list(stocked, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        package = services.packages.get("acme/away")
        services.session.add(Grant(user_id=jo.user_id, package_id=package.id))
    page = jo.get("/")
    assert "acme/away" in page.html.get_text()
    assert "acme/home" not in page.html.get_text()
    assert "Host" not in page.text
    assert "0 in the last 90 days" in text(page)
    found = jo.get("/admin/search", params={"q": "acme"}).html.get_text()
    assert "acme/away" in found
    assert "acme/home" not in found


def test_who_may_read_one_package_is_told_of_its_downloads_alone(stocked, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        package = services.packages.get("acme/home")
        other = Package(repository=package.repository, name="acme/other")
        services.session.add_all([other, Grant(user_id=jo.user_id, package_id=package.id)])
        services.session.flush()
        download(services, other.id, {0: 1000})
    page = jo.get("/")
    assert "12 in the last 90 days" in text(page)
    assert "acme/other" not in page.text


def test_a_source_that_cannot_be_read_comes_first_in_the_hosts_own_words(
    admin, stocked, runtime, application
):
    with runtime.transaction() as services:
        project = services.session.query(Project).filter_by(path="acme/home").one()
        project.unreachable = "Bad credentials <b>"
    page = admin.get("/")
    assert page.html.select_one(".attention h3").get_text() == "Host cannot be read"
    assert page.html.select_one(".attention q").get_text() == "Bad credentials <b>"
    assert page.html.select_one(".nav [aria-current] .count").get_text() == "1 need you"
    assert "Bad credentials" not in person(runtime, application, "jo@x.org").get("/").text


def test_broken_webhooks_and_missing_plugins_are_told_with_the_way_to_mend_them(
    admin, stocked, runtime
):
    def told() -> list[tuple[str, str, str]]:
        found = admin.get("/").html.select(".attention > li")
        return [
            (need.h3.get_text(), need.q.get_text() if need.q else "", need.select_one("a")["href"])
            for need in found
        ]

    with runtime.transaction() as services:
        home = services.session.query(Project).filter_by(path="acme/home").one()
        services.session.add(
            Webhook(project=home, key="a", state=WebhookState.BROKEN, reason="No <b>scope</b>.")
        )
        package = services.packages.get("acme/home").id
        source = home.source_id
    broken = "No <b>scope</b>."
    one = ("1 package of Host has a broken webhook", broken, f"/admin/packages/{package}/webhook")
    assert told() == [one]
    with runtime.transaction() as services:
        away = services.session.query(Project).filter_by(path="acme/away").one()
        services.session.add(Webhook(project=away, key="b", state=WebhookState.BROKEN, reason="A"))
        services.sources.at(source).provider = "gone"
    both = ("2 packages of Host have a broken webhook", broken, f"/admin/sources/{source}")
    assert told() == [("The plugin of Host is missing", "", "/admin/plugins"), both]


@pytest.fixture
def keeper(runtime: Any, application: Any, stocked: Stocked) -> Browser:
    """Who maintains the repository "home" and may read "away"."""
    browser = person(runtime, application, "mo@x.org")
    with runtime.transaction() as services:
        user = services.users.at(browser.user_id or 0)
        services.grants.grant(user, services.repositories.get("home"), Rights(manage=True))
        services.grants.grant(user, services.repositories.get("away"), Rights(read=True))
    return browser


def unreadable(services: Any, project: Project, package: Package) -> None:
    project.unreachable = "Bad credentials."


def broken_webhook(services: Any, project: Project, package: Package) -> None:
    facts = {"key": package.name, "state": WebhookState.BROKEN, "reason": "No scope."}
    services.session.add(Webhook(project=project, **facts))


def held_tag(services: Any, project: Project, package: Package) -> None:
    services.session.add(
        TagPin(
            repository_id=package.repository_id,
            package=package.name,
            identity="1.0.0.0",
            version="1.0.0",
            reference="a" * 40,
            ref="v1.0.0",
            held_reference="b" * 40,
            held_at=now(),
        )
    )


def nameless(services: Any, project: Project, package: Package) -> None:
    project.synced_at, package.name = now(), None


@pytest.mark.parametrize(
    ("wrong", "title", "named", "page"),
    [
        (unreadable, "Host cannot be read", "acme/home may be out of date", ""),
        (broken_webhook, "1 package of Host has a broken webhook", "acme/home", "/webhook"),
        (held_tag, "1 released tag moved and is held", "acme/home 1.0.0", ""),
        (nameless, "1 project of Host gave no package", "acme/home: no name", ""),
    ],
)
def test_a_maintainer_is_told_what_is_wrong_in_their_repositories_and_in_no_others(
    wrong, title, named, page, keeper, runtime
):
    with runtime.transaction() as services:
        for name in ("acme/home", "acme/away"):
            package = services.packages.get(name)
            if name == "acme/home":
                number = package.id
            wrong(services, package.project, package)
    (need,) = keeper.get("/").html.select(".attention > li")
    assert need.h3.get_text() == title
    assert named in need.p.get_text()
    assert "away" not in need.get_text()
    assert need.a["href"] == f"/admin/packages/{number}{page}"
    # It leads to a page that they may see.
    keeper.get(need.a["href"])


def test_a_maintainer_is_led_to_all_imports_and_to_adding_packages(keeper):
    page = keeper.get("/")
    for words in ("Add packages", "All imports"):
        keeper.get(page.html.find("a", string=words)["href"])


def test_why_an_import_failed_is_told_to_who_maintains_its_package(keeper, runtime):
    with runtime.transaction() as services:
        for sync in services.session.query(Sync):
            sync.state, sync.error = SyncState.FAILED, f"No {sync.project.path}."
    rows = keeper.get("/").html.select("section[aria-labelledby=imports] tbody tr")
    told = [(row.select("td")[2].get_text(), bool(row.select("a.plain"))) for row in rows]
    assert told == [("Its host could not be read.", False), ("No acme/home.", True)]


def test_who_maintains_nothing_is_told_of_nothing_wrong(keeper, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        user = services.users.at(jo.user_id or 0)
        services.grants.grant(user, services.repositories.get("home"), Rights(write=True))
        package = services.packages.get("acme/home")
        unreadable(services, package.project, package)
    assert jo.get("/").html.select(".attention") == []
    assert keeper.get("/").html.select(".attention") != []


@pytest.mark.parametrize(
    ("expires", "used", "told"), [(3, 1, True), (8, 1, False), (3, 31, False), (-1, 1, False)]
)
def test_a_token_in_use_that_ends_soon_is_told(expires, used, told, admin, runtime, stocked):
    with runtime.transaction() as services:
        token, _ = services.tokens.add(
            TokenKind.DEPLOY, "ci-billing", expires_at=now() + timedelta(days=expires, minutes=5)
        )
        token.last_used_at = now() - timedelta(days=used)
    assert ("The token ci-billing expires in 3 days" in text(admin.get("/"))) is told


def test_a_look_that_changed_nothing_is_no_news(admin, stocked, runtime):
    with runtime.transaction() as services:
        project = services.session.query(Project).filter_by(path="acme/home").one()
        for _ in range(10):
            services.session.add(
                Sync(project=project, reason=SyncReason.RECONCILE, state=SyncState.DONE)
            )
    rows = admin.get("/").html.select("section[aria-labelledby=imports] tbody tr")
    assert len(rows) == 2


def test_the_search_finds_each_kind_and_says_when_it_finds_nothing(admin, stocked):
    page = admin.get("/admin/search", params={"q": "ho"})
    names = [row.get_text() for row in page.html.select(".rows .name, .rows .title")]
    assert names == ["acme/home", "home", "Host"]
    assert "admin@x.org" in admin.get("/admin/search", params={"q": "admin@"}).text
    assert "Nothing here mentions" in admin.get("/admin/search", params={"q": "nowhere"}).text
