"""The pages that set up where people sign in, and a person's own connections."""

import re
from typing import Any

import pytest

from packistry.inputs import NewRepository
from packistry.models import AuthenticationSource, BrowserSession, IdentityLink
from packistry.models.base import now
from packistry.services.sessions import FRESH
from tests.functional.browser import Browser, person
from tests.functional.issuing import CONFIG, Issuing
from tests.unit.plugin.issuer import ISSUER


@pytest.fixture
def place(runtime: Any) -> Issuing:
    return Issuing(runtime)


@pytest.fixture
def admin(runtime: Any, application: Any) -> Browser:
    return person(runtime, application, "root@x.org", admin=True)


def test_a_source_is_set_up_from_its_pages_alone(admin, runtime, application):
    chosen = admin.submit(admin.get("/admin/sign-in/add"), provider="oidc", name="Staff")
    page = admin.get(chosen.headers["Location"])
    (number,) = re.findall(r"/admin/sign-in/(\d+)", chosen.headers["Location"])
    assert f"http://packages.test/auths/{number}/callback" in page.text
    # Nobody is offered what is not set up yet.
    assert "Staff" not in Browser(application).get("/login").text
    wrong = admin.submit(page, status=422, **{"rules": "devs may read", "config.client_id": "x"})
    assert "CLAIM=VALUE" in wrong.html.find(id="w-rules").text
    fields = {f"config.{name}": value for name, value in CONFIG.items()}
    missing = admin.submit(wrong, status=422, rules="groups=devs: read team-a", **fields)
    assert "team-a" in missing.html.find(id="w-rules").text
    assert CONFIG["client_secret"] not in missing.text
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Team A", path="team-a"))
    saved = admin.submit(
        missing,
        registration=True,
        allowed_domains="Example.test, x.org",
        rules="groups=devs: read team-a\r\ngroups=ops: admin",
        **fields,
    )
    shown = admin.get(saved.headers["Location"])
    for text in ("groups=devs: read team-a", "groups=ops: admin", "example.test, x.org"):
        assert text in shown.html.find("main").text
    assert CONFIG["client_secret"] not in shown.text
    assert "Sign in with Staff" in Browser(application).get("/login").text
    # A blank secret is kept; the list says what there is.
    admin.submit(admin.get(f"/admin/sign-in/{number}/edit"), name="People")
    assert "People" in admin.get("/admin/sign-in").html.find("table").text
    with runtime.reading() as services:
        source = services.authentication_sources.at(int(number))
        secret = services.authentication_sources.secrets(source)["client_secret"]
        assert (source.name, secret) == ("People", CONFIG["client_secret"])


def test_a_check_says_what_is_wrong_in_the_words_of_the_plugin(admin, place):
    path = f"/admin/sign-in/{place.id}"
    assert "It works" in admin.submit(admin.get(path)).follow().text
    place.edit(config={"client_secret": "not-the-secret"})
    refused = admin.submit(admin.get(path), status=422)
    assert "client secret" in refused.html.find("div", class_="problem").text
    place.issuer.metadata["issuer"] = "https://id.example/other"
    place.edit(config={"client_id": "another"})
    assert "https://id.example/other" in admin.submit(admin.get(path), status="*").text
    # A plugin that breaks is contained.
    del place.issuer.metadata
    assert "unexpected fault" in admin.submit(admin.get(path), status=422).text


def test_signing_out_there_is_offered_where_it_has_an_effect(admin, place, runtime):
    path = f"/admin/sign-in/{place.id}"
    form = admin.get(f"{path}/edit")
    assert "http://packages.test/login" in form.html.find(id="h-single_sign_out").text
    admin.submit(form, single_sign_out=True)
    del place.issuer.metadata["end_session_endpoint"]
    page = admin.submit(admin.get(path), status=200)
    assert "It offers no sign-out" in page.html.find("div", class_="notice").text
    with runtime.transaction() as services:
        draft = services.authentication_sources.draft("GitHub", "github").id
    assert "single_sign_out" not in admin.get(f"/admin/sign-in/{draft}/edit").text


