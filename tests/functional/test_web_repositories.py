"""Repositories in the web admin."""

from typing import Any

import pytest

from packistry.inputs import NewRepository, NewUser, RepositoryChange
from packistry.models import AuditEvent, AuthenticationSource, Grant, Package
from packistry.services.grants import Rights
from tests.functional.browser import Browser, person


@pytest.fixture
def admin(runtime: Any, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


@pytest.fixture
def home(runtime: Any) -> str:
    """The address of a private repository, Home, with two packages."""
    with runtime.transaction() as services:
        row = services.repositories.add(NewRepository(name="Home", path="home"))
        services.session.add_all(
            [Package(repository=row, name="acme/one"), Package(repository=row, name="acme/two")]
        )
        services.session.flush()
        return f"/admin/repositories/{row.id}"


def stored(runtime: Any, path: str = "home") -> Any:
    with runtime.reading() as services:
        row = services.repositories.find(path)
        return row and (row.name, row.public, row.description, row.reserved_vendors)


def test_one_that_is_added_is_shown_with_its_commands(admin, runtime):
    page = admin.get("/admin/repositories/add")
    made = admin.submit(
        page, name="Team A", path="team-a", description="Ours", reserved_vendors="acme\r\nfoo/*"
    ).follow()
    assert stored(runtime, "team-a") == ("Team A", False, "Ours", ["acme", "foo"])
    assert "composer config repositories.team-a composer http://packages.test/r/team-a" in (
        made.html.get_text(" ", strip=True).replace("  ", " ")
    )


def test_a_name_or_path_that_is_taken_is_said_beside_its_field(admin, home):
    page = admin.get("/admin/repositories/add")
    again = admin.submit(page, name="Other", path="home", status=409)
    assert "already" in again.html.find(id="w-path").get_text()
    assert again.html.find(id="f-name")["value"] == "Other"
    again = admin.submit(page, name="Home", path="other", status=409)
    assert "already" in again.html.find(id="w-name").get_text()


def test_an_edit_is_kept_and_recorded_as_the_persons(admin, home, runtime):
    page = admin.get(f"{home}/edit")
    assert page.html.find(id="f-name")["value"] == "Home"
    admin.submit(page, name="House", description="New")
    assert stored(runtime) == ("House", False, "New", [])
    with runtime.reading() as services:
        event = services.session.query(AuditEvent).one()
        assert (event.action, event.actor, event.address) == (
            "repository.changed",
            "admin@x.org",
            "192.0.2.7",
        )


def test_one_is_opened_only_after_a_warning(admin, home, runtime):
    page = admin.get(f"{home}/visibility")
    assert "download all 2 packages" in page.text
    admin.submit(page)
    assert stored(runtime)[1] is True
    admin.submit(admin.get(f"{home}/visibility"))
    assert stored(runtime)[1] is False


def test_a_form_that_is_sent_twice_does_not_close_what_it_opened(admin, home, runtime):
    page = admin.get(f"{home}/visibility")
    admin.submit(page)
    admin.submit(page)
    assert stored(runtime)[1] is True


def test_one_is_removed_once_its_name_is_typed(admin, home, runtime):
    page = admin.get(f"{home}/remove")
    assert "2 packages stop installing" in page.text
    admin.submit(page, sure="home", status=422)
    assert stored(runtime)
    admin.submit(page, sure="Home")
    assert stored(runtime) is None


def test_the_list_shows_what_somebody_may_enter(home, runtime, application):
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Hidden", path="hidden"))
        services.repositories.add(NewRepository(name="Open", path="open", public=True))
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        package = services.packages.get("acme/one")
        services.session.add(Grant(user_id=jo.user_id, package_id=package.id))
    rows = jo.get("/admin/repositories").html.select("tbody tr")
    assert [row.get_text(" ", strip=True) for row in rows] == [
        "Home /r/home Private 1",
        "Open /r/open Public 0",
    ]
    page = jo.get(home)
    assert "acme/one" in page.html.get_text()
    assert "acme/two" not in page.html.get_text()
    assert not page.html.find("a", string="Edit")


def test_the_list_is_searched_sorted_and_paged(admin, runtime):
    with runtime.transaction() as services:
        for number in range(30):
            services.repositories.add(NewRepository(name=f"Name {number:02}", path=f"p{number}"))

    def names(**query: Any) -> list[str]:
        page = admin.get("/admin/repositories", params=query)
        return [link.get_text() for link in page.html.select("tbody .title")]

    assert names()[0] == "Name 00"
    assert names(sort="-name")[0] == "Name 29"
    assert names(page=2) == [f"Name {number}" for number in range(25, 30)]
    assert names(q="NAME 07") == ["Name 07"]
    assert names(q="%") == []
    assert names(page="999999999", sort="nonsense") == names(page=2)


def test_another_path_is_served_from_the_next_look_on(admin, home, runtime):
    page = admin.submit(admin.get(f"{home}/edit"), path="house").follow()
    assert "Its address has changed" in page.text
    assert stored(runtime, "house")


def test_a_maintainer_sees_no_way_to_what_only_administrators_may(home, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        user, place = services.users.at(jo.user_id), services.repositories.get("home")
        services.grants.grant(user, place, Rights(manage=True))
        services.repositories.edit(place, RepositoryChange(description="x"))
    hrefs = {link.get("href", "") for link in jo.get(home).html.find_all("a")}
    assert not {href for href in hrefs if href.endswith(("/edit", "/remove", "/visibility"))}


def test_maintainers_are_added_and_removed_on_the_repositorys_page(
    admin, home, runtime, application
):
    jo = person(runtime, application, "jo@x.org", name="Jo <b>")
    sso = AuthenticationSource(name="Acme SSO", provider="oidc", icon="<svg/>")
    with runtime.transaction() as services:
        ruled = services.users.add(NewUser(email="mo@x.org", name="Mo"))
        services.session.add(sso)
        services.session.flush()
        row = services.repositories.get("home")
        rights = {"can_manage": True, "can_write": True, "given_by": sso.id}
        services.session.add(Grant(user_id=ruled.id, repository_id=row.id, **rights))
    jo.get(f"{home}/edit", status=404)
    page = admin.get(f"{home}/maintainers")
    assert "Mo mo@x.org By a rule of Acme SSO" in page.html.get_text(" ", strip=True)
    assert "Nobody else here is called that" in admin.get(f"{home}/maintainers?q=mo").text
    asked = {"user": str(jo.user_id)}
    told = admin.post(f"{home}/maintainers", do="add", **asked).follow()
    assert "Jo <b> looks after Home now" in told.html.get_text()
    shown = jo.get(home).html.get_text(" ", strip=True)
    assert "Maintainers Jo <b> Mo Since" in shown
    assert "Add packages" in shown
    admin.post(f"{home}/maintainers", do="remove", **asked)
    assert "Maintainers" not in jo.get(home).text
    for wrong in ({"user": "x", "do": "add"}, {"user": "999999999", "do": "remove"}, {**asked}):
        admin.post(f"{home}/maintainers", status=422, **wrong)
    with runtime.reading() as services:
        grant = services.session.query(Grant).filter_by(user_id=jo.user_id).one()
        assert (grant.can_read, grant.can_write, grant.can_manage) == (True, True, False)
