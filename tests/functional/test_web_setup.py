"""The first administrator, by the link that the server printed."""

from datetime import timedelta
from typing import Any

import pytest

from packistry.errors import Conflict
from packistry.inputs import NewUser
from packistry.models import Role
from packistry.models.base import now
from packistry.services import setup
from tests.functional.browser import PASSWORD, Browser

WHO = {"name": "Ada", "email": "ada@x.org", "password": PASSWORD}


@pytest.fixture
def link(runtime: Any) -> str:
    with runtime.transaction() as services:
        made: str = services.setup.new_link("")
    return made


@pytest.fixture
def browser(application: Any) -> Browser:
    return Browser(application)


def test_the_link_makes_an_administrator_who_is_signed_in(browser, link, runtime):
    browser.submit(browser.get(link), **WHO)
    assert "Ada" in browser.get("/").text
    with runtime.reading() as services:
        assert services.users.get("ada@x.org").role is Role.ADMIN
        assert [each.path for each in services.repositories.all()] == [""]


def test_the_link_works_once(browser, application, link):
    page = browser.get(link)
    other = Browser(application)
    theirs = other.get(link)
    browser.submit(page, **WHO)
    other.submit(theirs, name="Eve", email="eve@x.org", password=PASSWORD, status=404)
    other.get(link, status=404)


def test_a_newer_link_voids_the_older(browser, link, runtime):
    with runtime.transaction() as services:
        newer = services.setup.new_link("")
    browser.get(link, status=404)
    browser.get(newer)


def test_the_link_works_for_an_hour(browser, link, monkeypatch):
    monkeypatch.setattr(setup, "now", lambda: now() + timedelta(hours=1, seconds=1))
    browser.get(link, status=404)


def test_there_is_no_link_once_there_is_an_administrator(browser, link, runtime):
    with runtime.transaction() as services:
        services.users.add(NewUser(email="root@x.org", name="Root", role=Role.ADMIN))
        with pytest.raises(Conflict, match="administrator already"):
            services.setup.new_link("")
    browser.get(link, status=404)


def test_a_guess_is_no_link(browser, link):
    browser.get("/setup/" + "A" * 43, status=404)


def test_every_fault_is_named_beside_its_field_and_the_password_is_not_shown(browser, link):
    page = browser.submit(
        browser.get(link), name="", email="nobody", password="too short", status=422
    )
    for field in ("name", "email", "password"):
        assert page.html.find(id=f"w-{field}"), field
    assert "too short" not in page.text


def test_the_sign_in_page_says_where_the_link_is(browser):
    assert "packistry setup-link" in browser.get("/login").text
