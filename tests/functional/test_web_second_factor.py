"""A second factor beside the password: set up, asked for, recovered, demanded, never replayed."""

import re
import time
from typing import Any

import pytest
from pydantic import SecretStr

from packistry.inputs import NewPassword, NewUser
from packistry.models import AuditEvent, BrowserSession, SecondFactor
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.sessions import FRESH
from tests import telephone
from tests.functional.browser import PASSWORD, Browser, person
from tests.functional.caller import caller

pytestmark = pytest.mark.any_database

PAGE = "/admin/profile/second-factor"


class Clock:
    """A telephone with the app, and the time that the server believes it is."""

    def __init__(self) -> None:
        self.now = time.time()

    def code(self, key: str, steps: int = 0) -> str:
        return telephone.code(key, self.now + steps * 30)

    def time(self) -> float:
        """The same, as the module of this name tells it."""
        return self.now

    def later(self) -> None:
        self.now += 60


@pytest.fixture
def clock(monkeypatch: Any) -> Clock:
    clock = Clock()
    monkeypatch.setattr("packistry.services.second_factors.time", clock)
    return clock


@pytest.fixture
def ada(runtime: Runtime) -> int:
    with runtime.transaction() as services:
        new = NewUser(email="ada@x.org", name="Ada", password=SecretStr(PASSWORD))
        return services.users.add(new).id


def give_password(browser: Browser, status: int = 303) -> Any:
    page = browser.get("/login?next=/admin/repositories")
    return browser.submit(page, email="ada@x.org", password=PASSWORD, status=status)


def demand(runtime: Runtime) -> None:
    """From now on everybody's role demands a second factor."""
    runtime.settings = runtime.settings.model_copy(update={"second_factor_roles": ("user",)})
    vars(runtime).pop("context", None)


def wait_for_proof(runtime: Runtime) -> None:
    """It is long ago that somebody proved who they are."""
    with runtime.transaction() as services:
        for row in services.session.query(BrowserSession):
            row.verified_at = now() - 2 * FRESH


def key_of(page: Any) -> str:
    return str(page.html.find("main").find("code").text)


def set_up(browser: Browser, clock: Clock) -> tuple[str, list[str]]:
    """The key of the app, and the recovery codes."""
    give_password(browser)
    browser.get(PAGE)
    page = browser.post(PAGE, do="begin").follow(headers={"Accept": "text/html"})
    assert page.html.find("img", class_="qr")["src"].startswith("data:image/svg+xml")
    key = key_of(page)
    assert "not right" in browser.post(PAGE, do="confirm", code="000", status=422).text
    done = browser.post(PAGE, do="confirm", code=clock.code(key), status=200)
    codes = re.findall(r"<li>([a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4})</li>", done.text)
    assert len(codes) == 10
    return key, codes


def test_a_code_is_asked_for_and_taken_once(ada, runtime, application, clock):
    mine, before = Browser(application), person(runtime, application, "ada@x.org")
    key, _ = set_up(mine, clock)
    # Whoever was signed in with the password alone is not any more.
    before.get("/", status=303)
    thief, clock.now = Browser(application), clock.now + 90
    question = give_password(thief).follow(headers={"Accept": "text/html"})
    # The password alone opens nothing.
    assert thief.get("/", status=303).headers["Location"] == "/login"
    assert "not right" in thief.submit(question, code="123", status=422).text
    code = clock.code(key)
    again = Browser(application)
    question = give_password(again).follow(headers={"Accept": "text/html"})
    assert again.submit(question, code=code).headers["Location"] == "/admin/repositories"
    assert "Ada" in again.get("/").text
    # Somebody who looked over a shoulder comes too late, also with the step before.
    for old in (code, clock.code(key, -1)):
        assert "used before" in thief.post("/login/code", code=old, status=422).text
    with runtime.reading() as services:
        noted = [event.action for event in services.session.query(AuditEvent)]
        assert "user.second-factor-on" in noted
        assert noted.count("sign-in.refused") == 3
        assert key.replace(" ", "") not in services.session.query(SecondFactor).one().secret


def test_a_recovery_code_does_once(ada, application, clock):
    _, codes = set_up(Browser(application), clock)
    lost = Browser(application)
    give_password(lost)
    lost.post("/login/code", code=codes[0].upper().replace("-", " "))
    lost.get("/")
    assert "9 recovery codes left" in lost.get(PAGE).text
    second = Browser(application)
    give_password(second)
    second.post("/login/code", code=codes[0], status=422)
    # New ones void those before.
    lost.post(PAGE, do="recover", status=200)
    second.post("/login/code", code=codes[1], status=422)
    assert "password alone" in lost.post(PAGE, do="remove").follow().text
    give_password(Browser(application)).follow(headers={"Accept": "text/html"})


