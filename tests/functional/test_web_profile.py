"""One's own page."""

from typing import Any

import pytest

from packistry.inputs import NewUser
from packistry.models import AuditEvent
from packistry.runtime import Runtime
from packistry.services import passwords
from tests.functional.browser import PASSWORD, Browser, person

OTHER = "nine green umbrellas"
HOSTILE = "\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def ada(runtime: Runtime, application: Any) -> Browser:
    with runtime.transaction() as services:
        services.users.add(NewUser(email="ada@x.org", name="Ada", password=PASSWORD))
    return person(runtime, application, "ada@x.org")


def test_the_password_is_changed_with_the_present_one_and_ends_other_sessions(
    ada, runtime, application
):
    elsewhere = person(runtime, application, "ada@x.org")
    page = ada.get("/admin/profile/password")
    again = ada.submit(page, current="wrong", password=OTHER, status=422)
    assert "not your present password" in again.html.find(id="w-current").get_text()
    again = ada.submit(page, current=PASSWORD, password="short", status=422)
    assert "at least 12" in again.html.find(id="w-password").get_text()
    assert PASSWORD not in again.text
    ada.submit(page, current=PASSWORD, password=OTHER)
    ada.get("/admin/profile")
    elsewhere.get("/admin/profile", status=303)
    with runtime.reading() as services:
        assert passwords.verify(services.users.get("ada@x.org").password_hash, OTHER)
        told = [(each.action, each.after) for each in services.session.query(AuditEvent)]
    assert told[-1] == ("user.changed", {"password_hash": "(changed)"})


def test_the_name_is_changed(ada):
    page = ada.submit(ada.get("/admin/profile/name"), name=HOSTILE).follow()
    assert "<img" not in page.text
    assert page.html.find("h1").get_text() == HOSTILE


def test_browsers_are_listed_and_signed_out(ada, runtime, application):
    one, two = (person(runtime, application, "ada@x.org") for _ in range(2))
    buttons = ada.get("/admin/profile").html.select("button[name=session]")
    assert [button["value"] for button in buttons][-1] == "others"
    assert len(buttons) == 3
    ada.post("/admin/profile/sessions", session=buttons[0]["value"])
    assert sorted(each.get("/", status="*").status_int for each in (one, two)) == [200, 303]
    ada.post("/admin/profile/sessions", session="others")
    for each in (one, two):
        each.get("/", status=303)
    ada.get("/")


def test_nobody_signs_out_somebody_else(ada, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.reading() as services:
        session = services.sessions.of(services.users.get("jo@x.org"))[0].id
    ada.post("/admin/profile/sessions", session=str(session), status=404)
    ada.post("/admin/profile/sessions", session="x", status=422)
    jo.get("/")


def test_own_tokens_are_there_and_nobody_elses(ada, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    ada.submit(ada.get("/admin/tokens/add"), status=200, name="laptop")
    assert "laptop" in ada.get("/admin/profile").text
    assert "laptop" not in jo.get("/admin/profile").text
