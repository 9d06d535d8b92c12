"""Tokens in the web admin."""

from datetime import timedelta
from typing import Any

import pytest

from packistry.inputs import NewRepository
from packistry.models import AuditEvent, BrowserSession, Package, TokenKind
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.grants import Rights
from tests.functional.browser import Browser, person
from tests.functional.conftest import bearer

HOSTILE = "\"'><img src=x onerror=alert(1)>{{7777*7777}}"


@pytest.fixture
def admin(runtime: Runtime, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


@pytest.fixture
def numbers(runtime: Runtime) -> dict[str, int]:
    """Home with acme/one and acme/two, and Away with acme/far: their numbers."""
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home"))
        away = services.repositories.add(NewRepository(name="Away", path="away"))
        rows = {
            "one": Package(repository=home, name="acme/one"),
            "two": Package(repository=home, name="acme/two"),
            "far": Package(repository=away, name="acme/far"),
        }
        services.session.add_all(rows.values())
        services.session.flush()
        return {"home": home.id, "away": away.id} | {key: row.id for key, row in rows.items()}


def maintainer(runtime: Runtime, application: Any, number: int) -> Browser:
    browser = person(runtime, application, "mo@x.org")
    with runtime.transaction() as services:
        user = services.users.at(browser.user_id or 0)
        services.grants.grant(user, services.repositories.at(number), Rights(manage=True))
    return browser


def deploy(runtime: Runtime, name: str, repository: int, **facts: Any) -> int:
    with runtime.transaction() as services:
        token, _ = services.tokens.add(TokenKind.DEPLOY, name, **facts)
        services.grants.grant(token, services.repositories.at(repository), Rights(read=True))
        return token.id


def grants(runtime: Any, token: int) -> Any:
    with runtime.reading() as services:
        return {
            ((each.repository or each.package).name, each.can_read, each.can_write)
            for each in services.grants.of(services.tokens.get(token))
        }


def text_of(page: Any) -> str:
    return str(page.html.select_one(".copy.loud code").get_text())


def names(page: Any) -> list[str]:
    return [link.get_text() for link in page.html.select("tbody .title")]


def test_a_deploy_token_is_shown_once_with_commands_and_opens_what_was_ticked(
    admin, numbers, runtime
):
    page = admin.get("/admin/tokens/add")
    grant = [f"p{numbers['one']}.read", f"p{numbers['two']}.write", f"r{numbers['away']}.read"]
    made = admin.post("/admin/tokens/add", name="ci", expires="30d", grant=grant, status=200)
    text = text_of(made)
    assert page.html.find("input", {"value": grant[0]})
    said = " ".join(made.html.get_text(" ", strip=True).split())
    assert "composer config repositories.home composer http://packages.test/r/home" in said
    assert f"composer config --global --auth bearer.packages.test {text}" in said
    assert f"composer config --global --auth http-basic.packages.test token {text}" in said
    assert f'{{"bearer": {{"packages.test": "{text}"}}}}' in said
    assert made.headers["Cache-Control"] == "no-store"
    with runtime.reading() as services:
        token = services.tokens.find("ci")
        assert token.expires_at - now() > timedelta(days=29)
        number = token.id
        assert text not in str(
            [(event.before, event.after) for event in services.session.query(AuditEvent)]
        )
    assert grants(runtime, number) == {
        ("acme/one", True, False),
        ("acme/two", False, True),
        ("Away", True, False),
    }
    assert text not in admin.get(f"/admin/tokens/{number}").text
    assert "There is nothing to install here yet" in said
    assert admin.app.get("/r/home/packages.json", headers=bearer(text)).status_int == 200


def test_the_last_command_installs_a_package_that_the_new_token_reads(admin, stock, runtime):
    stock.repository("home")
    stock.repository("away")
    stock.version("acme/first", "1.0.0", "home")
    stock.version("acme/lib", "dev-main", "home")
    stock.version("acme/far", "1.0.0", "away")
    with runtime.reading() as services:
        lib = services.packages.get("acme/lib").id
        away = services.repositories.get("away").id
    grant = [f"p{lib}.read", f"r{away}.read"]
    made = admin.post("/admin/tokens/add", name="ci", expires="30d", grant=grant, status=200)
    blocks = [code.get_text() for code in made.html.select(".copy code")]
    assert blocks[-2:] == ["composer require acme/lib:dev-main", "composer require acme/far"]


def test_what_is_entered_wrongly_is_said_and_nothing_is_made(admin, numbers, runtime):
    ticked = f"r{numbers['home']}.read"
    for fields, field, words in (
        ({"name": "", "grant": ticked}, "name", "visible characters"),
        ({"grant": []}, "rights", "at least one"),
        ({"grant": "r999.read"}, "rights", "no repository"),
        ({"grant": f"p{numbers['one']}.manage"}, "rights", "only a repository"),
        ({"grant": "nonsense"}, "rights", "from the list"),
        ({"grant": [], f"more.{numbers['home']}": "acme/none"}, "rights", "acme/none"),
        ({"grant": ticked, "expires": "date", "until": "2001-01-01"}, "until", "not over yet"),
        ({"grant": ticked, "expires": "soon"}, "expires", "90d"),
    ):
        sent = {"name": "ci", "expires": "never", **fields}
        again = admin.post("/admin/tokens/add", status=422, **sent)
        assert words.lower() in again.html.find(id=f"w-{field}").get_text().lower()
        assert all(box["value"] in sent["grant"] for box in again.html.select("[checked]")[:-1])
    with runtime.reading() as services:
        assert services.tokens.all() == []


def test_a_package_of_a_large_repository_is_named(admin, numbers, runtime):
    with runtime.transaction() as services:
        home = services.repositories.at(numbers["home"])
        services.session.add_all(
            Package(repository=home, name=f"acme/p{number}") for number in range(50)
        )
    more = f"more.{numbers['home']}"
    page = admin.get("/admin/tokens/add")
    assert page.html.find("textarea", {"name": more})
    assert "acme/one" not in page.text
    admin.post("/admin/tokens/add", status=200, name="ci", expires="never", **{more: "Acme/One"})
    with runtime.reading() as services:
        number = services.tokens.find("ci").id
    assert grants(runtime, number) == {("acme/one", True, False)}
    assert f"p{numbers['one']}.write" in admin.get(f"/admin/tokens/{number}/edit").text


def test_an_edit_gives_and_takes_what_a_token_may_reach(admin, numbers, runtime):
    number = deploy(runtime, "ci", numbers["home"])
    page = admin.get(f"/admin/tokens/{number}/edit")
    ticked = [box["value"] for box in page.html.select("[name=grant][checked]")]
    assert ticked == [f"r{numbers['home']}.read"]
    admin.post(f"/admin/tokens/{number}/edit", name="ci-2", grant=f"p{numbers['far']}.write")
    assert grants(runtime, number) == {("acme/far", False, True)}
    with runtime.reading() as services:
        assert services.tokens.get(number).can_write
        assert services.tokens.get(number).name == "ci-2"


def test_rotation_makes_a_token_that_may_the_same_and_lets_the_old_one_go_on_for_a_while(
    admin, numbers, runtime
):
    old = deploy(runtime, "ci", numbers["home"], expires_at=now() + timedelta(days=90))
    made = admin.submit(admin.get(f"/admin/tokens/{old}/rotate"), status=200, keep="1")
    answer = admin.app.get("/r/home/packages.json", headers=bearer(text_of(made)))
    assert answer.status_int == 200
    with runtime.reading() as services:
        token = services.tokens.find("ci")
        replaced = services.tokens.get(old)
        assert replaced.name == "ci (replaced)"
        assert timedelta(minutes=59) < replaced.expires_at - now() < timedelta(hours=1)
        assert timedelta(days=89) < token.expires_at - now() < timedelta(days=91)
        new = token.id
    assert grants(runtime, new) == grants(runtime, old)
    admin.submit(admin.get(f"/admin/tokens/{new}/rotate"), status=200, keep="0")
    again = admin.post(f"/admin/tokens/{new}/rotate", keep="0", status=409)
    assert "revoked or expired" in again.text


def test_a_revoked_token_is_turned_away_at_once_and_listed_as_such(admin, numbers, runtime):
    made = admin.post(
        "/admin/tokens/add",
        status=200,
        name="ci",
        expires="never",
        grant=f"r{numbers['home']}.read",
    )
    with runtime.reading() as services:
        number = services.tokens.find("ci").id
    admin.submit(admin.get(f"/admin/tokens/{number}/revoke"))
    admin.app.get("/r/home/packages.json", headers=bearer(text_of(made)), status=401)
    assert "no token that works" in admin.get("/admin/tokens").text
    assert names(admin.get("/admin/tokens", params={"state": "over"})) == ["ci"]
    assert "Revoked" in admin.get(f"/admin/tokens/{number}").text


def test_a_maintainer_sees_and_gives_no_more_than_they_maintain(numbers, runtime, application):
    mo = maintainer(runtime, application, numbers["home"])
    mine = deploy(runtime, "mine", numbers["home"])
    both = deploy(runtime, "both", numbers["home"])
    with runtime.transaction() as services:
        away = services.repositories.at(numbers["away"])
        services.grants.grant(services.tokens.get(both), away, Rights(read=True))
    assert names(mo.get("/admin/tokens")) == ["mine"]
    mo.get(f"/admin/tokens/{both}", status=404)
    form = mo.get("/admin/tokens/add")
    assert "Home" in form.text
    assert "Away" not in form.text
    for grant in (f"r{numbers['away']}.read", f"p{numbers['far']}.read"):
        mo.post("/admin/tokens/add", name="x", expires="never", grant=grant, status=422)
        mo.post(f"/admin/tokens/{mine}/edit", name="mine", grant=grant, status=422)
    assert grants(runtime, mine) == {("Home", True, False)}


def test_a_person_makes_tokens_of_their_own_and_sees_no_others(numbers, runtime, application):
    jo, ada = (person(runtime, application, f"{name}@x.org", name=name) for name in ("jo", "ada"))
    form = jo.get("/admin/tokens/add")
    assert not form.html.find("input", {"name": "grant"})
    made = jo.submit(
        form, status=200, name="laptop", can_write="yes", can_call_api="yes", expires="never"
    )
    assert text_of(made).startswith("pkpat-")
    assert names(jo.get("/admin/tokens")) == ["laptop"]
    with runtime.reading() as services:
        token = services.tokens.find("laptop")
        assert (token.user_id, token.can_write, token.expires_at) == (jo.user_id, True, None)
        assert token.can_call_api
        number = token.id
    again = jo.submit(jo.get(f"/admin/tokens/{number}/rotate"), status=200)
    with runtime.reading() as services:
        assert services.tokens.find("laptop").can_call_api
    assert text_of(again) != text_of(made)
    ada.get(f"/admin/tokens/{number}", status=404)
    assert names(ada.get("/admin/tokens")) == []


def test_a_token_for_the_api_alone_opens_nothing_to_composer(numbers, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    form = jo.get("/admin/tokens/add")
    again = jo.submit(form, status=422, name="script", can_read=False)
    assert "at least one thing" in again.html.find(id="w-can_read").get_text()
    made = jo.submit(form, status=200, name="script", can_read=False, can_call_api="yes")
    assert "/api/me" in made.text
    assert "http-basic" not in made.text
    text = text_of(made)
    jo.app.reset()
    assert "jo@x.org" in jo.app.get("/api/me", headers=bearer(text)).text
    jo.app.get("/r/home/packages.json", headers=bearer(text), status=404)


def test_an_administrator_revokes_a_persons_token_after_a_proof_and_cannot_have_it(
    admin, numbers, runtime, application
):
    jo = person(runtime, application, "jo@x.org")
    jo.submit(jo.get("/admin/tokens/add"), status=200, name="laptop")
    with runtime.transaction() as services:
        number = services.tokens.find("laptop").id
    path = f"/admin/tokens/{number}"
    admin.post(f"{path}/rotate", keep="0", status=403)
    admin.get(f"{path}/edit", status=403)
    with runtime.transaction() as services:
        row = services.session.query(BrowserSession).filter_by(user_id=admin.user_id).one()
        row.verified_at = now() - timedelta(minutes=16)
    for answer in (admin.get(f"{path}/revoke", status=303), admin.post(f"{path}/revoke")):
        assert answer.headers["Location"].startswith("/admin/prove?")
    with runtime.transaction() as services:
        row = services.session.query(BrowserSession).filter_by(user_id=admin.user_id).one()
        row.verified_at = now()
    admin.submit(admin.get(f"{path}/revoke"))
    assert names(jo.get("/admin/tokens", params={"state": "over"})) == ["laptop"]


def test_the_list_is_searched_filtered_and_sorted_by_what_may_be_missing(admin, numbers, runtime):
    deploy(runtime, "never used", numbers["home"])
    soon = deploy(runtime, "soon", numbers["home"], expires_at=now() + timedelta(days=2))
    with runtime.transaction() as services:
        services.tokens.get(soon).last_used_at = now()
    assert names(admin.get("/admin/tokens", params={"sort": "-used"})) == ["soon", "never used"]
    assert names(admin.get("/admin/tokens", params={"sort": "expires"})) == ["soon", "never used"]
    assert names(admin.get("/admin/tokens", params={"state": "soon"})) == ["soon"]
    assert names(admin.get("/admin/tokens", params={"q": "never", "kind": "deploy"})) == [
        "never used"
    ]
    assert "Expires soon" in admin.get(f"/admin/tokens/{soon}").text


def test_a_hostile_name_is_text_on_every_page_about_tokens(admin, numbers, runtime):
    with runtime.transaction() as services:
        services.repositories.at(numbers["home"]).name = HOSTILE
    made = admin.post(
        "/admin/tokens/add",
        status=200,
        name=HOSTILE,
        expires="never",
        grant=f"r{numbers['home']}.read",
    )
    with runtime.reading() as services:
        path = f"/admin/tokens/{services.tokens.find(HOSTILE).id}"
    pages = [admin.get(path + end) for end in ("", "/edit", "/rotate", "/revoke")]
    for page in (made, admin.get("/admin/tokens"), *pages):
        assert "<img" not in page.text
        assert "&lt;img src=x" in page.text
        assert "60481729" not in page.text
