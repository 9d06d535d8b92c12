"""People in the web admin."""

from datetime import timedelta
from typing import Any

import pytest

from packistry.inputs import NewRepository, NewUser
from packistry.models import (
    AuditEvent,
    AuthenticationSource,
    BrowserSession,
    IdentityLink,
    Package,
    Role,
    SecondFactor,
    TokenKind,
)
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services import passwords
from packistry.services.grants import Rights
from tests.functional.browser import PASSWORD, Browser, person
from tests.functional.conftest import bearer

HOSTILE = "\"'><img src=x onerror=alert(1)>{{7777*7777}}"


@pytest.fixture
def admin(runtime: Runtime, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True, name="Ines")


@pytest.fixture
def home(runtime: Runtime) -> tuple[int, int]:
    """The numbers of a repository and of a package in it."""
    with runtime.transaction() as services:
        row = services.repositories.add(NewRepository(name="Home", path="home"))
        package = Package(repository=row, name="acme/one")
        services.session.add(package)
        services.session.flush()
        return row.id, package.id


def at(browser: Browser) -> str:
    return f"/admin/members/{browser.user_id}"


def found(runtime: Runtime, email: str) -> Any:
    with runtime.reading() as services:
        user = services.users.find(email)
        return user and (user.name, user.role, user.active)


def test_somebody_is_added_with_or_without_a_password(admin, runtime):
    page = admin.get("/admin/members/add")
    again = admin.submit(page, name="Jo", email="nonsense", password="short", status=422)
    assert "not an e-mail address" in again.html.find(id="w-email").get_text()
    assert "at least 12" in again.html.find(id="w-password").get_text()
    assert again.html.find(id="f-name")["value"] == "Jo"
    admin.submit(page, name="Jo", email="JO@x.org", password=PASSWORD)
    admin.submit(page, name="Mo", email="mo@x.org", role="admin", password="")
    assert found(runtime, "jo@x.org") == ("Jo", Role.USER, True)
    assert found(runtime, "mo@x.org") == ("Mo", Role.ADMIN, True)
    with runtime.reading() as services:
        assert passwords.verify(services.users.get("jo@x.org").password_hash, PASSWORD)
        assert services.users.get("mo@x.org").password_hash == ""
    taken = admin.submit(page, name="X", email="jo@x.org", status=409)
    assert "already" in taken.html.find(id="w-email").get_text()


def test_who_is_disabled_is_out_at_once_with_their_tokens(admin, runtime, application, home):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        user = services.users.get("jo@x.org")
        services.grants.grant(user, services.repositories.at(home[0]), Rights(read=True))
        _, text = services.tokens.add(TokenKind.PERSONAL, "laptop", user=user)
    admin.app.get("/r/home/packages.json", headers=bearer(text))
    admin.submit(admin.get(f"{at(jo)}/edit"), active="false")
    admin.app.get("/r/home/packages.json", headers=bearer(text), status=401)
    jo.get("/", status=303)
    assert "Disabled" in admin.get(at(jo)).text
    assert found(runtime, "jo@x.org")[2] is False
    admin.submit(admin.get(f"{at(jo)}/edit"), active="true", email="joe@x.org", name="Joe")
    assert found(runtime, "joe@x.org") == ("Joe", Role.USER, True)


def test_rights_are_given_and_taken_in_a_tree(admin, runtime, application, home):
    jo = person(runtime, application, "jo@x.org")
    repository, package = home
    jo.get(f"/admin/repositories/{repository}", status=404)
    admin.post(f"{at(jo)}/rights", grant=[f"p{package}.read", f"p{package}.write"])
    assert "acme/one" in jo.get(f"/admin/repositories/{repository}").html.get_text()
    ticked = admin.get(f"{at(jo)}/rights").html.select("[name=grant][checked]")
    assert [box["value"] for box in ticked] == [f"p{package}.read", f"p{package}.write"]
    admin.post(f"{at(jo)}/rights", grant=f"r{repository}.manage")
    jo.get(f"/admin/tokens/add?repository={repository}")
    with runtime.reading() as services:
        (grant,) = services.grants.of(services.users.get("jo@x.org"))
        assert (grant.repository_id, grant.can_read, grant.can_manage) == (repository, True, True)
    admin.post(f"{at(jo)}/rights")
    jo.get(f"/admin/repositories/{repository}", status=404)


