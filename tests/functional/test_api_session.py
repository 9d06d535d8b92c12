"""Signing in by the API, and what a token there is and is not."""

import pytest
from pydantic import SecretStr

from packistry.inputs import NewUser
from packistry.inputs.sign_in import NewAuthenticationSource
from packistry.models import TokenKind
from packistry.web.cookies import CSRF, SESSION
from tests.functional.browser import PASSWORD
from tests.functional.caller import Caller, caller
from tests.functional.conftest import basic, bearer

pytestmark = pytest.mark.any_database


@pytest.fixture
def ada(runtime):
    with runtime.transaction() as services:
        new = NewUser(email="ada@x.org", name="Ada", password=SecretStr(PASSWORD))
        return services.users.add(new).id


def test_a_password_opens_a_session_and_signing_out_ends_it(ada, application):
    who = Caller(application)
    who.get("/me", status=401)
    # Clients of the PHP Packistry get a token first, and another one by signing in.
    who.app.get("/sanctum/csrf-cookie", status=204)
    who.headers["X-XSRF-TOKEN"] = who.app.cookies[CSRF]
    before = who.app.cookies[SESSION]
    user = who.post("/login", status=200, email="ada@x.org", password=PASSWORD)
    assert who.app.cookies[SESSION] != before
    assert (user["id"], user["role"], user["authentication_source"]) == (ada, "user", None)
    assert who.get("/me") == user
    # As the PHP Packistry's own pages do: the cookie's value comes back as a header.
    assert who.patch("/me", status=403, name="Eve")["message"]
    who.headers["X-XSRF-TOKEN"] = who.app.cookies[CSRF]
    assert who.patch("/me", name="Ada L.")["name"] == "Ada L."
    who.headers = {"X-CSRF-Token": who.app.cookies[CSRF]}
    first = who.app.cookies[SESSION]
    who.post("/login", status=200, email="ada@x.org", password=PASSWORD)
    # Whoever signs in again leaves no session behind.
    Caller(application, cookie=first).get("/me", status=401)
    who.headers = {"X-CSRF-Token": who.app.cookies[CSRF]}
    who.post("/logout", status=204)
    assert SESSION not in who.app.cookies
    who.get("/me", status=401)


def test_a_wrong_password_says_one_sentence_and_soon_has_to_wait(ada, application):
    who = Caller(application)
    told = [
        who.post("/login", status=422, email=email, password="wrong wrong wrong")
        for email in ("ada@x.org", "nobody@x.org")
    ]
    assert told[0] == told[1]
    assert list(told[0]["errors"]) == ["email"]
    body = {"email": "ada@x.org", "password": "wrong wrong wrong"}
    answers = (who.send("POST", "/login", body) for _ in range(30))
    waits = next(answer for answer in answers if answer.status_int == 429)
    assert int(waits.headers["Retry-After"]) > 0


def test_a_new_password_needs_the_present_one_and_ends_other_sessions(ada, runtime, application):
    here = caller(runtime, application, "ada@x.org")
    elsewhere = caller(runtime, application, "ada@x.org")
    new = {"password": "nine green bicycles", "password_confirmation": "nine green bicycles"}
    assert "current_password" in here.patch("/me", status=422, **new)["errors"]
    assert "password" in here.patch("/me", status=422, **{**new, "password": "short"})["errors"]
    here.patch("/me", current_password=PASSWORD, **new)
    here.get("/me")
    elsewhere.get("/me", status=401)
    again = caller(runtime, application, "ada@x.org")
    assert sorted(each["current"] for each in here.get("/me/sessions")) == [False, True]
    here.delete("/me/sessions", status=204)
    assert [each["current"] for each in here.get("/me/sessions")] == [True]
    again.get("/me", status=401)


def test_one_browser_is_signed_out_by_itself(runtime, application):
    here, there, other = (caller(runtime, application, "ada@x.org") for _ in range(3))
    number = next(each["id"] for each in there.get("/me/sessions") if each["current"])
    here.delete(f"/me/sessions/{number}", status=204)
    there.get("/me", status=401)
    other.get("/me")
    eve = caller(runtime, application, "eve@x.org")
    number = next(each["id"] for each in other.get("/me/sessions") if each["current"])
    eve.delete(f"/me/sessions/{number}", status=404)
    other.get("/me")


