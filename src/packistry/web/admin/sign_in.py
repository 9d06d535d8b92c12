"""Signing in and out, and the theme, which anybody may choose."""

from pyramid.response import Response

from packistry.errors import Forbidden, Invalid
from packistry.services import Services, elsewhere, sign_in
from packistry.services.access import Permission
from packistry.web.admin.elsewhere import lead_away, login_form
from packistry.web.cookies import THEMES
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit


def show(visit: Visit, services: Services) -> Shown:
    """The form; for whoever is signed in, the page that was wanted."""
    wanted = visit.query("next") or visit.text("next")
    if visit.signed is not None:
        return visit.go_to(visit.safe(wanted))
    return login_form(visit, services, visit.safe(wanted) if wanted else "")


def submit(visit: Visit) -> Response:
    """Signed in, or the form again with one sentence."""
    email, password = visit.text("email"), visit.secret("password")
    wanted = visit.safe(visit.text("next"))
    try:
        cookie = sign_in.sign_in(
            visit.runtime, visit.author, email, password, visit.browser, next_path=wanted
        )
    except sign_in.SecondFactorNeeded as needed:
        response = visit.go("second-factor" if needed.known else "second-factor-set-up")
        visit.cookies.keep_pending(response, sign_in.SECOND, needed.pending)
        return response
    except Forbidden as error:
        raise Invalid(str(error)) from None
    return visit.signed_in(cookie, wanted)


def leave(visit: Visit) -> Response:
    """Signed out here, and where they signed in, if its source says so."""
    who = visit.who
    with visit.reading() as services:
        memo = services.sessions.memo(who.session_id)
    sign_in.sign_out(visit.runtime, visit.author, who.user_id, visit.cookies.session)
    back = visit.base_url + visit.url("login")
    url = elsewhere.sign_out_url(visit.runtime, memo, back)
    response = lead_away(visit, url, "You are signed out here") if url else visit.go("login")
    visit.cookies.drop(response)
    return response


def choose_theme(visit: Visit) -> Response:
    """Light, dark, or as the system says."""
    theme = visit.text("theme")
    response = visit.go_to(visit.safe(visit.text("next")))
    visit.cookies.keep_theme(response, theme if theme in THEMES else "")
    return response


PAGES = (
    Page(
        name="login",
        path="/login",
        permission=Permission.OPEN,
        template="login.jinja2",
        show=show,
        submit=submit,
    ),
    Page(
        name="logout",
        path="/logout",
        permission=Permission.PERSON,
        submit=leave,
        enrolling=True,
    ),
    Page(name="theme", path="/admin/theme", permission=Permission.OPEN, submit=choose_theme),
)
