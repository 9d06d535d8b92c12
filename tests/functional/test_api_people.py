"""Users and tokens by the API."""

from datetime import timedelta

import pytest
from pydantic import SecretStr

from packistry.inputs import NewRepository, NewUser
from packistry.models import BrowserSession, Package, SecondFactor
from packistry.models.base import now
from packistry.services.grants import Rights
from tests.functional.browser import HTML, PASSWORD
from tests.functional.caller import Caller, caller
from tests.functional.conftest import bearer


@pytest.fixture
def ids(runtime):
    """A repository "home" with a package, and one "away"."""
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home"))
        away = services.repositories.add(NewRepository(name="Away", path="away"))
        package = Package(repository=home, name="acme/lib")
        services.session.add(package)
        services.session.flush()
        return {"home": home.id, "away": away.id, "package": package.id}


@pytest.fixture
def admin(runtime, application):
    return caller(runtime, application, "ada@x.org", admin=True, by="api")


def test_a_user_is_let_in_granted_changed_and_removed(admin, ids):
    new = {"name": "Jo", "email": "JO@x.org", "role": "user", "password": "seven red umbrellas"}
    jo = admin.post("/users", **new, repositories=[ids["home"]], packages=[ids["package"]])
    assert (jo["email"], jo["authentication_source"]) == ("jo@x.org", None)
    assert jo["repositories"] == [{"id": ids["home"], "name": "Home", "path": "home"}]
    assert jo["packages"] == [
        {"id": ids["package"], "name": "acme/lib", "repository_id": ids["home"]}
    ]
    path = f"/users/{jo['id']}"
    more = {"repository_id": ids["home"], "write": True, "manage": True}
    maintainer = admin.patch(path, grants=[more])
    assert maintainer["packages"] == []
    assert "package_create" in maintainer["permissions"]
    # A list of ids takes away what it does not name, and leaves what it does as it was.
    both = admin.put(path, repositories=[ids["home"], ids["away"]])
    assert [(each["repository_id"], each["manage"]) for each in both["grants"]] == [
        (ids["home"], True),
        (ids["away"], False),
    ]
    assert admin.patch(path, repositories=[])["grants"] == []
    link = admin.post(f"{path}/link")
    page = admin.app.get(link["url"].removeprefix("http://packages.test"), headers=HTML)
    assert "jo@x.org" in page.text
    assert "email" in admin.post("/users", status=422, **new)["errors"]
    wrong = admin.post("/users", status=422, name="X", email="x", password="short")
    assert set(wrong["errors"]) == {"email", "password"}
    admin.post("/users", status=422, name="X", email="x@x.org", repositories=[987])
    assert [each["email"] for each in admin.get("/users?filter[search]=JO@&sort=-email")["data"]]
    admin.delete(path)
    admin.get(path, status=404)


def test_users_are_listed_by_how_they_stand_to_a_second_factor(admin, runtime):
    with runtime.transaction() as services:
        for name in ("jo", "mo"):
            new = NewUser(name=name, email=f"{name}@x.org", password=SecretStr(PASSWORD))
            user = services.users.add(new)
        factor = SecondFactor(user_id=user.id, secret="", confirmed_at=now())
        services.session.add(factor)
    told = {
        state: [
            (each["name"], each["second_factor"], each["second_factor_state"])
            for each in admin.get(f"/users?filter[second_factor]={state}")["data"]
        ]
        for state in ("on", "off", "missing")
    }
    assert told == {"on": [("mo", True, "on")], "off": [("jo", False, "off")], "missing": []}
    admin.get("/users?filter[second_factor]=perhaps", status=422)


def test_administrators_cannot_shut_themselves_out(admin, runtime, application):
    me = admin.get("/me")["id"]
    admin.delete(f"/users/{me}", status=403)
    admin.patch(f"/users/{me}", status=403, active=False)
    admin.patch(f"/users/{me}", status=409, role="user")


def test_a_session_that_is_not_fresh_does_not_decide_who_gets_in(runtime, application):
    who = caller(runtime, application, "ada@x.org", admin=True)
    with runtime.transaction() as services:
        (row,) = services.session.query(BrowserSession)
        row.verified_at = now() - timedelta(minutes=16)
    assert "sign in" in who.post("/users", status=403, name="X", email="x@x.org")["message"]
    who.get("/users")


