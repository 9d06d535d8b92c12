"""Packages added in the web admin: chosen among projects, named by address, uploaded."""

from collections.abc import Iterator
from typing import Any

import pytest
from webtest import Upload

from packistry import jobs, plugin
from packistry.inputs import NewRepository, NewSource
from packistry.models import AuditEvent, Package, Sync, UserUploadDay, Version
from packistry.runtime import Runtime
from packistry.services.grants import Rights
from packistry.services.plugins import Plugins
from tests import crowded, faulty
from tests.functional.browser import Browser, person
from tests.functional.conftest import zip_of

PATH = "/admin/add-packages"
HOSTILE = "acme/<img src=x onerror=alert(1)>"


@pytest.fixture
def admin(crowd: Any, runtime: Any, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


@pytest.fixture
def crowd(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[crowded.Crowd]:
    """A source with acme/one, acme/two and an archived one with a hostile name."""
    crowd = crowded.Crowd()
    monkeypatch.setattr(crowded, "CROWD", crowd)
    runtime.plugins = Plugins.load(crowded.POINTS, strict=True)
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Home", path="home"))
        services.repositories.add(NewRepository(name="Away", path="away"))
        services.sources.add(NewSource(name="Crowd", provider=crowded.PROVIDER))
    crowd.library("1", "acme/one")
    crowd.library("2", "acme/two")
    crowd.add("3", HOSTILE, archived=True)
    yield crowd
    for number in [each.id for each in crowd.projects]:
        faulty.HOSTS.pop(number, None)


def text(page: Any) -> str:
    found: str = page.html.get_text(" ", strip=True)
    return found.replace("/ ", "/")


def boxes(page: Any) -> dict[str, bool]:
    """The projects to choose from, and whether they can be."""
    return {
        row.select_one(".name").get_text(): not row.select_one("input").has_attr("disabled")
        for row in page.html.select("#found tbody tr")
    }


def added(runtime: Any) -> list[tuple[str, str]]:
    with runtime.reading() as services:
        query = services.session.query(Package).order_by(Package.id)
        return [(each.repository.name, each.project.path) for each in query if each.project]


def number(runtime: Any, path: str) -> int:
    with runtime.reading() as services:
        found: int = services.repositories.get(path).id
        return found


def origin(runtime: Any) -> int:
    with runtime.reading() as services:
        found: int = services.sources.get("Crowd").id
        return found


def test_a_source_without_webhooks_offers_none(runtime, application):
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Home", path="home"))
        services.sources.add(NewSource(name="Any git", provider="git"))
    said = text(person(runtime, application, "admin@x.org", admin=True).get(PATH))
    assert "which ones." in said
    assert "webhook" not in said


def test_a_source_that_lists_no_projects_asks_for_addresses_alone(runtime, application):
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home")).id
        source = services.sources.add(NewSource(name="Any git", provider="git")).id
    admin = person(runtime, application, "admin@x.org", admin=True)
    page = admin.get(PATH)
    assert page.html.find(id="words").has_attr("hidden")
    assert page.html.find(id="f-addresses").has_attr("required")
    assert "(optional)" not in page.html.find("label", attrs={"for": "f-addresses"}).get_text()
    assert "Or all that match" not in text(page)
    refused = admin.post(PATH, repository=home, source=source, what="all", patterns="*", status=409)
    assert "lists no projects: name each of them, or give its address" in text(refused)


def test_projects_are_chosen_imported_and_installable(admin, crowd, runtime):
    home = number(runtime, "home")
    page = admin.get(PATH, params={"repository": home})
    assert boxes(page) == {"acme/one": True, "acme/two": True, HOSTILE: True}
    assert "Archived: imported once" in text(page)
    assert not page.html.select("img")
    assert boxes(admin.get(PATH, params={"q": "tw"})) == {"acme/two": True}
    assert "No project of this source" in text(admin.get(PATH, params={"q": "%"}))
    refused = admin.post(PATH, repository=home, source=origin(runtime), status=422)
    assert "Choose at least one project" in text(refused)
    watched = admin.post(
        PATH, repository=home, source=origin(runtime), project="1", webhook="yes"
    ).follow()
    assert "Import of acme/one" in text(watched)
    jobs.drain(runtime)
    with runtime.reading() as services:
        package = services.packages.get("acme/one").id
    assert "composer require acme/one" in text(admin.get(f"/admin/packages/{package}"))
    assert boxes(admin.get(PATH, params={"repository": home}))["acme/one"] is False
    assert boxes(admin.get(PATH, params={"repository": number(runtime, "away")}))["acme/one"]
    again = admin.post(PATH, repository=home, source=origin(runtime), project="1", status=409)
    assert "is in the repository" in text(again)
    both = admin.post(
        PATH, repository=number(runtime, "away"), source=origin(runtime), addresses="1\n2\n1"
    )
    assert "2 packages are being imported into Away" in text(both.follow())
    assert added(runtime) == [("Home", "acme/one"), ("Away", "acme/one"), ("Away", "acme/two")]


def test_a_host_that_refuses_is_quoted_and_nothing_is_added(admin, crowd, runtime):
    def refuse() -> None:
        raise plugin.CredentialsError(f"Bad credentials for {HOSTILE}")

    crowd.on_page = refuse
    page = admin.get(PATH)
    assert f"did not list its projects: Bad credentials for {HOSTILE}" in text(page)

    def fail() -> None:
        raise ZeroDivisionError("s3cret")

    crowd.on_page = fail
    page = admin.get(PATH)
    assert "did not list its projects" in text(page)
    assert "s3cret" not in page.text
    wrong = admin.post(
        PATH,
        repository=number(runtime, "home"),
        source=origin(runtime),
        project="1",
        subdirectory="../x",
        status=422,
    )
    assert "a sub-directory is a folder" in text(wrong)
    admin.post(
        PATH,
        repository=number(runtime, "home"),
        source=origin(runtime),
        addresses="nowhere",
        status="*",
    )
    assert added(runtime) == []


def test_a_maintainer_adds_to_their_repository_alone(crowd, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        home = services.repositories.get("home")
        services.grants.grant(services.users.at(jo.user_id), home, Rights(manage=True))
    page = jo.get(PATH)
    options = [each.get_text() for each in page.html.select("#repository option")]
    assert options == ["Home"]
    jo.post(
        PATH, repository=number(runtime, "away"), source=origin(runtime), project="1", status=403
    )
    jo.post(PATH, repository=number(runtime, "home"), source=origin(runtime), project="1")
    assert added(runtime) == [("Home", "acme/one")]


def test_a_zip_becomes_a_version_of_the_package_it_names(admin, crowd, runtime):
    page = admin.get("/admin/upload")
    form = next(each for each in page.forms.values() if each.enctype == "multipart/form-data")
    form["repository"] = str(number(runtime, "away"))
    again = form.submit(headers={"Accept": "text/html"}, status=422)
    assert "Choose a zip" in text(again)
    form["file"] = Upload("x.zip", b"PK no zip", "application/zip")
    again = form.submit(headers={"Accept": "text/html"}, status=422)
    assert "This zip cannot be served" in text(again.html.find(id="w-file") and again)
    content = zip_of({"name": "acme/up", "version": "1.2.0"}, **{"README.md": "# Hello *you*"})
    form["file"] = Upload("x.zip", content, "application/zip")
    made = form.submit(headers={"Accept": "text/html"}).follow()
    assert "composer require acme/up" in text(made)
    assert made.html.select_one(".readme h3 em").get_text() == "you"
    form["version"] = "not a version!"
    form.submit(headers={"Accept": "text/html"}, status=422)
    with runtime.reading() as services:
        version = services.session.query(Version).one()
        assert (version.name, version.package.repository.path) == ("1.2.0", "away")
        assert "package.uploaded" in [each.action for each in services.session.query(AuditEvent)]
        assert services.session.query(Sync).count() == 0


def test_a_person_uploads_as_much_a_day_as_a_token_may(admin, crowd, runtime):
    contents = [zip_of({"name": "acme/up", "version": f"1.{each}.0"}) for each in range(3)]
    limit = len(contents[0]) + len(contents[1])
    runtime.settings = runtime.settings.model_copy(update={"upload_bytes_a_day": limit})
    runtime.__dict__.pop("context")
    page = admin.get("/admin/upload")
    form = next(each for each in page.forms.values() if each.enctype == "multipart/form-data")
    form["repository"] = str(number(runtime, "away"))
    # What was there before does not count, and what was refused neither.
    for which, status in ((0, 303), (0, 303), (1, 303), (2, 422)):
        form["file"] = Upload("x.zip", contents[which], "application/zip")
        told = form.submit(headers={"Accept": "text/html"}, status=status)
    assert "Somebody may upload" in told.html.find(id="w-file").get_text()
    with runtime.reading() as services:
        assert [day.bytes for day in services.session.query(UserUploadDay)] == [limit]


def test_all_that_match_are_added_by_a_job_whose_progress_is_shown(admin, crowd, runtime):
    crowd.add("4", "acme/web")
    faulty.HOSTS["4"].refs["main"] = {"index.html": b"<p>"}
    crowd.library("5", "other/lib")
    home, source = number(runtime, "home"), origin(runtime)
    where = {"repository": home, "source": source, "what": "all"}
    refused = admin.post(PATH, **where, patterns=" ", status=422)
    assert "Say which projects" in refused.html.find(id="w-patterns").get_text()
    refused = admin.post(PATH, **where, patterns="*", subdirectory="src", status=422)
    assert "a project that you choose" in refused.html.find(id="w-subdirectory").get_text()
    page = admin.post(PATH, **where, patterns="ACME/*\n", tag_policy="follow", tags="v*").follow()
    assert "Going through the source" in text(page)
    (live,) = page.html.select("[data-live]")
    jobs.drain(runtime)
    told = text(admin.get(live["data-live"]))
    assert "5 projects seen, 3 of them new" in told
    assert "Done" in told
    assert "acme/web Left alone The branch main has no composer.json." in told
    assert "1 fit no pattern" in told
    assert "1 are archived" in told
    with runtime.reading() as services:
        assert sorted(each.name for each in services.session.query(Package)) == [
            "acme/one",
            "acme/two",
        ]
        package = services.packages.get("acme/one")
        assert (package.tag_policy, package.tags) == ("follow", ["v*"])
        events = [(each.action, each.actor) for each in services.session.query(AuditEvent)]
        assert events.count(("package.added", "admin@x.org")) == 3
    assert "Bulk import from Crowd" in text(admin.get("/admin/imports"))
    faulty.HOSTS["4"].push("main", {"name": "acme/web"})
    again = admin.submit(admin.get(page.request.path)).follow()
    jobs.drain(runtime)
    told = text(admin.get(again.request.path))
    assert "5 projects seen, 3 of them new" in told
    assert "acme/web Package acme/web" in told


def test_a_bulk_import_ends_with_the_rights_of_whoever_asked_and_goes_on_after_a_fault(
    crowd, runtime, application
):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        home = services.repositories.get("home")
        services.grants.grant(services.users.at(jo.user_id), home, Rights(manage=True))
        home_id, away_id = home.id, services.repositories.get("away").id
    where = {"source": origin(runtime), "what": "all", "patterns": "*"}
    jo.get(PATH)
    jo.post(PATH, repository=away_id, status=403, **where)
    page = jo.post(PATH, repository=home_id, **where).follow()
    with runtime.transaction() as services:
        (grant,) = services.grants.of(services.users.at(jo.user_id))
        services.session.delete(grant)
    jobs.drain(runtime)
    admin = person(runtime, application, "admin@x.org", admin=True)
    page = admin.get(page.request.path)
    assert "does not maintain the repository any more" in text(page)

    def refuse() -> None:
        raise plugin.CredentialsError(f"Bad credentials for {HOSTILE}")

    crowd.on_page = refuse
    admin.submit(page)
    jobs.drain(runtime)
    page = admin.get(page.request.path)
    assert f"did not tell all of its projects: Bad credentials for {HOSTILE}" in text(page)
    assert added(runtime) == []
    crowd.on_page = faulty.nothing
    admin.submit(page)
    jobs.drain(runtime)
    assert added(runtime) == [("Home", "acme/one"), ("Home", "acme/two")]
