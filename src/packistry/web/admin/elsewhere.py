"""The way to an authentication source and back."""

from urllib.parse import urlsplit

from pyramid.response import Response

from packistry.services import Services, elsewhere
from packistry.services.access import Permission
from packistry.services.identities import Refused
from packistry.web import pages
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

ICON_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
ICON_SECONDS = 300
LONGEST_ANSWER = 20_000


def leave(visit: Visit) -> Response:
    """To the source, to sign in there."""
    source_id = visit.number("auth")
    wanted = visit.query("next")
    try:
        departure = elsewhere.begin(
            visit.runtime,
            visit.author,
            source_id,
            callback(visit, source_id),
            visit.browser,
            next_path=visit.safe(wanted) if wanted else "",
        )
    except Refused as error:
        return _refused(visit, error)
    response = visit.go_away(departure.url)
    visit.cookies.keep_pending(response, str(source_id), departure.cookie)
    return response


def arrive(visit: Visit) -> Response:
    """Signed in, or connected, or the sign-in page with the reason why not."""
    source_id = visit.number("auth")
    try:
        arrival = elsewhere.finish(
            visit.runtime,
            visit.author,
            source_id,
            callback(visit, source_id),
            _answer(visit),
            pending=visit.cookies.pending(str(source_id)),
            browser=visit.browser,
            signed=visit.signed,
        )
    except Refused as error:
        response = _refused(visit, error)
    else:
        path = visit.safe(arrival.next)
        if arrival.cookie:
            response = visit.signed_in(arrival.cookie, path)
        else:
            visit.say("The account is connected: from now on it signs you in.")
            response = visit.go_to(path)
    visit.cookies.drop_pending(response, str(source_id))
    return response


def icon(visit: Visit, services: Services) -> Shown:
    """The picture of a source's button."""
    source = services.authentication_sources.at(visit.number("auth"))
    response = Response(
        services.authentication_sources.icon(source), content_type="image/svg+xml", charset="utf-8"
    )
    # Looked at by itself it is a document, of which nothing may run.
    response.headers["Content-Security-Policy"] = ICON_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = f"max-age={ICON_SECONDS}"
    return response


def callback(visit: Visit, source_id: int) -> str:
    """Where the source sends the browser back to: below /api for who began there."""
    below = "/api" if visit.request.path_info.startswith("/api/") else ""
    return elsewhere.callback_url(visit.base_url + below, source_id)


def lead_away(visit: Visit, url: str, title: str) -> Response:
    """A page that goes on to another site by itself.

    After a form a browser follows no redirect to elsewhere: the policy of our pages forbids it.
    """
    shown = {"title": title, "url": url, "site": urlsplit(url).hostname or ""}
    with visit.reading() as services:
        response = pages.answer(visit, services, "leaving.jinja2", shown)
    response.headers["Refresh"] = f"0; url={url}"
    return response


def _answer(visit: Visit) -> dict[str, str]:
    # Longer than any source's: no plugin need look at it.
    if len(visit.request.query_string) > LONGEST_ANSWER:
        return {}
    return dict(visit.request.GET.items())


def _refused(visit: Visit, error: Refused) -> Response:
    """Told on the sign-in page; to who is signed in, on a page of its own."""
    if visit.signed is not None:
        return pages.fault(visit, error)
    visit.problem = str(error)
    with visit.reading() as services:
        return pages.answer(visit, services, "login.jinja2", login_form(visit, services), 403)


def login_form(visit: Visit, services: Services, wanted: str = "") -> dict[str, object]:
    """What the sign-in page shows."""
    return {
        "form": visit.form(email=""),
        "next": wanted,
        "setup_needed": services.setup.needed(),
        "ways": services.authentication_sources.offered(),
    }


def _pages(prefix: str, suffix: str) -> tuple[Page, ...]:
    return (
        Page(
            name="sign-in-begin" + suffix,
            path=prefix + "/auths/{auth}/redirect",
            permission=Permission.OPEN,
            act=leave,
        ),
        Page(
            name="sign-in-end" + suffix,
            path=prefix + "/auths/{auth}/callback",
            permission=Permission.OPEN,
            act=arrive,
        ),
    )


PAGES = (
    *_pages("", ""),
    *_pages("/api", "-api"),
    Page(name="sign-in-icon", path="/auths/{auth}/icon", permission=Permission.OPEN, show=icon),
)