def test_a_token_has_the_rights_that_its_user_has_now(runtime, application):
    who = caller(runtime, application, "ada@x.org", admin=True, by="api")
    assert "unscoped" in who.get("/me")["permissions"]
    with runtime.transaction() as services:
        services.users.add(NewUser(email="eve@x.org", name="Eve", role="admin"))
        user = services.users.get("ada@x.org")
        user.role = "user"
    assert "unscoped" not in who.get("/me")["permissions"]
    who.post("/repositories", status=403, name="X")
    application.parts.tally.flush()
    with runtime.transaction() as services:
        assert services.tokens.find("api").last_used_at is not None
        services.users.get("ada@x.org").active = False
    who.get("/me", status=401)


def test_a_token_of_one_kind_opens_nothing_of_the_other(ada, runtime, application, stock):
    stock.repository("team")
    stock.version("acme/lib", "1.0.0", "team")
    with runtime.transaction() as services:
        user = services.users.get("ada@x.org")
        user.role = "admin"
        _, api = services.tokens.add(
            TokenKind.PERSONAL, "bot", user=user, can_read=False, can_call_api=True
        )
        _, composer = services.tokens.add(TokenKind.PERSONAL, "laptop", user=user, can_write=True)
    who = Caller(application, token=api)
    who.get("/me")
    found = {
        path: [
            who.app.get(f"/r/team{path}", headers=headers, expect_errors=True).status_int
            for headers in (bearer(api), basic("token", api), bearer(composer))
        ]
        for path in ("/packages.json", "/p2/acme/lib.json", "/acme/lib/1.0.0")
    }
    assert found == {path: [404, 404, 200] for path in found}
    for headers in (bearer(composer), basic("x", composer), bearer("nonsense")):
        answer = who.app.get("/api/me", headers=headers, expect_errors=True)
        assert (answer.status_int, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    # A token beside a session is what counts.
    signed = caller(runtime, application, "ada@x.org")
    assert signed.send("GET", "/me", **bearer(composer)).status_int == 401


def test_what_is_no_json_is_refused_with_a_word(runtime, application):
    who = caller(runtime, application, "ada@x.org", admin=True, by="api")

    def status(body: bytes, type_: str = "application/json") -> int:
        headers = {**who.headers, "Content-Type": type_}
        answer = who.app.post("/api/repositories", body, headers=headers, status="*")
        return int(answer.status_int)

    found = [
        status(body)
        for body in (
            b"{",
            b"\xff",
            b'{"name": NaN}',
            b"[" * 100_000,
            '{"name": "x"}'.encode("utf-16"),
        )
    ]
    assert found == [400] * len(found)
    found = [
        status(body)
        for body in (b"[]", b"7", rb'{"name": "a\u0000"}', rb'{"name": "\ud800"}', b'{"name": 7}')
    ]
    assert found == [422] * len(found)
    told = who.post("/login", status=422, email="a\0b", password=PASSWORD)
    assert "not text" in told["message"]
    assert status(b"name=x", "application/x-www-form-urlencoded") == 415
    assert status(b'{"name": "' + b"x" * 1024 * 1024 + b'"}') == 413


def test_the_other_places_to_sign_in_at_are_told_to_everybody(runtime, application):
    with runtime.transaction() as services:
        config = {"client_id": "packistry", "client_secret": "s" * 20}
        for name, active in (("GitLab", True), ("Old", False)):
            services.authentication_sources.add(
                NewAuthenticationSource(name=name, provider="gitlab", config=config, active=active)
            )
    (place,) = Caller(application).get("/auths")
    assert place["name"] == "GitLab"
    assert place["redirect_url"] == f"http://packages.test/auths/{place['id']}/redirect"
    icon = Caller(application).app.get(place["icon_url"].removeprefix("http://packages.test"))
    assert icon.content_type == "image/svg+xml"
