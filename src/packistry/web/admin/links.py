"""One-time links: for whoever forgot their password, and for whoever is invited."""

from dataclasses import replace

from pyramid.response import Response

from packistry.errors import Invalid
from packistry.inputs import NewPassword
from packistry.models import Purpose, User
from packistry.services import Services, invitations, links
from packistry.services.access import ANONYMOUS, Permission
from packistry.web import pages
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

LINK = replace(ANONYMOUS, label="a one-time link")


def _mails(visit: Visit) -> bool:
    return bool(visit.runtime.settings.smtp_url.get_secret_value())


def show_forgotten(visit: Visit, services: Services) -> Shown:  # noqa: ARG001 - as pages ask for it
    """The form where mail is set up; else whom to ask."""
    return {"form": visit.form(email=""), "mails": _mails(visit), "sent": False}


def ask(visit: Visit) -> Response:
    """The same answer, whether or not anybody has the address."""
    if not _mails(visit):
        raise Invalid("This server sends no mail. Ask an administrator for a link.")
    invitations.ask(visit.runtime, visit.author, visit.text("email"), visit.address)
    with visit.reading() as services:
        shown = {"form": visit.form(email=""), "mails": True, "sent": True}
        return pages.answer(visit, services, "links/forgotten.jinja2", shown)


def show_link(visit: Visit, services: Services) -> Shown:
    """The form, while the link works."""
    link = services.links.get(visit.request.matchdict["token"])
    return {"form": visit.form(), "user": link.user, "invited": not link.user.password_hash}


def use(visit: Visit) -> Response:
    """They have the password, and sign in with it: whatever else is asked for is asked there."""
    new = visit.read(NewPassword, password=visit.secret("password"))
    with visit.runtime.change(replace(visit.author, actor=LINK)) as services:
        user = services.links.use(visit.request.matchdict["token"], new.password)
        services.audit.note("user.password-chosen", user)
    visit.say("Your password is set. Sign in with it.")
    return visit.go("login")


def find(visit: Visit, services: Services) -> User:
    """The person in the path. Raises NotFound."""
    return services.users.at(visit.number("user"))


def show_give(visit: Visit, services: Services) -> Shown:
    """What the link is for, and why the last one was not mailed."""
    user = find(visit, services)
    stuck = next((each for each in services.mails.stuck() if each.user is user), None)
    return {"user": user, "mails": _mails(visit), "link": "", "stuck": stuck}


def give(visit: Visit) -> Response:
    """Mailed to them, or shown once to hand over."""
    by_mail = _mails(visit) and visit.text("by") == "mail"
    with visit.change() as services:
        user = find(visit, services)
        if by_mail:
            services.links.check(user)
            services.mails.owe(user.email or "", Purpose.INVITATION)
        else:
            token = services.links.hand_over(user)
            services.audit.note("user.link-made", user)
    if by_mail:
        visit.say("A link is on its way to them.")
        number = visit.number("user")
        known = visit.has("member")
        return visit.go("member", user=number) if known else visit.go("overview")
    with visit.reading() as services:
        shown = {
            "user": find(visit, services),
            "mails": _mails(visit),
            "link": links.address(visit.base_url, token),
            "stuck": None,
        }
        return pages.answer(visit, services, "links/give.jinja2", shown)


PAGES = (
    Page(
        name="forgotten",
        path="/login/forgotten",
        permission=Permission.OPEN,
        template="links/forgotten.jinja2",
        show=show_forgotten,
        submit=ask,
    ),
    Page(
        name="one-time-link",
        path="/login/link/{token}",
        permission=Permission.OPEN,
        template="links/use.jinja2",
        show=show_link,
        submit=use,
    ),
    Page(
        name="member-link",
        path="/admin/members/{user}/link",
        permission=Permission.ADMINISTER,
        template="links/give.jinja2",
        section="members",
        target=find,
        show=show_give,
        submit=give,
        proof=True,
    ),
)