def test_a_right_that_a_sign_in_source_gave_stays(admin, runtime, application, home):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        source = AuthenticationSource(name="Acme SSO", provider="oidc")
        services.session.add(source)
        services.session.flush()
        services.session.add(IdentityLink(source=source, user_id=jo.user_id, subject="1"))
        user, row = services.users.get("jo@x.org"), services.repositories.at(home[0])
        services.grants.grant(user, row, Rights(read=True)).given_by = source.id
        number = source.id
    admin.post(f"{at(jo)}/rights")
    page = admin.get(at(jo)).text
    assert "Rules of Acme SSO gave some of this" in page
    assert "Home" in page
    listed = admin.get("/admin/members", params={"by": number}).html.select("tbody tr")
    assert len(listed) == 1
    assert "Acme SSO" in listed[0].get_text()


def test_a_password_is_reset_and_ends_sessions(admin, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    admin.submit(admin.get(f"{at(jo)}/password"), password=PASSWORD)
    jo.get("/", status=303)
    with runtime.reading() as services:
        assert passwords.verify(services.users.get("jo@x.org").password_hash, PASSWORD)


def test_a_second_factor_is_taken_from_whoever_lost_it(admin, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    admin.get(f"{at(jo)}/second-factor", status=303)
    with runtime.transaction() as services:
        factor = SecondFactor(user_id=jo.user_id, secret="", confirmed_at=now())
        services.session.add(factor)
    assert "On since" in admin.get(at(jo)).text
    page = admin.get(f"{at(jo)}/second-factor")
    assert "1 browser is signed out" in page.text
    told = admin.submit(page).follow()
    assert "Jo signs in with the password alone" in told.text
    jo.get("/", status=303)
    assert "no second factor" in admin.submit(page).follow().text
    with runtime.reading() as services:
        assert services.second_factors.of(services.users.at(jo.user_id)) is None
        last = services.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
        assert (last.action, last.target) == ("user.second-factor-off", "jo@x.org")


def test_who_is_removed_is_out_at_once_with_their_tokens(admin, runtime, application, home):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        user = services.users.get("jo@x.org")
        services.grants.grant(user, services.repositories.at(home[0]), Rights(read=True))
        _, text = services.tokens.add(TokenKind.PERSONAL, "laptop", user=user)
    page = admin.get(f"{at(jo)}/remove")
    assert "1 token of theirs stops installing at once" in page.text
    admin.submit(page, sure="Jo", status=422)
    jo.get("/")
    admin.submit(page, sure="jo@x.org")
    jo.get("/", status=303)
    admin.app.get("/r/home/packages.json", headers=bearer(text), status=401)
    admin.get(at(jo), status=404)


def test_the_last_administrator_stays(admin, runtime):
    page = admin.get(f"{at(admin)}/edit")
    for change in ({"role": "user"}, {"active": "false"}):
        again = admin.submit(page, status=409, **change)
        assert "is the only administrator" in again.text
        page = admin.get(f"{at(admin)}/edit")
    again = admin.submit(admin.get(f"{at(admin)}/remove"), sure="admin@x.org", status=409)
    assert "is the only administrator" in again.text
    assert found(runtime, "admin@x.org") == ("Ines", Role.ADMIN, True)


def test_what_decides_who_gets_in_asks_for_a_proof(admin, runtime, application):
    jo = person(runtime, application, "jo@x.org")
    with runtime.transaction() as services:
        row = services.session.query(BrowserSession).filter_by(user_id=admin.user_id).one()
        row.verified_at = now() - timedelta(minutes=16)
    for path in (f"{at(jo)}/edit", f"{at(jo)}/password", f"{at(jo)}/remove", "/admin/members/add"):
        for answer in (
            admin.get(path, status=303),
            admin.post(path, role="admin", sure="jo@x.org"),
        ):
            assert answer.headers["Location"].startswith("/admin/prove?")
    assert found(runtime, "jo@x.org") == ("Jo", Role.USER, True)


def test_the_list_is_searched_and_filtered(admin, runtime):
    with runtime.transaction() as services:
        for name, role in (("Ada", Role.ADMIN), ("Bo", Role.USER), ("Cy", Role.USER)):
            services.users.add(NewUser(name=name, email=f"{name.lower()}@x.org", role=role))
        services.users.get("cy@x.org").active = False
        services.users.get("bo@x.org").email = None

    def names(**query: str) -> list[str]:
        page = admin.get("/admin/members", params=query)
        return [link.get_text() for link in page.html.select("tbody .title")]

    assert names() == ["Ada", "Bo", "Cy", "Ines"]
    assert names(q="BO") == ["Bo"]
    assert names(role="admin", sort="-name") == ["Ines", "Ada"]
    assert names(state="off") == ["Cy"]
    assert names(by="password") == []
    assert names(role="nonsense") == names(by="999") == []


@pytest.fixture
def proving(runtime: Runtime) -> None:
    """Of users a second factor is demanded: four people who stand otherwise to it."""
    runtime.settings = runtime.settings.model_copy(update={"second_factor_roles": ("user",)})
    vars(runtime).pop("context", None)
    with runtime.transaction() as services:
        for name, role in (("Ada", "user"), ("Bo", "user"), ("Cy", "admin"), ("Di", "user")):
            new = NewUser(name=name, email=f"{name.lower()}@x.org", role=role)
            user = services.users.add(new)
            user.password_hash = "" if name == "Di" else "set"
            if name == "Ada":
                confirmed = SecondFactor(user_id=user.id, secret="", confirmed_at=now())
                services.session.add(confirmed)
            if name == "Bo":
                services.session.add(SecondFactor(user_id=user.id, secret=""))


STANDINGS = {
    "on": ("Ada", "On"),
    "missing": ("Bo", "Asked for, missing"),
    "off": ("Cy", "Off"),
    "none": ("Di", "No password"),
}


@pytest.mark.parametrize("standing", STANDINGS)
def test_the_list_says_who_has_a_second_factor_and_is_filtered_by_it(
    standing, proving, admin, runtime
):
    page = admin.get("/admin/members", params={"factor": standing, "q": "x.org"})
    rows = {
        row.select_one(".title").get_text(): row.select("td")[3].get_text(strip=True)
        for row in page.html.select("tbody tr")
    }
    # Whoever looks has no password either.
    rows.pop("Ines", None)
    name, words = STANDINGS[standing]
    assert rows == {name: words}


def test_a_filter_by_second_factor_that_nobody_knows_finds_nobody(proving, admin):
    page = admin.get("/admin/members", params={"factor": "nonsense"})
    assert "Nobody here is like that" in page.text


def test_a_person_who_has_to_set_up_a_second_factor_is_told_of_on_their_page(
    proving, admin, runtime
):
    with runtime.reading() as services:
        number = services.users.get("bo@x.org").id
    assert "Asked for, missing" in admin.get(f"/admin/members/{number}").text


def test_a_hostile_name_is_text_on_every_page_about_a_person(admin, runtime, application):
    jo = person(runtime, application, "jo@x.org", name=HOSTILE)
    with runtime.transaction() as services:
        user = services.users.get("jo@x.org")
        services.tokens.add(TokenKind.PERSONAL, HOSTILE, user=user)
        services.session.query(BrowserSession).filter_by(user_id=user.id).one().agent = HOSTILE
    ends = ("", "/edit", "/rights", "/password", "/remove")
    pages = [admin.get("/admin/members"), *(admin.get(at(jo) + end) for end in ends)]
    for page in (*pages, jo.get("/admin/profile"), jo.get("/admin/profile/name")):
        assert "<img" not in page.text
        assert "&lt;img src=x" in page.text
        assert "60481729" not in page.text
