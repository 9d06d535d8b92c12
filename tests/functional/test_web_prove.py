"""Proving again who one is, before something that decides who gets in."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from packistry.inputs import NewUser
from packistry.models import AuditEvent, BrowserSession, Role
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.web import admin as pages
from packistry.web.admin import repositories
from packistry.web.application import framework
from packistry.web.pages import Page
from tests.functional.browser import PASSWORD, Browser, person

pytestmark = pytest.mark.any_database

PATH = "/admin/repositories/add"


@pytest.fixture
def grave(monkeypatch: Any) -> Iterator[None]:
    """Adding a repository asks for a proof, here."""
    asking = tuple(replace(page, proof=page.path == PATH) for page in repositories.PAGES)
    monkeypatch.setattr("packistry.web.routes.PAGES", _instead(asking))
    framework.cache_clear()
    yield
    framework.cache_clear()


def _instead(asking: tuple[Page, ...]) -> tuple[Page, ...]:
    names = {page.name: page for page in asking}
    return tuple(names.get(page.name, page) for page in pages.PAGES)


@pytest.fixture
def ada(grave: None, runtime: Runtime, application: Any) -> Browser:
    """An administrator who signed in an hour ago."""
    with runtime.transaction() as services:
        new = NewUser(email="ada@x.org", name="Ada", role=Role.ADMIN, password=PASSWORD)
        services.users.add(new)
    browser = person(runtime, application, "ada@x.org")
    with runtime.transaction() as services:
        services.session.query(BrowserSession).one().verified_at = now() - timedelta(hours=1)
    return browser


def test_a_password_leads_back_to_the_page_that_asked_for_it(ada, runtime):
    question = ada.get(PATH, status=303).follow()
    again = ada.submit(question, password="not this one", status=422)
    assert "This is not your password" in again.text
    assert ada.submit(question, password=PASSWORD).headers["Location"] == PATH
    assert "Add repository" in ada.get(PATH).text
    with runtime.reading() as services:
        actions = [event.action for event in services.session.query(AuditEvent)]
    assert actions == ["sign-in.refused", "sign-in.proved"]


def test_a_form_left_open_too_long_changes_nothing(ada, runtime):
    ada.get("/")
    question = ada.post(PATH, name="Late", path="late").follow()
    assert "Nothing has been changed yet" in question.text
    with runtime.reading() as services:
        assert services.repositories.all() == []


def test_whoever_has_no_password_signs_in_once_more_and_comes_back(ada, runtime):
    with runtime.transaction() as services:
        services.users.get("ada@x.org").password_hash = ""
    question = ada.get(PATH, status=303).follow()
    login = ada.post(question.request.path_qs, again="yes").follow(headers={"Accept": "text/html"})
    assert login.html.find("input", {"name": "next"})["value"] == PATH
    ada.get("/", status=303)