def test_ones_own_token_opens_what_it_says_until_it_is_revoked(admin, stock, application):
    stock.repository("team")
    stock.version("acme/lib", "1.0.0", "team")
    made = admin.post("/personal-tokens", name="laptop", abilities=["repository:read"])
    token, text = made["token"], made["plain_text"]
    assert (token["abilities"], token["expires_at"]) == (["repository:read"], None)

    def reads(text: str) -> bool:
        path = "/r/team/p2/acme/lib.json"
        answer = admin.app.get(path, headers=bearer(text), expect_errors=True)
        return bool(answer.status_int == 200)

    assert reads(text)
    Caller(application, token=text).get("/me", status=401)
    path = f"/personal-tokens/{token['id']}"
    assert admin.patch(path, name="desk")["name"] == "desk"
    rotated = admin.post(f"{path}/rotate")
    assert rotated["token"]["id"] != token["id"]
    assert reads(rotated["plain_text"])
    assert not reads(text)
    admin.delete(f"/personal-tokens/{rotated['token']['id']}")
    assert not reads(rotated["plain_text"])
    assert [each["name"] for each in admin.get("/personal-tokens")["data"]] == ["api"]
    bot = admin.post("/personal-tokens", name="bot", abilities=["api"], expires_at="90d")
    assert Caller(application, token=bot["plain_text"]).get("/me")["email"] == "ada@x.org"
    wrong = {"name": "x", "abilities": ["all"], "expires_at": "2020-01-01"}
    assert "abilities.0" in admin.post("/personal-tokens", status=422, **wrong)["errors"]
    wrong["abilities"] = ["api"]
    assert "expires_at" in admin.post("/personal-tokens", status=422, **wrong)["errors"]


def test_administrators_revoke_the_tokens_of_others(admin, runtime, application):
    jo = caller(runtime, application, "jo@x.org", by="api")
    path = f"/users/{jo.get('/me')['id']}/personal-tokens"
    (token,) = admin.get(path)["data"]
    own = admin.get("/personal-tokens")["data"][0]
    admin.delete(f"{path}/{own['id']}", status=404)
    assert admin.delete(f"{path}/{token['id']}")["name"] == "api"
    jo.get("/me", status=401)
    assert admin.get(path)["data"] == []


def test_maintainers_make_deploy_tokens_for_what_is_theirs(runtime, application, admin, ids):
    who = caller(runtime, application, "jo@x.org", by="api")
    with runtime.transaction() as services:
        home = services.repositories.at(ids["home"])
        services.grants.grant(services.users.get("jo@x.org"), home, Rights(manage=True))
    new = {"name": "ci", "abilities": ["repository:read", "repository:write"]}
    made = who.post("/deploy-tokens", **new, repositories=[ids["home"]])
    token = made["token"]
    assert made["plain_text"].startswith("pkdt-")
    assert set(token["abilities"]) == set(new["abilities"])
    who.post("/deploy-tokens", status=422, **new, repositories=[ids["away"]])
    who.post("/deploy-tokens", status=422, **new)
    who.post("/deploy-tokens", status=422, name="x", abilities=["api"], repositories=[ids["home"]])
    other = admin.post("/deploy-tokens", name="all", repositories=[ids["home"], ids["away"]])
    assert [each["id"] for each in who.get("/deploy-tokens")["data"]] == [token["id"]]
    assert len(admin.get("/deploy-tokens?sort=-expires_at")["data"]) == 2
    who.get(f"/deploy-tokens/{other['token']['id']}", status=404)
    path = f"/deploy-tokens/{token['id']}"
    changed = who.patch(path, repositories=[], packages=[ids["package"]])
    assert (changed["repositories"], len(changed["packages"])) == ([], 1)
    who.post(f"{path}/rotate", keep_hours=1)
    who.delete(path)
    who.get(path, status=404)


def test_the_dashboard_tells_everybody_what_they_may_know(runtime, application, admin, ids):
    numbers = admin.get("/dashboard")
    assert (numbers["packages"], numbers["repositories"], numbers["users"]) == (1, 2, 1)
    assert len(numbers["downloads"]) == 90
    numbers = caller(runtime, application, "jo@x.org").get("/dashboard")
    assert (numbers["packages"], numbers["repositories"], numbers["users"]) == (0, 0, None)
