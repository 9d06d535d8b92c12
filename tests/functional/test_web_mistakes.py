"""What people do wrongly on pages about packages, and what they are told to do instead."""

from typing import Any

import pytest
from webtest import Upload

from packistry.models import Project, Source, User
from packistry.models.base import now
from packistry.services.grants import Rights
from tests.functional.browser import HTML, Browser, person
from tests.functional.conftest import Stock, zip_of


@pytest.fixture
def admin(runtime: Any, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


@pytest.fixture
def lib(stock: Stock, runtime: Any) -> str:
    """acme/lib of a project in "home", whose name other packages have as well."""
    stock.repository("home")
    stock.version("acme/lib", "1.0.0", "home")
    stock.package("acme/taken", "home")
    stock.repository("away")
    stock.package("acme/lib", "away")
    with runtime.transaction() as services:
        package = services.packages.get("acme/lib", services.repositories.get("home"))
        source = Source(name="Host", provider="git")
        package.project = Project(source=source, external_id="1", path="acme/lib", synced_at=now())
        services.session.flush()
        return f"/admin/packages/{package.id}"


def number(runtime: Any, path: str) -> int:
    with runtime.reading() as services:
        return int(services.repositories.get(path).id)


def text(page: Any) -> str:
    return " ".join(page.html.get_text(" ", strip=True).split())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "Enter it as vendor/name."),
        ("acme/lib", "This is the name that it has: enter the one it is to have."),
        ("acme/taken", "has a package acme/taken already. Mark this one as abandoned instead."),
    ],
)
def test_a_new_name_that_cannot_be_says_what_to_do(name, told, admin, lib):
    again = admin.post(f"{lib}/rename", name=name, status="*")
    assert told in again.html.find(id="w-name").get_text()


def test_a_place_that_has_the_name_is_told_beside_the_choice(admin, lib, runtime):
    again = admin.post(f"{lib}/move", to=number(runtime, "away"), status=409)
    assert "Rename or remove one of the two first." in again.html.find(id="w-to").get_text()


def test_who_has_no_other_place_for_a_package_is_told_where_one_comes_from(
    admin, stock, runtime, application
):
    stock.repository("home")
    stock.package("acme/lib", "home")
    with runtime.transaction() as services:
        path = f"/admin/packages/{services.packages.get('acme/lib').id}/move"
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        home = services.repositories.get("home")
        services.grants.grant(services.session.get(User, jo.user_id), home, Rights(manage=True))
    assert "An administrator can let you maintain one." in text(jo.get(path))
    admin.get(admin.get(path).html.find("a", string="Add repository")["href"])


@pytest.mark.parametrize(
    ("manifest", "version", "field", "told"),
    [
        ({"version": "1.0.0"}, "", "file", 'write "name": "vendor/name" into it'),
        ({"name": "acme/up"}, "", "version", "enter one, such as 1.2.0."),
        ({"name": "acme/up"}, "x y", "version", "Write it as 1.2.0, 2.0.0-RC1 or dev-main."),
        ({"name": "acme/lib"}, "1.0.0", "version", "tag the next one there."),
        ({"name": "acme/other", "type": "x"}, "1.0.0", "version", "upload the next."),
    ],
)
def test_a_zip_that_cannot_be_a_version_says_what_to_do(
    manifest, version, field, told, admin, lib, runtime, stock
):
    page = admin.get("/admin/upload")
    form = next(each for each in page.forms.values() if each.enctype == "multipart/form-data")
    form["repository"] = str(number(runtime, "home"))
    # The first upload of acme/other.
    form["file"] = Upload("x.zip", zip_of({"name": "acme/other"}), "application/zip")
    form["version"] = "1.0.0"
    form.submit(headers=HTML, status=303)
    form["file"] = Upload("x.zip", zip_of(manifest), "application/zip")
    form["version"] = version
    again = form.submit(headers=HTML, status="*")
    assert told in again.html.find(id=f"w-{field}").get_text()


def test_a_package_without_versions_says_how_it_gets_one(admin, lib, runtime):
    with runtime.reading() as services:
        uploaded = services.packages.get("acme/taken").id
    for path in (f"/admin/packages/{uploaded}", f"/admin/packages/{uploaded}/versions"):
        admin.get(admin.get(path).html.find("a", string="Upload a zip")["href"])
    with runtime.transaction() as services:
        package = services.packages.get("acme/lib", services.repositories.get("home"))
        services.versions.yank(package, package.versions[0])
    assert "All that it has are yanked: restore one, or release the next." in text(admin.get(lib))


def test_a_page_of_a_fault_leads_back_to_where_it_came_from(admin, lib):
    def back(referer: str) -> Any:
        fault = admin.post(f"{lib}/decide", status=409, headers={"Referer": referer}, version="1")
        found = fault.html.find("a", string="Back to where you were")
        return found and found["href"]

    assert back(f"http://localhost{lib}?days=7") == f"{lib}?days=7"
    assert back(f"http://evil.example{lib}") is None
    assert back("http://localhost//evil.example") is None
    assert back("javascript:alert(1)") is None


def test_where_there_is_no_repository_nobody_looks_for_boxes_to_tick(admin):
    assert "There is no repository yet" in text(admin.get("/admin/tokens/add"))
