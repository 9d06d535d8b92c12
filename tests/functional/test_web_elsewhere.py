"""Signing in at an authentication source with a browser, and being told why not."""

from typing import Any

import pytest

from packistry.models import IdentityLink, User
from packistry.services.elsewhere import NOT_BEGUN
from packistry.services.identities import CLOSED
from tests.functional.browser import Browser, person
from tests.functional.issuing import ISSUER, Issuing


@pytest.fixture
def place(runtime: Any) -> Issuing:
    return Issuing(runtime)


@pytest.fixture
def browser(application: Any) -> Browser:
    return Browser(application)


def test_a_button_of_the_sign_in_page_leads_there_and_back_to_what_was_wanted(
    place, browser, application
):
    wanted = browser.get("/admin/repositories?q=x", status=303)
    page = browser.get(wanted.headers["Location"])
    button = page.html.find("ul", class_="ways").find("a")
    assert button.text == "Sign in with SSO"
    away = place.leave(browser, button["href"])
    assert away.startswith(f"{ISSUER}/authorize?")
    assert browser.get(place.answer(away), status=303).headers["Location"] == (
        "/admin/repositories?q=x"
    )
    assert "Alice" in browser.get("/").text
    # The second time, below the address that older installations registered, they are the same.
    second = Browser(application)
    away = place.leave(second, f"/api/auths/{place.id}/redirect?next=//evil.example")
    assert "%2Fapi%2Fauths%2F" in away
    # It leads nowhere else.
    assert second.get("/api" + place.answer(away), status=303).headers["Location"] == "/"
    with place.runtime.reading() as services:
        assert services.session.query(User).count() == 1


def test_a_callback_that_was_replayed_forged_or_stolen_lets_nobody_in(place, browser, application):
    victim, other = Browser(application), place.add("Other", registration=True)
    answer = place.answer(place.leave(victim))
    forged = f"/auths/{place.id}/callback?code=x&state=y"
    place.leave(browser)
    elsewhere = answer.replace(f"/auths/{place.id}/", f"/auths/{other}/")
    for who, path in (
        # With what another browser began, whether or not it began something itself.
        (browser, answer),
        (Browser(application), answer),
        # Begun at another source.
        (victim, elsewhere),
        (Browser(application), forged),
    ):
        page = who.get(path, status=403)
        assert page.html.find("div", class_="problem") is not None
        assert who.get("/", status=303).headers["Location"] == "/login"
    # Their own browser is let in once.
    victim.get(answer, status=303)
    victim.post("/logout")
    assert NOT_BEGUN in victim.get(answer, status=403).text
    assert place.refusals().count(NOT_BEGUN) == 4


def test_who_is_not_let_in_is_told_why_where_they_can_try_another_way(place, browser):
    place.edit(registration=False)
    page = place.sign_in(browser, status=403)
    words = CLOSED.format(source="SSO")
    assert words in page.text
    assert page.html.find("input", id="f-password") is not None
    assert place.refusals() == [words]
    away = place.leave(browser)
    state = place.issuer.authorize(away)["state"]
    denied = f"/auths/{place.id}/callback?error=access_denied&state={state}"
    assert "You did not agree at" in browser.get(denied, status=403).text
    place.edit(active=False)
    assert "SSO" not in browser.get("/login").html.find("main").text
    assert "another way" in browser.get(f"/auths/{place.id}/redirect", status=403).text
    browser.get("/auths/999/redirect", status=404)


def test_a_source_that_is_set_up_wrongly_is_explained_in_the_audit_log(place, browser):
    place.issuer.metadata["issuer"] = "https://id.example/realms/other"
    page = browser.get(f"/auths/{place.id}/redirect", status=403)
    assert "SSO cannot sign anybody in at the moment" in page.text
    assert "https://id.example/realms/other" in place.refusals()[-1]
    place.issuer.metadata["issuer"] = ISSUER
    place.edit(config={"client_secret": "not-the-secret"})
    assert "SSO cannot sign anybody in" in place.sign_in(browser, status=403).text
    assert "client secret" in place.refusals()[-1]
    assert "not-the-secret" not in place.refusals()[-1]


def test_signing_out_signs_out_there_where_the_source_says_so(place, browser):
    place.edit(single_sign_out=True)
    place.sign_in(browser)
    page = browser.post("/logout", status=200)
    assert page.headers["Refresh"].startswith(f"0; url={ISSUER}/logout?")
    assert "post_logout_redirect_uri=http%3A%2F%2Fpackages.test%2Flogin" in page.headers["Refresh"]
    assert browser.get("/", status=303).headers["Location"] == "/login"


def test_whoever_begins_without_end_has_to_wait(place, browser, application, monkeypatch):
    monkeypatch.setattr("packistry.services.throttle.PACE", 4)
    place.sign_in(browser)
    for path in ("redirect", "callback?code=x&state=y"):
        browser.get(f"/auths/{place.id}/{path}", status="*")
    noted = len(place.refusals())
    for path in ("redirect", "callback?code=x&state=y"):
        late = browser.get(f"/auths/{place.id}/{path}", status=429)
        assert 0 < int(late.headers["Retry-After"]) <= 60
    # What is refused so is not written down each time.
    assert len(place.refusals()) == noted
    # People elsewhere are let in.
    elsewhere = Browser(application)
    elsewhere.app.extra_environ["REMOTE_ADDR"] = "198.51.100.4"
    place.sign_in(elsewhere)


def test_the_icon_of_a_button_runs_nothing(place, browser):
    place.edit(icon='<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')
    answer = browser.get(f"/auths/{place.id}/icon")
    assert answer.content_type == "image/svg+xml"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert browser.get("/login").html.find("img")["src"] == f"/auths/{place.id}/icon"


def test_a_disabled_user_does_not_come_back_by_a_source(place, browser, application):
    place.sign_in(browser)
    with place.runtime.transaction() as services:
        user = services.session.query(IdentityLink).one().user
        user.active = False
    assert "disabled" in place.sign_in(Browser(application), status=403).text


def test_whoever_is_signed_in_stays_so_when_a_callback_is_refused(place, application, runtime):
    jo = person(runtime, application, "jo@x.org")
    assert "not begun" in jo.get(f"/auths/{place.id}/callback?code=x&state=y", status=403).text
    jo.get("/")
