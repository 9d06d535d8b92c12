"""Where a version comes from, as its page and the API tell it."""

from pathlib import Path
from typing import Any

import pytest
from webtest import Upload

from packistry.models import SyncReason, Version
from packistry.runtime import Runtime
from packistry.services.grants import Rights
from tests.functional.browser import HTML, Browser, person
from tests.functional.caller import caller
from tests.functional.conftest import Stock, bearer, zip_of
from tests.importing import Importing
from tests.repositories import GitRepository

LIB = {"name": "acme/lib", "version": "1.0.0"}
REASON = "It writes <b>passwords</b> into the log: use 1.0.1."


@pytest.fixture
def admin(runtime: Runtime, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True, name="Ines")


@pytest.fixture
def reader(runtime: Runtime, application: Any, stock: Stock) -> Browser:
    """Who may read the repository at the root, and no more."""
    stock.repository()
    browser = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        user = services.users.at(browser.user_id or 0)
        services.grants.grant(user, services.repositories.get(""), Rights(read=True))
    return browser


def text(page: Any) -> str:
    return " ".join(page.html.get_text(" ", strip=True).split())


def page_of(runtime: Runtime, name: str = "1.0.0") -> str:
    with runtime.reading() as services:
        version = services.session.query(Version).filter_by(name=name).one()
        return f"/admin/packages/{version.package_id}/versions/{version.id}"


def upload_as(browser: Browser) -> None:
    page = browser.get("/admin/upload")
    form = next(each for each in page.forms.values() if each.enctype == "multipart/form-data")
    form["file"] = Upload("lib.zip", zip_of(LIB), "application/zip")
    form.submit(headers=HTML, status=303)


def test_an_imported_version_names_its_tag_and_the_import_that_brought_it(
    admin, runtime, tmp_path: Path
):
    importing = Importing(runtime)
    upstream = GitRepository(tmp_path / "upstream")
    commit = upstream.commit({"name": "acme/lib"})
    upstream.tag("v1.0.0")
    package = importing.imported(upstream)
    page = admin.get(page_of(runtime, "v1.0.0"))
    assert f"Tag v1.0.0 Imported just now by the first import Reference {commit}" in text(page)
    link = page.html.find("a", string="the first import")["href"]
    assert "v1.0.0" in text(admin.get(link))
    upstream.commit({"name": "acme/lib", "description": "More"})
    moved = importing.sync(package, SyncReason.WEBHOOK)
    page = admin.get(page_of(runtime, "dev-main"))
    assert page.html.find("a", string="a push")["href"] == f"/admin/imports/{moved.id}"


def test_an_import_that_is_forgotten_leaves_the_day(admin, stock, runtime):
    stock.repository()
    stock.version("acme/lib", "1.0.0")
    assert "Tag 1.0.0 Imported just now Reference" in text(admin.get(page_of(runtime)))


def test_an_upload_in_the_web_admin_is_that_of_a_person(admin, stock, runtime):
    stock.repository()
    upload_as(admin)
    assert "Uploaded just now by Ines" in text(admin.get(page_of(runtime)))


def test_an_upload_by_composers_address_is_that_of_its_token(admin, app, stock, runtime):
    stock.repository()
    token = stock.token(repositories=("",), write=True, name="release")
    file = {"file": Upload("lib.zip", zip_of(LIB), "application/zip")}
    app.post("/acme/lib", file, headers=bearer(token), status=201)
    assert "Uploaded just now by Deploy token release" in text(admin.get(page_of(runtime)))
    told = text(admin.get("/admin/audit"))
    assert "Deploy token release uploaded a version of acme/ lib through the API" in told
    # The same zip once more is no news.
    app.post("/acme/lib", file, headers=bearer(token), status=200)
    assert text(admin.get("/admin/audit")).count("uploaded a version") == 1


def test_who_may_only_read_is_told_of_no_person_and_no_import(reader, admin, runtime):
    upload_as(admin)
    admin.submit(admin.get(f"{page_of(runtime)}/yank"))
    told = text(reader.get(page_of(runtime)))
    assert "Uploaded just now Reference" in told
    assert "Ines" not in told


def test_a_yanked_version_says_by_whom_and_why(reader, admin, runtime):
    upload_as(admin)
    path = page_of(runtime)
    page = admin.get(f"{path}/yank")
    again = admin.submit(page, reason="x" * 2001, status=422)
    assert "At most 2000" in again.html.find(id="w-reason").get_text()
    admin.submit(page, reason=REASON)
    assert f"Yanked just now by Ines: {REASON} Composer chooses" in text(admin.get(path))
    assert "composer require" not in text(admin.get(path))
    assert f"Yanked just now : {REASON} Composer chooses" in text(reader.get(path))
    admin.submit(admin.get(path))
    admin.submit(admin.get(f"{path}/yank"))
    # Once it was restored, what was said before does not count.
    assert "Yanked just now by Ines. Composer chooses" in text(admin.get(path))


def test_the_api_tells_maintainers_the_same(reader, admin, runtime, application):
    upload_as(admin)
    path = page_of(runtime).removeprefix("/admin")
    ines = caller(runtime, application, "admin@x.org", admin=True, by="api")
    assert ines.get(path)["uploaded_by"] == "Ines"
    ines.post(f"{path}/yank", status=422, reason="x" * 2001)
    yanked = ines.post(f"{path}/yank", status=200, reason=REASON)
    assert (yanked["yanked_by"], yanked["yanked_because"]) == ("Ines", REASON)
    jo = caller(runtime, application, "jo@x.org", by="api").get(path)
    told = (jo["uploaded_by"], jo["yanked_by"], jo["sync_id"], jo["yanked_because"])
    assert told == (None, None, None, REASON)
