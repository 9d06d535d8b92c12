"""Signing in and out by password, and the session that comes of it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from packistry.inputs import NewUser, UserChange
from packistry.models import AuditEvent, BrowserSession
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services import passwords
from packistry.services.sign_in import REFUSED
from packistry.web.cookies import SESSION
from tests.functional.browser import PASSWORD, Browser, person


@pytest.fixture
def ada(runtime: Runtime) -> str:
    with runtime.transaction() as services:
        services.users.add(NewUser(email="ada@x.org", name="Ada", password=PASSWORD))
    return "ada@x.org"


@pytest.fixture
def browser(application: Any) -> Browser:
    return Browser(application)


def sign_in(browser: Browser, email: str, password: str, status: Any = 303, path: str = "/login"):
    return browser.submit(browser.get(path), email=email, password=password, status=status)


def cookie(browser: Browser) -> str:
    value: str = browser.app.cookies[SESSION]
    return value.strip('"')


def test_the_right_password_leads_to_the_page_that_was_wanted(browser, ada):
    wanted = browser.get("/admin/repositories?q=x", status=303)
    page = browser.get(wanted.headers["Location"])
    done = browser.submit(page, email=ada, password=PASSWORD)
    assert done.headers["Location"] == "/admin/repositories?q=x"


def test_the_cookie_before_signing_in_is_not_the_cookie_after(browser, ada):
    browser.get("/login")
    before = cookie(browser)
    sign_in(browser, ada, PASSWORD)
    assert cookie(browser) != before


def test_a_wrong_password_an_unknown_address_and_a_disabled_person_are_refused_alike(
    browser, ada, runtime
):
    with runtime.transaction() as services:
        off = services.users.add(NewUser(email="off@x.org", name="Off", password=PASSWORD))
        services.users.edit(off, UserChange(active=False))
    pages = {
        re.sub(r'value="[^"]*"', "", sign_in(browser, email, password, status=422).text)
        for email, password in (
            (ada, "wrong " * 3),
            ("no@x.org", PASSWORD),
            ("off@x.org", PASSWORD),
        )
    }
    assert len(pages) == 1
    assert REFUSED in pages.pop()


def test_what_was_typed_stays_in_the_form_but_not_the_password(browser, ada):
    page = sign_in(browser, ada, "not my password", status=422)
    assert ada in page.text
    assert "not my password" not in page.text


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(browser, ada, monkeypatch):
    monkeypatch.setattr(passwords, "verify", lambda _stored, secret: secret == PASSWORD)
    for _ in range(5):
        sign_in(browser, ada, "wrong " * 3, status=422)
    late = sign_in(browser, ada, PASSWORD, status=429)
    assert int(late.headers["Retry-After"]) >= 1
    assert "Too many sign-ins have failed" in late.text


def test_signing_out_ends_the_session_also_for_a_copy_of_the_cookie(runtime, application):
    jo = person(runtime, application, "jo@x.org")
    copy = Browser(application, cookie(jo))
    jo.post("/logout")
    assert copy.get("/", status=303).headers["Location"] == "/login"


@pytest.mark.parametrize(
    "happens",
    [
        lambda services, user: services.users.edit(user, UserChange(active=False)),
        lambda services, user: services.users.edit(user, UserChange(role="admin")),
        lambda services, user: services.users.reset_password(
            user, NewUser(email="x@x.org", name="x", password="another long secret").password
        ),
        lambda services, user: services.users.remove(user),
    ],
    ids=["disabled", "another role", "another password", "removed"],
)
def test_a_session_ends_when_its_owner_is(happens, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        happens(services, services.users.get("jo@x.org"))
    jo.get("/", status=303)


@pytest.mark.parametrize("column", ["seen_at", "expires_at"])
def test_a_session_ends_by_itself(column, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        row = services.session.scalars(select(BrowserSession)).one()
        setattr(row, column, now() - timedelta(hours=8, seconds=1))
    jo.get("/", status=303)


def test_only_a_hash_of_the_cookie_is_stored(runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.reading() as services:
        row = services.session.scalars(select(BrowserSession)).one()
        stored = {str(getattr(row, column.key)) for column in BrowserSession.__table__.columns}
    assert cookie(jo) not in stored
    assert len(cookie(jo)) >= 43


@pytest.mark.parametrize(
    "next_",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "https:/evil.example",
        "http:evil.example",
        "/\t/evil.example",
        "/%0d%0aSet-Cookie:x=y\r\n",
        "javascript:alert(1)",
        "evil.example",
        " /admin",
        "/" + "a" * 3000,
    ],
)
def test_a_redirect_stays_here(next_, browser, ada):
    page = browser.get("/login")
    page.form["next"].force_value(next_)
    assert browser.submit(page, email=ada, password=PASSWORD).headers["Location"] == "/"


def test_signing_in_and_failing_to_are_in_the_audit_log(browser, ada, runtime):
    sign_in(browser, ada, "wrong " * 3, status=422)
    sign_in(browser, ada, PASSWORD)
    with runtime.reading() as services:
        rows = services.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        noted = [(row.action, row.target, row.address) for row in rows]
    assert noted == [
        ("sign-in.refused", "ada@x.org", "192.0.2.7"),
        ("sign-in.succeeded", "ada@x.org", "192.0.2.7"),
    ]
