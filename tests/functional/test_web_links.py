"""One-time links: for whoever forgot their password, and for whoever is invited."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from packistry.errors import NotFound
from packistry.inputs import NewUser, UserChange
from packistry.jobs import drain, owed, run
from packistry.models import AuditEvent, OneTimeLink, OwedMail, Purpose
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.mails import PAUSES
from tests.functional.browser import PASSWORD, Browser, person
from tests.posting import Post, post_office

ANOTHER = "twelve green bottles"


@pytest.fixture
def ada(runtime: Runtime) -> int:
    with runtime.transaction() as services:
        new = NewUser(email="ada@x.org", name="Ada", password=SecretStr(PASSWORD))
        return services.users.add(new).id


@pytest.fixture
def post(runtime: Runtime) -> Iterator[Post]:
    """A mail server that the installation knows."""
    with post_office() as post:
        url = SecretStr(post.url)
        runtime.settings = runtime.settings.model_copy(update={"smtp_url": url})
        vars(runtime).pop("context", None)
        yield post


def sign_in(application: Any, password: str, status: int) -> None:
    stranger = Browser(application)
    page = stranger.get("/login")
    stranger.submit(page, email="ada@x.org", password=password, status=status)


def test_an_invitation_is_handed_over_and_used_once(runtime, application, ada):
    root = person(runtime, application, "root@x.org", admin=True)
    path = f"/admin/members/{ada}/link"
    older = _link(root.submit(root.get(path), status=200))
    link = _link(root.submit(root.get(path), status=200))
    stranger = Browser(application)
    # A newer one voids those before.
    assert "used up or too old" in stranger.get(older, status=404).text
    form = stranger.get(link)
    assert "Ada, you sign in as ada@x.org" in form.text
    assert "at least 12" in stranger.submit(form, password="short", status=422).text
    done = stranger.submit(form, password=ANOTHER)
    assert "Your password is set" in done.follow().text
    sign_in(application, PASSWORD, 422)
    sign_in(application, ANOTHER, 303)
    stranger.get(link, status=404)
    with runtime.reading() as services:
        rows = services.session.query(AuditEvent)
        noted = [(row.action, row.actor) for row in rows if row.action.startswith("user.link")]
        chosen = [row.actor for row in rows if row.action == "user.password-chosen"]
    assert [action for action, _ in noted] == ["user.link-made"] * 2
    assert chosen == ["a one-time link"]


def test_a_link_is_over_in_time_and_for_whom_it_was_taken_away(runtime, application, ada):
    root = person(runtime, application, "root@x.org", admin=True)
    link = _link(root.submit(root.get(f"/admin/members/{ada}/link"), status=200))
    token = link.rpartition("/")[2]
    with runtime.transaction() as services:
        row = services.session.query(OneTimeLink).one()
        assert token not in row.hash
        services.users.at(ada).active = False
    Browser(application).get(link, status=404)
    with runtime.transaction() as services:
        services.users.at(ada).active = True
        # Another address or password voids what was made before.
        voided = services.links.make(services.users.at(ada), Purpose.PASSWORD)
        services.users.edit(services.users.at(ada), UserChange(email="ada@y.org"))
        with pytest.raises(NotFound):
            services.links.get(voided)
        fresh = services.links.make(services.users.at(ada), Purpose.PASSWORD)
        assert services.links.get(fresh).user_id == ada
        services.session.query(OneTimeLink).one().expires_at = now()
    Browser(application).get(f"/login/link/{fresh}", status=404)
    with runtime.transaction() as services:
        services.links.forget()
        assert services.session.query(OneTimeLink).count() == 0


def test_without_mail_people_are_told_whom_to_ask(application):
    page = Browser(application).get("/login/forgotten")
    assert "Ask an administrator" in page.text
    assert page.html.find("input", {"name": "email"}) is None


def test_a_forgotten_password_is_helped_by_mail_and_tells_nobody_who_is_known(
    post, runtime, application, ada
):
    with runtime.transaction() as services:
        services.users.add(NewUser(email="elsewhere@x.org", name="Signs in elsewhere"))
    stranger = Browser(application)
    answers = {
        re.sub(
            r'value="[^"]*"',
            "",
            stranger.submit(stranger.get("/login/forgotten"), email=email, status=200).text,
        )
        for email in ("ada@x.org", "nobody@x.org", "elsewhere@x.org")
    }
    assert len(answers) == 1
    drain(runtime)
    (mail,) = post.kept
    assert (mail["To"], mail["From"]) == ("ada@x.org", "packistry@x.org")
    link = re.search(r"http://packages\.test(/login/link/\S+)", mail.get_content())
    assert link is not None
    stranger.submit(stranger.get(link[1]), password=ANOTHER)
    sign_in(application, ANOTHER, 303)
    # Nobody's mailbox is filled.
    form = stranger.get("/login/forgotten")
    asked = (stranger.submit(form, email="ada@x.org", status="*") for _ in range(30))
    assert any(page.status_int == 429 for page in asked)


def test_a_mail_that_was_refused_is_told_and_tried_again_until_it_is_given_up(
    post, runtime, application, ada
):
    root = person(runtime, application, "root@x.org", admin=True)
    path, post.refuses = f"/admin/members/{ada}/link", True
    root.post(path, by="mail")
    (job,) = owed.waiting(runtime.engine)
    drain(runtime)
    # A link that nobody got opens nothing.
    with runtime.reading() as services:
        assert services.session.query(OneTimeLink).count() == 0
    overview = root.get("/").text
    assert "The link for Ada could not be mailed" in overview
    assert "status 451" in overview
    assert "canary" not in overview
    assert "status 451" in root.get(path).text
    # It is not due yet, whoever looks.
    assert owed.waiting(runtime.engine) == []
    run(runtime, job.name, *job.arguments)
    due(runtime)
    post.refuses = False
    for _ in range(2):
        run(runtime, job.name, *job.arguments)
    assert [mail["To"] for mail in post.kept] == ["ada@x.org"]
    assert "could not be mailed" not in root.get("/").text
    # Of the next they are told that it was given up; handing a link over voids it.
    root.post(path, by="mail")
    post.refuses = True
    for _ in range(len(PAUSES) + 1):
        due(runtime)
        drain(runtime)
        for waiting in owed.waiting(runtime.engine):
            run(runtime, waiting.name, *waiting.arguments)
    assert "It is given up" in root.get("/").text
    assert owed.waiting(runtime.engine) == []
    root.post(path, by="hand", status=200)
    assert "could not be mailed" not in root.get("/").text


def due(runtime: Runtime) -> None:
    """Time passes."""
    with runtime.transaction() as services:
        for mail in services.session.query(OwedMail):
            mail.due_at = now() if mail.due_at else None


def _link(page: Any) -> str:
    text = page.html.find("div", class_="copy").find("code").text
    return str(text).removeprefix("http://packages.test")
