"""The first administrator, by the link that the server printed."""

from dataclasses import replace

from pyramid.response import Response

from packistry.inputs import FirstAdministrator, NewRepository
from packistry.services import Services
from packistry.services.access import ANONYMOUS, Permission
from packistry.services.sessions import actor_of
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

LINK = replace(ANONYMOUS, label="the set-up link")
ROOT = "Main"


def show(visit: Visit, services: Services) -> Shown:
    """The form, while the link is good."""
    services.setup.check(visit.request.matchdict["token"])
    return {"form": visit.form(name="", email="")}


def submit(visit: Visit) -> Response:
    """An administrator, signed in, and the root repository if there is none."""
    first = visit.read(
        FirstAdministrator,
        name=visit.text("name"),
        email=visit.text("email"),
        password=visit.secret("password"),
    )
    with visit.runtime.change(replace(visit.author, actor=LINK)) as services:
        user = services.setup.finish(visit.request.matchdict["token"], first)
        if not services.repositories.all():
            services.repositories.add(NewRepository(name=ROOT))
        services.audit.note("sign-in.succeeded", user, actor=actor_of(user))
        cookie = services.sessions.begin(user, address=visit.address, agent=visit.browser.agent)
    visit.say("This server is yours. Three steps lead to the first install.")
    return visit.signed_in(cookie, visit.url("overview"))


PAGES = (
    Page(
        name="setup",
        path="/setup/{token}",
        permission=Permission.OPEN,
        template="setup.jinja2",
        show=show,
        submit=submit,
    ),
)
