"""What a page must withstand: forms from elsewhere, frames, caches, hostile names."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from webtest import TestResponse

from packistry.app import make_app
from packistry.inputs import NewRepository
from packistry.models import Package, Repository
from packistry.runtime import Runtime
from packistry.web.admin import PAGES
from packistry.web.pages import Page
from tests.functional.browser import HTML, Browser, person

pytestmark = pytest.mark.any_database

HOSTILE = "\"'><img src=x onerror=alert(1)>{{7777*7777}}</script><script>alert(1)</script>"
SUBMITS = [page for page in PAGES if page.submit is not None and "{" not in page.path]


@pytest.fixture
def admin(runtime: Runtime, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


def test_a_form_without_its_token_or_from_another_site_is_refused(admin):
    admin.get("/")
    wrong: list[dict[str, Any]] = [
        {"csrf": ""},
        {"csrf": "0" * 64},
        {"headers": {"Origin": "https://evil.example"}},
        {"headers": {"Origin": "null"}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Sec-Fetch-Site": "same-site"}},
    ]
    found = {
        (page.name, number): admin.post(page.path, status="*", **each).status_int
        for page in SUBMITS
        for number, each in enumerate(wrong)
    }
    assert found == dict.fromkeys(found, 403)


def test_a_token_of_another_browser_is_refused(admin, runtime, application):
    other = person(runtime, application, "other@x.org")
    admin.post("/logout", csrf=other.csrf, status=403)


def test_a_page_has_the_headers_that_keep_it_to_itself(admin):
    headers = admin.get("/").headers
    assert headers["Content-Security-Policy"].split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_the_cookie_is_for_this_host_over_https_where_the_url_says_https(settings):
    runtime = Runtime(settings.model_copy(update={"url": "https://packages.test"}))
    runtime.prepare()
    application = make_app(runtime)
    try:
        answer = Browser(application).get("/login")
    finally:
        application.close()
        runtime.close()
    set_cookie = answer.headers["Set-Cookie"]
    assert set_cookie.startswith("__Host-packistry=")
    assert {"secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(set_cookie.split("; "))
    assert "Domain" not in set_cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_no_page_has_anything_inline(admin, runtime):
    with runtime.transaction() as services:
        number = services.repositories.add(NewRepository(name="Home")).id
    repositories = "/admin/repositories"
    for path in ("/", repositories, f"{repositories}/{number}", f"{repositories}/add"):
        text = admin.get(path).text
        assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:", text)
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text)


def test_a_hostile_name_is_shown_as_text_on_every_page(admin, runtime):
    with runtime.transaction() as services:
        row = Repository(name=HOSTILE, path="x", description=HOSTILE, reserved_vendors=[HOSTILE])
        services.session.add(row)
        services.session.flush()
        services.session.add(Package(repository=row, name="acme/x", description=HOSTILE))
        number = row.id
    path = f"/admin/repositories/{number}"
    for each in (
        "/admin/repositories",
        path,
        f"{path}/edit",
        f"{path}/visibility",
        f"{path}/remove",
    ):
        text = admin.get(each).text
        assert "<img" not in text
        assert "<script>alert" not in text
        assert "&lt;img src=x" in text
        assert "60481729" not in text


def test_a_search_for_hostile_words_is_shown_as_text(admin, runtime):
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Home"))
    text = admin.get("/admin/repositories", params={"q": HOSTILE, "sort": HOSTILE}).text
    assert "<img" not in text


@pytest.mark.parametrize("path", ["/nowhere", "/admin/repositories/0", "/admin/repositories/x"])
def test_what_does_not_exist_is_a_page_for_a_browser(path, admin):
    assert "Nothing here" in admin.get(path, status=404).text


def test_composer_is_told_in_json(admin):
    answer = admin.app.get("/nowhere", status=404)
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_file_of_ours_is_kept_for_ever_and_changes_its_address(admin):
    href = re.search(r'href="(/static/[0-9a-f]{12}/base\.css)"', admin.get("/").text)
    assert href is not None
    answer = admin.app.get(href[1])
    assert "immutable" in answer.headers["Cache-Control"]
    old = admin.app.get(href[1].replace(href[1].split("/")[2], "0" * 12))
    assert old.headers["Cache-Control"] == "no-cache"


def test_a_theme_is_chosen_and_kept(admin):
    assert "data-theme" not in admin.get("/").text
    admin.post("/admin/theme", theme="dark", next="/")
    assert 'data-theme="dark"' in admin.get("/").text
    admin.post("/admin/theme", theme='"><script>', next="/")
    assert "data-theme" not in admin.get("/").text


def test_what_is_said_after_a_redirect_cannot_be_put_there_by_others(admin):
    admin.app.set_cookie("packistry-said", "eyJ0ZXh0IjogImV2aWwifQ==")
    assert "evil" not in admin.get("/").text


def test_a_form_of_thousands_of_fields_or_of_no_text_is_refused(admin):
    admin.get("/")
    body = "&".join(f"a{number}=1" for number in range(2000)) + f"&csrf={admin.csrf}"
    admin.app.post("/admin/theme", body, headers=HTML, status=400)
    assert admin.post("/admin/theme", theme="\0", status=400).content_type == "text/html"


@pytest.mark.parametrize("path", ["/login", "/admin/theme", "/setup/x"])
def test_a_form_of_megabytes_is_refused(path, admin):
    answer = admin.app.post(path, b"a=" + b"x" * 1024 * 1024, headers=HTML, status=413)
    assert "larger than this page takes" in answer.text


ODD = (
    "x" * 50_000,
    "\u202e\u0007",
    "'\"`;--",
    "%s%00{{",
    "\U0001f600",
    "٣",
    "-1",
    "1e999",
    "[]",
)


ASKED = ("q", "sort", "page", "days", "next")
ENTERED = ("name", "path", "email", "password", "sure", "next", "theme", "q", "public")


def test_whatever_is_entered_or_asked_for_is_answered_with_words(admin, runtime):
    """Every name gets every odd value on some page, and each page several of them."""
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Home", path="home"))
    wrong = {}
    for number, page in enumerate(PAGES):
        path = re.sub(r"{[^}]*}", "1", page.path)
        for turn in (number % len(ODD), (number + 5) % len(ODD)):
            for answer in _answers(admin, page, path, ODD[turn:] + ODD):
                words = answer.status_int == 303 or answer.content_type == "text/html"
                if answer.status_int >= 500 or not words:
                    wrong[page.name, answer.request.method, turn] = answer.status
    assert wrong == {}
    # Nothing of it has signed them out: all was looked at.
    admin.get("/")


def _answers(browser: Browser, page: Page, path: str, odd: Sequence[str]) -> Iterator[TestResponse]:
    if page.show is not None:
        yield browser.get(path, status="*", params=dict(zip(ASKED, odd, strict=False)))
    if page.submit is not None and page.name != "logout":
        yield browser.post(path, status="*", **dict(zip(ENTERED, odd, strict=False)))


@pytest.mark.parametrize("cookie", ["\xff\xfe", "x" * 5000, '"', "a b;c", "=", "%00"])
def test_a_cookie_that_is_none_of_ours_is_a_strangers(cookie, application):
    headers = {**HTML, "Cookie": f"packistry={cookie}; packistry-theme={cookie}"}
    answer = Browser(application).app.get("/", headers=headers, status=303)
    assert answer.headers["Location"] == "/login"