def test_what_a_source_takes_along_is_said_before_it_is_removed(admin, place, application, runtime):
    alice = Browser(application)
    place.sign_in(alice)
    alice.get("/")
    path = f"/admin/sign-in/{place.id}/remove"
    question = admin.get(path)
    assert "1 of them has no other way in" in question.text
    assert "Type the name" in admin.submit(question, sure="SS", status=422).text
    assert "is removed" in admin.submit(question, sure="SSO").follow().text
    alice.get("/", status=303)
    with runtime.reading() as services:
        assert services.session.query(AuthenticationSource).count() == 0
        assert not services.users.get("alice@example.test").active


def test_a_source_that_is_not_set_up_or_lost_its_plugin_is_not_switched_on(admin, place, runtime):
    with runtime.transaction() as services:
        draft = services.authentication_sources.draft("Draft", "oidc").id
        lost = AuthenticationSource(name="Lost", provider="nowhere", active=False)
        services.session.add(lost)
        services.session.flush()
        gone = lost.id
    refused = admin.submit(admin.get(f"/admin/sign-in/{draft}/edit"), status=422)
    assert refused.html.find(id="w-config.issuer") is not None
    assert "Plugin missing" in admin.get("/admin/sign-in").text
    page = admin.get(f"/admin/sign-in/{gone}/edit")
    assert "nowhere" in admin.submit(page, active=True, status=422).text
    assert "Saved" in admin.submit(page, active=False).follow().text
    with runtime.reading() as services:
        states = [each.active for each in services.authentication_sources.all()]
    assert sorted(states) == [False, False, True]


# A person's own.


def test_an_account_is_connected_and_disconnected_again(place, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    page = jo.get("/admin/profile/accounts")
    button = page.html.find("button", {"name": "connect"})["value"]
    away = jo.post("/admin/profile/accounts", connect=button, status=200)
    url = away.headers["Refresh"].removeprefix("0; url=")
    assert url.startswith(f"{ISSUER}/authorize?")
    jo.get(place.answer(url), status=303)
    page = jo.get("/admin/profile/accounts")
    assert "SSO, as alice@example.test" in page.text
    # Without a password it is the only way in.
    assert "Your only way in" in page.text
    with runtime.reading() as services:
        number = str(services.session.query(IdentityLink).one().id)
    refused = jo.post("/admin/profile/accounts", disconnect=number, status=409)
    assert "This is your only way in" in refused.text
    with runtime.transaction() as services:
        services.users.at(jo.user_id).password_hash = "x"
        assert services.session.query(IdentityLink).one().user_id == jo.user_id
    jo.post("/admin/profile/accounts", disconnect=number)
    with runtime.reading() as services:
        assert services.session.query(IdentityLink).count() == 0


def test_only_a_fresh_proof_connects_and_only_ones_own_is_disconnected(place, runtime, application):
    place.sign_in(Browser(application))
    eve = person(runtime, application, "eve@x.org")
    eve.get("/admin/profile/accounts")
    with runtime.reading() as services:
        theirs = str(services.session.query(IdentityLink).one().id)
    eve.post("/admin/profile/accounts", disconnect=theirs, status=404)
    with runtime.transaction() as services:
        for row in services.session.query(BrowserSession).filter_by(user_id=eve.user_id):
            row.verified_at = now() - 2 * FRESH
    answer = eve.post("/admin/profile/accounts", connect=str(place.id))
    assert answer.headers["Location"].startswith("/admin/prove")


def test_the_list_is_searched_and_sorted(admin, runtime):
    def names(**asked: str) -> list[str]:
        page = admin.get("/admin/sign-in", params=asked)
        return [each.get_text() for each in page.html.select("tbody a.title")]

    with runtime.transaction() as services:
        for name, provider in (("beta", "oidc"), ("Alpha", "github"), ("gamma", "gitea")):
            services.authentication_sources.draft(name, provider)
        beta = services.session.query(AuthenticationSource).filter_by(name="beta").one()
        user = services.users.get("root@x.org")
        services.session.add(IdentityLink(user_id=user.id, source_id=beta.id, subject="7"))
    assert names() == ["Alpha", "beta", "gamma"]
    assert names(sort="-name") == ["gamma", "beta", "Alpha"]
    assert names(sort="kind")[0] == "gamma"
    assert names(sort="-people")[0] == "beta"
    assert names(q="forgejo") == ["gamma"]
    assert names(q="et") == ["beta"]
    assert "No way to sign in matches" in admin.get("/admin/sign-in?q=nothing").text
