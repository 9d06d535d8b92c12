"""Sources in the web admin: connected, tried, changed without showing a secret, removed."""

from typing import Any

import pytest

from packistry.builtin.source import Git
from packistry.inputs import NewRepository, NewSource
from packistry.models import Delivery, DeliveryVerdict, Package, Project
from packistry.plugin import CredentialsError, Unavailable
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
    ).follow()
    assert SECRET not in made.text
    assert "main, 1.*" in text(made)
    assert stored(runtime, "Ours")[1] == {"password": SECRET}
    taken = admin.submit(page, name="Ours", status=409)
    assert "already" in text(taken)


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


def test_one_is_removed_once_its_name_is_typed(admin, host, runtime):
    page = admin.get(f"{host}/remove")
    admin.submit(page, sure="host", status=422)
    admin.submit(page, sure="Host")
    assert stored(runtime) is None