def test_guesses_have_to_wait(ada, application, clock, monkeypatch):
    key, _ = set_up(Browser(application), clock)
    present = now()
    monkeypatch.setattr("packistry.services.throttle.now", lambda: present)
    thief = Browser(application)
    give_password(thief)
    clock.later()
    for guess in range(5):
        thief.post("/login/code", code=str(guess), status=422)
    late = thief.post("/login/code", code=clock.code(key), status=429)
    assert int(late.headers["Retry-After"]) >= 1


def test_proving_again_who_one_is_takes_the_code_too(ada, runtime, application, clock):
    browser = Browser(application)
    key, codes = set_up(browser, clock)
    clock.later()
    wait_for_proof(runtime)
    question = browser.post(PAGE, do="remove").follow(headers={"Accept": "text/html"})
    for code in ("", "123", clock.code(key, -9)):
        page = browser.submit(question, password=PASSWORD, code=code, status=422)
        assert page.html.find(id="w-code") is not None
    assert browser.submit(question, password="not it", code=clock.code(key), status=422)
    assert browser.post(PAGE, do="remove").headers["Location"].startswith("/admin/prove")
    asked = question.request.path_qs
    assert browser.post(asked, password=PASSWORD, code=codes[0]).headers["Location"] == PAGE
    assert "9 recovery codes left" in browser.get(PAGE).text


def test_a_session_that_is_older_than_the_demand_leads_to_setting_one_up(
    ada, runtime, application, clock
):
    browser = Browser(application)
    give_password(browser)
    browser.get("/admin/repositories")
    demand(runtime)
    wait_for_proof(runtime)
    assert browser.get("/admin/repositories", status=303).headers["Location"] == PAGE
    assert "before anything else" in browser.get(PAGE).text
    browser.post("/admin/profile/name", name="Eve", status=303)
    refused = browser.app.get("/api/me", status=403)
    assert "second factor" in refused.json["message"]
    # Who they are is proved first.
    asked = browser.post(PAGE, do="begin").headers["Location"]
    assert browser.post(asked, password=PASSWORD).headers["Location"] == PAGE
    page = browser.post(PAGE, do="begin").follow(headers={"Accept": "text/html"})
    browser.post(PAGE, do="confirm", code=clock.code(key_of(page)), status=200)
    assert "Ada" in browser.get("/admin/repositories").text
    with runtime.transaction() as services:
        user = services.users.at(ada)
        services.second_factors.remove(user)
        cookie = services.sessions.begin(user, address="", agent="", memo={"source": 1})
    # A place that they signed in at asks for what it wants.
    Browser(application, cookie).get("/admin/repositories")


def test_whoever_lost_it_is_helped_by_an_administrator(ada, runtime, application, clock):
    browser = Browser(application)
    set_up(browser, clock)
    root = caller(runtime, application, "root@x.org", admin=True)
    assert root.get(f"/users/{ada}")["second_factor"]
    root.delete(f"/users/{ada}/second-factor", status=204)
    browser.get("/", status=303)
    assert give_password(browser).headers["Location"] == "/admin/repositories"
    with runtime.reading() as services:
        row = services.session.query(AuditEvent).filter_by(action="user.second-factor-off").one()
        assert (row.actor, row.target) == ("root@x.org", "ada@x.org")


def test_whose_role_demands_one_sets_it_up_before_anything_else(ada, runtime, application, clock):
    demand(runtime)
    browser = Browser(application)
    page = give_password(browser).follow(headers={"Accept": "text/html"})
    browser.get("/", status=303)
    assert "People with your role need one" in page.text
    shown = browser.submit(page, code=clock.code(key_of(page)), status=200)
    assert shown.html.find("a", class_="primary")["href"] == "/admin/repositories"
    browser.get("/admin/repositories")
    assert "needs a second factor" in browser.post(PAGE, do="remove", status=409).text
    answer = browser.app.post_json(
        "/api/login", {"email": "ada@x.org", "password": PASSWORD}, status="*"
    )
    assert answer.status_int in (403, 422)


def test_what_one_password_began_another_voids(ada, runtime, application, clock):
    key, _ = set_up(Browser(application), clock)
    thief = Browser(application)
    give_password(thief)
    with runtime.transaction() as services:
        user = services.users.at(ada)
        services.users.reset_password(user, NewPassword(password="twelve green bottles").password)
    clock.later()
    assert thief.post("/login/code", code=clock.code(key)).headers["Location"] == "/login"
    thief.get("/", status=303)
