"""Packages in the web admin: found, looked at, decided about, retired and removed."""

from datetime import timedelta
from typing import Any

import pytest

from packistry.builtin.source import Git
from packistry.inputs import NewRepository
from packistry.models import (
    AuditEvent,
    DeliveryVerdict,
    Download,
    Grant,
    Package,
    Project,
    Source,
    Sync,
    TagPin,
    Version,
)
from packistry.models.base import now
from packistry.services import requirements, search
from packistry.services.grants import Rights
from tests.counting import download
from tests.functional.browser import Browser, person
from tests.functional.conftest import Stock

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


@pytest.fixture
def admin(runtime: Any, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


@pytest.fixture
def lib(stock: Stock, runtime: Any) -> str:
    """The address of acme/lib, which has three versions and is made from a project."""
    stock.repository("home")
    for version, php in (("1.0.0", "^8.1"), ("1.10.0", "^8.2"), ("1.9.0", "^8.1")):
        stock.version("acme/lib", version, "home", require={"php": php, "acme/base": "^1"})
    stock.version("acme/lib", "dev-main", "home", default_branch=True)
    with runtime.transaction() as services:
        package = services.packages.get("acme/lib")
        source = Source(name="Host", provider="git")
        package.project = Project(
            source=source, external_id="lib", path="acme/lib", synced_at=now()
        )
        package.description, package.keywords, package.type = "A lib", ["money"], "library"
        services.session.flush()
        return f"/admin/packages/{package.id}"


def text(page: Any) -> str:
    found: str = page.html.get_text(" ", strip=True)
    # Vendors are set in another tone.
    return found.replace("/ ", "/")


def served(app: Any, stock: Stock) -> list[str]:
    token = stock.token(repositories=("home",), name=str(now()))
    answer = app.get("/r/home/p2/acme/lib.json", headers={"Authorization": f"Bearer {token}"})
    return [each["version"] for each in answer.json["packages"]["acme/lib"]]


def version_of(runtime: Any, name: str) -> int:
    with runtime.reading() as services:
        number: int = services.session.query(Version).filter_by(name=name).one().id
        return number


def test_one_shows_how_it_is_installed_what_it_needs_and_its_versions_in_order(admin, lib, runtime):
    with runtime.transaction() as services:
        base = Package(repository=services.repositories.get("home"), name="acme/base")
        services.session.add(base)
        services.session.flush()
        lib_row = services.packages.get("acme/lib")
        requirements.note(services.session, lib_row.id, {"require": {"acme/base": "^1"}})
        services.session.add(
            Download(package_id=lib_row.id, version="1.9.0.0", day=now().date(), downloads=7)
        )
        base_id = base.id
    page = admin.get(lib)
    assert "composer require acme/lib" in text(page)
    assert "composer config repositories.home composer http://packages.test/r/home" in text(page)
    assert "In step with Host, just now" in text(page)
    rows = [row.select_one("a.name").get_text() for row in page.html.select("tbody tr")[:4]]
    assert rows == ["1.10.0", "1.9.0", "1.0.0", "dev-main"]
    assert page.html.select_one("section[aria-labelledby=requires] a")["href"].endswith(
        f"/{base_id}"
    )
    assert "7 in the last 30 days" in text(page)
    change = page.html.select_one("details .diff")
    assert change.select_one("del").get_text() == "php: ^8.1"
    assert change.select_one("ins").get_text() == "php: ^8.2"
    assert "acme/lib ^1" in text(admin.get(f"/admin/packages/{base_id}"))
    assert "acme/lib ^1" in text(admin.get(f"/admin/packages/{base_id}/dependents"))


def test_the_list_is_searched_filtered_and_shows_what_somebody_may_read(
    admin, lib, runtime, application, stock
):
    stock.repository("away")
    stock.package("acme/theme", "away", type="wordpress-theme", description="Pretty")

    def names(browser: Browser = admin, **query: Any) -> list[str]:
        page = browser.get("/admin/packages", params=query)
        return [link.get_text() for link in page.html.select("tbody a.name")]

    assert names() == ["acme/lib", "acme/theme"]
    assert names(sort="-name") == ["acme/theme", "acme/lib"]
    assert names(q="PRETTY theme") == ["acme/theme"]
    assert names(q="mone") == ["acme/lib"]
    assert names(type="wordpress-theme") == ["acme/theme"]
    assert names(source="uploads") == ["acme/theme"]
    assert names(repository="999999999999", source="x'") == []
    with runtime.transaction() as services:
        home, host = services.repositories.get("home").id, services.sources.get("Host").id
        lib_row, theme = services.packages.get("acme/lib"), services.packages.get("acme/theme")
        lib_row.modified, theme.modified = 1, 2
        download(services, lib_row.id, {0: 1, 100: 1})
        download(services, theme.id, {84: 5})
    assert names(repository=home) == names(source=host) == ["acme/lib"]
    assert names(sort="-installs") == names(sort="changed") == ["acme/lib", "acme/theme"]
    assert names(sort="installs") == names(sort="-changed") == ["acme/theme", "acme/lib"]
    assert names(repository="²") == names(page="²")
    jo = person(runtime, application, "jo@x.org")
    assert names(jo) == []
    with runtime.transaction() as services:
        theme = services.packages.get("acme/theme")
        services.session.add(Grant(user_id=jo.user_id, package_id=theme.id))
    assert names(jo) == ["acme/theme"]
    assert "Host" not in jo.get("/admin/packages").text


def test_of_a_word_that_many_have_only_some_pages_ahead_are_counted(admin, runtime, monkeypatch):
    monkeypatch.setattr(search, "RARE", 20)
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home"))
        services.session.add_all(
            Package(repository=home, name=f"acme/lib-{number:02}") for number in range(60)
        )

    def told(**query: Any) -> tuple[str, list[str]]:
        page = admin.get("/admin/packages", params={"q": "lib", **query}).html
        numbers = [link.get_text() for link in page.select(".pager li")]
        return page.select_one(".pager span").get_text(), numbers

    assert told() == ("1–25 of more than 50", ["1", "2", "…", "Next"])
    assert told(page=2) == ("26–50 of 60", ["Previous", "1", "2", "3", "Next"])
    assert told(page=3) == told(page=7) == ("51–60 of 60", ["Previous", "1", "2", "3"])
    assert told(q="lib-4")[0] == "1–10 of 10"


def test_versions_are_searched_by_their_names(admin, lib):
    def names(words: str) -> list[str]:
        page = admin.get(f"{lib}/versions", params={"q": words})
        return [link.get_text() for link in page.html.select("tbody a.name")]

    assert (names("1.1"), names("MAIN"), names("x")) == (["1.10.0"], ["dev-main"], [])


def test_a_version_is_compared_with_another_yanked_and_restored(admin, lib, runtime, app, stock):
    high, low = version_of(runtime, "1.10.0"), version_of(runtime, "1.0.0")
    page = admin.get(f"{lib}/versions/{high}", params={"with": low})
    assert page.html.select_one(".diff del").get_text() == "php: ^8.1"
    assert '"acme/base": "^1"' in page.html.select_one("pre").get_text()
    assert served(app, stock) == ["1.10.0", "1.9.0", "1.0.0"]
    yanked = admin.submit(admin.get(f"{lib}/versions/{high}/yank")).follow()
    assert "1.10.0 is yanked" in text(yanked)
    assert served(app, stock) == ["1.9.0", "1.0.0"]
    assert "composer require acme/lib" in text(admin.get(lib))
    page = admin.get(f"{lib}/versions/{high}")
    assert "Yanked just now" in text(page)
    admin.submit(page)
    assert served(app, stock) == ["1.10.0", "1.9.0", "1.0.0"]
    admin.get(f"{lib}/versions/999999", status=404)


def test_a_zip_is_downloaded_and_one_that_is_not_built_is_asked_for(admin, lib, runtime, stock):
    shipped = stock.version("acme/lib", "1.11.0", "home", text="whole")
    with runtime.transaction() as services:
        dist = services.session.query(Version).filter_by(name="1.11.0").one().dist
        dist.notices = ["Git submodules, empty folders in the dist: 2."]
    page = admin.get(f"{lib}/versions/{version_of(runtime, '1.11.0')}")
    assert "Its zip is not all of it. Git submodules, empty folders" in text(page)
    assert "Incomplete" in text(admin.get(lib))
    answer = admin.get(f"{lib}/versions/{version_of(runtime, '1.11.0')}/zip")
    assert answer.body == shipped.content
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-lib-1.11.0.zip"'
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    stock.version("acme/lib", "1.12.0", "home", lazy=True)
    page = admin.get(f"{lib}/versions/{version_of(runtime, '1.12.0')}/zip")
    assert "It is being built" in text(admin.submit(page).follow())


def test_a_version_leads_to_its_commit_at_the_host_as_far_as_that_can_be_trusted(
    admin, lib, runtime, monkeypatch
):
    number = version_of(runtime, "1.10.0")
    paths = (lib, f"{lib}/versions", f"{lib}/versions/{number}")
    said = {
        "https://git.example/acme/lib/commit/": True,
        "javascript:alert(1)//": False,
        "": False,
    }
    for url, trusted in said.items():
        page = classmethod(lambda _cls, _project, commit, url=url: url + commit)
        monkeypatch.setattr(Git, "commit_url", page)
        for path in paths:
            links = [each["href"] for each in admin.get(path).html.select("main a[href]")]
            assert any("/acme/lib/commit/" in each for each in links) == trusted, (path, url)
            assert not any(each.startswith("javascript") for each in links)
    monkeypatch.setattr(Git, "commit_url", classmethod(lambda *_: 1 / 0))
    admin.get(lib)


def test_a_number_that_is_none_is_told_at_its_field(admin, lib):
    def fault(given: str) -> str:
        page = admin.submit(admin.get(f"{lib}/edit"), keep_dists=given, status=422)
        return str(page.html.find(id="w-keep_dists").get_text(" ", strip=True))

    assert "Must be a whole number, or inherit." in fault("many")
    assert "Must be at least 0" in fault("-1")
    assert "Must be at most 10000" in fault("10001")


def test_it_is_marked_abandoned_whatever_its_project_says_and_back(admin, lib, runtime, app, stock):
    page = admin.get(f"{lib}/edit")
    again = admin.submit(page, abandoned="yes", replacement="Not a name", status=422)
    assert "Not a name" in again.html.find(id="f-replacement")["value"]
    again = admin.submit(page, abandoned="yes", replacement="acme/lib", status=422)
    shown = admin.submit(page, abandoned="yes", replacement="acme/new").follow()
    assert "Use acme/new instead" in text(shown)
    token = stock.token(repositories=("home",))
    answer = app.get("/r/home/p2/acme/lib.json", headers={"Authorization": f"Bearer {token}"})
    assert answer.json["packages"]["acme/lib"][0]["abandoned"] == "acme/new"
    admin.submit(
        admin.get(f"{lib}/edit"), abandoned="inherit", replacement="", dists="lazy", keep_dists="7"
    )
    assert "At the first download Kept of a branch The newest 7" in text(admin.get(lib))
    assert "Abandoned" not in text(admin.get(lib))
    with runtime.reading() as services:
        package = services.packages.get("acme/lib")
        found = (package.abandoned_here, package.dists, package.keep_dists)
        assert found == (None, "lazy", 7)
        actions = [event.action for event in services.session.query(AuditEvent)]
    assert actions.count("package.changed") == 2


def test_a_tag_that_moved_is_decided_about_where_it_is_told(admin, lib, runtime):
    with runtime.transaction() as services:
        home = services.repositories.get("home")
        services.session.add(
            TagPin(
                repository_id=home.id,
                package="acme/lib",
                identity="1.10.0.0",
                version="1.10.0",
                reference="a" * 40,
                ref="1.10.0",
                held_reference="b" * 40,
                held_at=now() - timedelta(hours=2),
            )
        )
    page = admin.get(lib)
    assert "1 released tag moved" in text(page)
    form = page.html.select_one(".attention form")
    assert form.find("input", {"name": "commit"})["value"] == "b" * 40
    late = admin.post(form["action"], version="1.10.0", commit="c", decision="accept", status=409)
    assert "has moved on" in late.text
    admin.post(form["action"], version="1.10.0", commit="b" * 40, decision="accept")
    assert "moved" not in text(admin.get(lib))
    admin.post(form["action"], version="1.10.0", commit="b" * 40, decision="refuse", status=409)
    with runtime.reading() as services:
        assert services.session.query(TagPin).one().accepted_reference == "b" * 40
        assert services.session.query(Sync).count() == 1


def test_it_is_looked_at_when_somebody_asks_alone_or_with_others(
    admin, lib, runtime, application, stock
):
    admin.post(f"{lib}/sync")
    stock.package("acme/other", "home")
    with runtime.transaction() as services:
        assert services.session.query(Sync).one().reason == "manual"
        services.session.query(Sync).delete()
        ids = [str(services.packages.get(each).id) for each in ("acme/lib", "acme/other")]
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        away = services.repositories.add(NewRepository(name="Away", path="away"))
        services.grants.grant(services.users.at(jo.user_id), away, Rights(manage=True))
    jo.get("/admin/packages")
    picked = {"package": ids[0], "do": "sync"}
    jo.post("/admin/packages/picked", status=409, **picked)
    told = admin.post("/admin/packages/picked", **picked).follow()
    assert "1 package will be looked at now" in text(told)
    admin.post("/admin/packages/picked", status=409, package=ids[1], do="sync")


def test_several_are_abandoned_and_removed_at_once_by_whoever_maintains_them(
    admin, lib, runtime, application, stock
):
    stock.package("acme/other", "home")
    stock.repository("away")
    stock.package("acme/theirs", "away")
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        home, away = services.repositories.get("home"), services.repositories.get("away")
        services.grants.grant(services.users.at(jo.user_id), home, Rights(manage=True))
        services.grants.grant(services.users.at(jo.user_id), away, Rights(read=True))
    page = jo.get("/admin/packages")
    boxes = page.html.select("input.pick")
    assert [box.has_attr("disabled") for box in boxes] == [False, False, True]
    form = {"csrf": jo.csrf, "package": [box["value"] for box in boxes]}

    def asked(do: str) -> Any:
        return jo.app.post("/admin/packages/picked", {**form, "do": do}, status=303).follow()

    page = asked("abandon")
    assert "Mark 2 packages abandoned?" in text(page)
    for wrong, why in (("acme", "is not a package name"), ("acme/lib", "own place")):
        refused = jo.submit(page, status=422, replacement=wrong)
        assert why in refused.html.select_one("#w-replacement").get_text()
    told = jo.submit(page, replacement="acme/next").follow()
    assert "2 packages are marked abandoned" in text(told)
    assert text(told).count("Abandoned: use acme/next") == 2
    page = asked("remove")
    assert "4 versions stop installing" in text(page)
    assert "acme/theirs" not in text(page)
    assert "Type 2 packages to go on" in text(jo.submit(page, status=422, sure="2"))
    assert "2 packages are removed" in text(jo.submit(page, sure="2 packages").follow())
    with runtime.reading() as services:
        assert [each.name for each in services.session.query(Package)] == ["acme/theirs"]
    assert "Select packages first" in text(jo.submit(page, sure="2 packages").follow())
    assert "Select packages first" in text(jo.post("/admin/packages/picked").follow())


def test_it_is_moved_and_renamed_by_who_maintains_both_ends(
    admin, lib, runtime, application, app, stock
):
    with runtime.transaction() as services:
        away = services.repositories.add(NewRepository(name="Away", path="away"))
        services.repositories.add(NewRepository(name="Other", path="other"))
        away_id, other_id = away.id, services.repositories.get("other").id
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        for path in ("home", "away"):
            home = services.repositories.get(path)
            services.grants.grant(services.users.at(jo.user_id), home, Rights(manage=True))
    page = jo.get(f"{lib}/move")
    assert [each["value"] for each in page.html.select("input[name=to]")] == [str(away_id)]
    jo.post(f"{lib}/move", to=other_id, status=403)
    assert served(app, stock)
    assert "acme/lib is in Away now" in text(jo.submit(page).follow())
    token = stock.token(repositories=("home", "away"))
    headers = {"Authorization": f"Bearer {token}"}
    app.get("/r/home/p2/acme/lib.json", headers=headers, status=404)
    assert app.get("/r/away/p2/acme/lib.json", headers=headers).json["packages"]["acme/lib"]
    page = jo.get(f"{lib}/rename")
    again = jo.submit(page, name="New Name", status=422)
    assert again.html.find(id="w-name")
    shown = jo.submit(page, name="acme/new").follow()
    assert "acme/new is being imported; acme/lib is abandoned in favour of it" in text(shown)
    assert "Use acme/new instead" in text(jo.get(lib))
    with runtime.reading() as services:
        actions = [event.action for event in services.session.query(AuditEvent)]
    assert {"package.moved", "package.renamed", "package.added"} <= set(actions)


def test_a_name_that_composer_json_gave_up_leads_to_the_form_that_renames_it(
    admin, lib, runtime, application
):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        home = services.repositories.get("home")
        services.grants.grant(services.users.at(jo.user_id), home, Rights(read=True))
        services.packages.get("acme/lib").composer_name = "acme/new"
    page = admin.get(lib)
    assert "Its composer.json calls it acme/new now" in text(page)
    assert "Its composer.json" not in text(jo.get(lib))
    form = admin.get(page.html.find("a", string="Rename it")["href"])
    # What it says is entered already.
    admin.submit(form)
    assert "Its composer.json" not in text(admin.get(lib))
    with runtime.reading() as services:
        assert services.packages.find("acme/new")


def test_where_the_new_name_is_taken_the_old_package_is_to_be_abandoned(admin, lib, runtime, stock):
    stock.version("acme/new", "1.0.0", "home")
    with runtime.transaction() as services:
        services.packages.get("acme/lib").composer_name = "acme/new"
    page = admin.get(lib)
    assert page.html.find("a", string="Rename it") is None
    form = admin.get(page.html.find("a", string="mark this one as abandoned")["href"])
    admin.submit(form, abandoned="yes", replacement="acme/new")
    assert "Its composer.json" not in text(admin.get(lib))


def test_it_is_removed_once_its_name_is_typed(admin, lib, runtime):
    page = admin.get(f"{lib}/remove")
    assert "4 versions stop installing" in text(page)
    admin.submit(page, sure="acme", status=422)
    admin.submit(page, sure="acme/lib")
    with runtime.reading() as services:
        assert services.packages.find("acme/lib") == []
    admin.get(lib, status=404)


def test_the_webhook_says_how_it_is_and_is_made_on_request(admin, lib, runtime):
    page = admin.get(f"{lib}/webhook")
    assert "None: Its source sends none." in text(page)
    assert page.html.select_one("main form") is None
    assert "sends no webhooks" in text(admin.post(f"{lib}/webhook", status=409))
    with runtime.transaction() as services:
        project = services.packages.get("acme/lib").project
        verdict = DeliveryVerdict.ACCEPTED
        services.deliveries.note(project.source_id, verdict, "", project_id=project.id)
    form = admin.get(f"{lib}/webhook").html.select_one("tbody form")
    admin.post(form["action"])
    with runtime.reading() as services:
        assert services.session.query(Sync).one().reason == "manual"


def test_words_of_authors_and_hosts_are_words_everywhere(admin, lib, runtime):
    with runtime.transaction() as services:
        package = services.packages.get("acme/lib")
        package.description, package.keywords, package.type = HOSTILE, [HOSTILE], HOSTILE[:200]
        package.abandoned, package.subdirectory = HOSTILE, HOSTILE
        package.project.path = package.project.unreachable = HOSTILE
        package.project.web_url = f"https://x.org/{HOSTILE}"
        for version in services.session.query(Version):
            version.manifest = {
                "require": {HOSTILE: HOSTILE, f"a/{HOSTILE}": HOSTILE, "php": version.name},
                "license": [HOSTILE],
            }
            version.ref = HOSTILE
        number = services.session.query(Version).first().id
    for path in ("/admin/packages", lib, f"{lib}/versions", f"{lib}/versions/{number}",
                 f"{lib}/edit", f"{lib}/webhook", f"{lib}/remove"):  # fmt: skip
        page = admin.get(path)
        assert not page.html.select("script:not([src]), img, [onerror]"), path
        assert HOSTILE[:20] not in page.text, path
