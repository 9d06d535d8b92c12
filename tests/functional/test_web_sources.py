"""Sources in the web admin: connected, tried, changed without showing a secret, removed."""

import re
from typing import Any

import pytest

from packistry.builtin.source import Git
from packistry.inputs import NewRepository, NewSource
from packistry.models import AutoImport, Delivery, DeliveryVerdict, Package, PassedProject, Project
from packistry.plugin import CredentialsError, Unavailable
from packistry.services.webhook_secrets import source_place, unseal
from tests.functional.browser import Browser, person

SECRET = "tres-secret-word"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def admin(runtime: Any, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


@pytest.fixture
def host(runtime: Any) -> str:
    """The address of a source with a password."""
    with runtime.transaction() as services:
        config = {"url": "https://git.example", "username": "bot", "password": SECRET}
        new = NewSource(name="Host", provider="git", config=config)
        return f"/admin/sources/{services.sources.add(new).id}"


def stored(runtime: Any, name: str = "Host") -> Any:
    with runtime.reading() as services:
        source = services.sources.find(name)
        return source and (dict(source.config), services.sources.secrets(source))


def text(page: Any) -> str:
    found: str = page.html.get_text(" ", strip=True)
    return found


def test_one_is_connected_with_what_its_provider_asks_for(admin, runtime):
    choice = admin.get("/admin/sources/add")
    assert "GitHub" in text(choice)
    (link,) = [a for a in choice.html.select("a.choice") if "Git repository" in a.get_text()]
    page = admin.get(link["href"])
    again = admin.submit(page, **{"config.url": "not an address", "name": "Ours"}, status=422)
    assert again.html.find(id="f-name")["value"] == "Ours"
    again = admin.submit(
        page, **{"config.ssh_key": "no key", "config.password": SECRET}, status=422
    )
    assert (
        "must be the whole file of a private key"
        in again.html.find(id="w-config.ssh_key").get_text()
    )
    assert SECRET not in again.text
    made = admin.submit(
        page,
        **{"config.url": "https://git.example", "config.password": SECRET, "config.ssh_key": ""},
        name="Ours",
        branches="main\r\n1.*",
        tag_policy="follow",
        keep_dists="30",
    ).follow()
    assert SECRET not in made.text
    assert "The newest 30" in text(made)
    assert "main, 1.*" in text(made)
    assert stored(runtime, "Ours")[1] == {"password": SECRET}
    taken = admin.submit(page, name="Ours", status=409)
    assert "already" in text(taken)


def test_the_form_leads_to_where_its_token_is_made(admin):
    def link(provider: str, **entered: str) -> str:
        page = admin.get("/admin/sources/add", params={"provider": provider})
        if entered:
            page = admin.submit(page, name="", status=422, **entered)
        found = page.html.select_one(".notice a")
        return found["href"] if found else ""

    assert link("github").startswith("https://github.com/settings/personal-access-tokens/new?name=")
    ours = {"config.url": "https://git.acme.example/"}
    assert link("gitlab", **ours).startswith("https://git.acme.example/-/user_settings/")
    assert link("gitea") == ""
    assert link("gitea", **ours) == "https://git.acme.example/user/settings/applications"
    assert link("gitea", **{"config.url": "javascript:alert(1)"}) == ""
    assert link("bitbucket").startswith("https://id.atlassian.com/")
    assert link("git") == ""


def test_only_a_source_that_lists_projects_offers_to_import_new_ones(admin, host, runtime):
    def offered(source: str) -> bool:
        return "Import them by themselves" in text(admin.get(source))

    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home")).id
        config = {"token": SECRET}
        hub = services.sources.add(NewSource(name="Hub", provider="github", config=config)).id
    assert (offered(host), offered(f"/admin/sources/{hub}")) == (False, True)
    assert not admin.get(f"{host}/new-projects").html.select("#main form")
    refused = admin.post(f"{host}/new-projects", repository=home, patterns="*", status=409)
    assert "lists no projects: name each of them" in text(refused)


def test_new_projects_are_left_alone_again_where_the_source_lists_none_any_more(
    admin, host, runtime
):
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home"))
        source = services.sources.get("Host")
        services.session.add(AutoImport(source=source, repository=home, patterns=["*"]))
    assert "Leave new projects alone" in text(admin.get(f"{host}/new-projects"))
    admin.post(f"{host}/new-projects", stop="yes")
    assert "each is added by its address" in text(admin.get(host))
    with runtime.reading() as services:
        assert services.auto_imports.of(services.sources.get("Host")) is None


def test_a_secret_is_never_shown_and_a_blank_one_stays(admin, host, runtime):
    page = admin.get(f"{host}/edit")
    assert SECRET not in page.text
    assert page.html.find(id="f-config.url")["value"] == "https://git.example"
    admin.submit(page, **{"config.username": "robot"}, name="House", tags="v*")
    config, secrets = stored(runtime, "House")
    assert (config["username"], secrets) == ("robot", {"password": SECRET})
    # Nobody has it sent elsewhere without knowing it.
    again = admin.submit(page, **{"config.url": "https://evil.example"}, name="House", status=422)
    assert "Enter it again" in again.html.find(id="w-config.password").get_text()
    admin.submit(admin.get(f"{host}/edit"), **{"clear.password": "yes"}, tags="")
    assert stored(runtime, "House")[1] == {}
    assert "House" in text(admin.get("/admin/sources"))


def test_what_its_provider_says_when_it_is_tried_is_told(admin, host, runtime, monkeypatch):
    told = admin.submit(admin.get(host)).follow()
    assert "It works" in text(told)

    def refuse(_self: Git) -> tuple[str, ...]:
        raise CredentialsError(f"The token lacks write:hooks {HOSTILE}")

    monkeypatch.setattr(Git, "check", refuse)
    page = admin.submit(admin.get(host), status=422)
    assert f"The token lacks write:hooks {HOSTILE}" in text(page)
    page = admin.submit(admin.get(f"{host}/edit"), **{"config.username": "other"}, status=422)
    assert "The token lacks write:hooks" in text(page)
    assert stored(runtime)[0]["username"] == "bot"
    # Only the name changes: nothing has to be tried.
    admin.submit(admin.get(f"{host}/edit"), name="Renamed")

    def away(_self: Git) -> tuple[str, ...]:
        raise Unavailable("Nobody answers there.")

    monkeypatch.setattr(Git, "check", away)
    page = admin.submit(admin.get(f"{host}/edit"), **{"config.username": "other"}).follow()
    assert "It could not be tried: Nobody answers there." in text(page)
    monkeypatch.setattr(Git, "check", lambda _self: ("Ends on 1 May",))
    assert "Ends on 1 May" in text(admin.submit(admin.get(host), status=200))


def test_one_shows_what_cannot_be_read_and_what_was_delivered(admin, host, runtime):
    with runtime.transaction() as services:
        source = services.sources.get("Host")
        source.distribution = "packistry-real"
        home = services.repositories.add(NewRepository(name="Home"))
        project = Project(
            source=source, external_id="x", path=HOSTILE, unreachable=f"Bad {HOSTILE}"
        )
        services.session.add(Package(repository=home, project=project, name="acme/x"))
        services.session.flush()
        services.deliveries.note(
            source.id, DeliveryVerdict.REFUSED, HOSTILE, project_id=project.id, event=HOSTILE
        )
        assert services.session.query(Delivery).count() == 1
    page = admin.get(host)
    assert f"Bad {HOSTILE}" in text(page)
    assert "Refused: not signed" in text(page)
    assert "of packistry-real, and packistry offers it now" in text(page)
    assert not page.html.select("img")
    assert "1 project unreadable" in text(admin.get("/admin/sources"))
    assert "1 package is made from it" in text(admin.get(f"{host}/remove"))
    admin.get(f"{host}/remove")
    admin.post(f"{host}/remove", sure="Host", status=409)


def test_the_list_is_searched_and_sorted(admin, runtime):
    def names(**asked: str) -> list[str]:
        page = admin.get("/admin/sources", params=asked)
        return [each.get_text() for each in page.html.select("tbody a.title")]

    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home"))
        for name, provider in (("beta", "gitlab"), ("Alpha", "git"), ("gamma", "github")):
            config = {} if provider == "git" else {"token": SECRET}
            services.sources.add(NewSource(name=name, provider=provider, config=config))
        project = Project(source=services.sources.get("beta"), external_id="x", path="a/x")
        services.session.add(Package(repository=home, project=project, name="acme/x"))
    assert names() == ["Alpha", "beta", "gamma"]
    assert names(sort="-name") == ["gamma", "beta", "Alpha"]
    assert names(sort="kind") == ["Alpha", "gamma", "beta"]
    assert names(sort="-packages")[0] == "beta"
    assert names(sort="-since") == ["gamma", "Alpha", "beta"]
    assert names(q="GIT repo") == ["Alpha"]
    assert names(q="amm") == ["gamma"]
    assert "No source matches “nothing”." in text(admin.get("/admin/sources?q=nothing"))


def test_one_is_removed_once_its_name_is_typed(admin, host, runtime):
    page = admin.get(f"{host}/remove")
    admin.submit(page, sure="host", status=422)
    admin.submit(page, sure="Host")
    assert stored(runtime) is None


def test_new_projects_become_packages_where_somebody_says_so(hooks, admin, runtime):
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home")).id
        number = services.sources.add(NewSource(name="Group", provider="hooked")).id
    path = f"/admin/sources/{number}"
    page = admin.get(f"{path}/new-projects")
    again = admin.submit(page, patterns=" ", status=422)
    assert "Say which projects" in again.html.find(id="w-patterns").get_text()
    page = admin.submit(page, patterns="acme/*\nlib-?", repository=str(home)).follow()
    assert "Those like acme/* , lib-? become packages of home" in text(page)
    with runtime.transaction() as services:
        services.session.add(
            PassedProject(
                source_id=number,
                repository_id=home,
                external_id="9",
                path=HOSTILE,
                reason="The branch main has no composer.json.",
            )
        )
    assert "1 project left alone" in text(admin.get(path))
    passed = admin.get(f"{path}/passed")
    assert "The branch main has no composer.json." in text(passed)
    assert not passed.html.select("img")
    assert f"source={number}&repository={home}&q=%3Cimg" in passed.text.replace("&amp;", "&")
    admin.post(f"{path}/new-projects", stop="yes")
    assert "They are left alone until" in text(admin.get(path))


def test_one_webhook_can_be_shared_and_its_secret_is_shown_once(hooks, admin, runtime):
    with runtime.transaction() as services:
        source = services.sources.add(NewSource(name="Group", provider="hooked"))
        path, uid = f"/admin/sources/{source.id}/webhook", source.uid
    page = admin.get(path)
    assert f"http://packages.test/incoming/hooked/{uid}" in text(page)
    assert "There is no secret, so nothing is taken" in text(page)
    made = admin.post(path, what="make", status=200)
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", text(made))
    with runtime.reading() as services:
        source = services.sources.get("Group")
        sealed = unseal(runtime.secrets, source.webhook_secret, source_place(source))
        assert sealed is not None
        assert sealed.secret == secret
    assert secret not in admin.get(path).text
    short = admin.post(path, what="save", webhook_secret="short", status=422)
    assert "12 to 255" in short.html.find(id="w-webhook_secret").get_text()
    admin.post(path, what="save", webhook_secret="what was there before")
    with runtime.reading() as services:
        source = services.sources.get("Group")
        sealed = unseal(runtime.secrets, source.webhook_secret, source_place(source))
        assert sealed is not None
        assert (sealed.secret, sealed.previous) == ("what was there before", secret)
    admin.post(path, what="forget")
    assert "There is no secret" in text(admin.get(path))
