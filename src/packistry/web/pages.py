"""How a page is answered: who may, in which transaction, and what becomes of a fault."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from pyramid.config import Configurator
from pyramid.renderers import render
from pyramid.request import Request
from pyramid.response import Response

from packistry.errors import Conflict, Forbidden, Invalid, NotFound, PackistryError, Unavailable
from packistry.plugin.errors import ConfigError, PluginError
from packistry.services import Services
from packistry.services.access import Permission, Target
from packistry.services.sessions import new_cookie
from packistry.services.throttle import Throttled
from packistry.web import errors, headers
from packistry.web.compiled import COMPILED
from packistry.web.forms import config_faults
from packistry.web.frame import frame
from packistry.web.visit import EnrolFirst, ProveFirst, SignInFirst, Visit
from packistry.web.words import FILTERS

log = logging.getLogger(__name__)

MOST_FIELDS = 1000
MOST_BODY = 1024 * 1024
Shown: TypeAlias = "Mapping[str, Any] | Response"
Show = Callable[[Visit, Services], Shown]
Submit = Callable[[Visit], Response]
Ask = Callable[[Visit], Any]
Find = Callable[[Visit, Services], Target]

FOREIGN = (
    "This form did not come from a page that this browser was given, or it is too old. Open the "
    "page again and repeat what you did."
)
NO_COOKIE = (
    "This browser did not send our cookie back. Allow cookies for this site, and open it at {url}."
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """An address of the web admin.

    `show` answers GET with what `template` needs; it runs in a transaction that only reads, in
    which `target` has found the row that `permission` is about. `submit` answers POST; it opens
    its own transactions by `Visit.change`. What it raises of ours is told on the page that `show`
    makes, or, where there is none, on one of its own. `act` answers GET as `submit` does POST, for
    what other sites lead to and a plugin is asked about. `ask` comes before `show`, outside of any
    transaction, for what takes its time, and leaves what it learnt in `Visit.learnt`. `section`
    names the page whose item of the navigation is the present one, itself by default. A form of
    more than `largest` bytes is refused unread. `proof`: they must have proved not long ago who
    they are, and are asked to first. `enrolling`: whoever has to set up a second factor needs it
    for that; other pages, but those for everybody, send them there.
    """

    name: str
    path: str
    permission: Permission
    template: str = ""
    section: str = ""
    show: Show | None = None
    submit: Submit | None = None
    act: Submit | None = None
    ask: Ask | None = None
    target: Find | None = None
    largest: int = MOST_BODY
    proof: bool = False
    enrolling: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        # What acts is done once, by who means it.
        reads = ("GET", "HEAD") if self.show else ("GET",) if self.act else ()
        return (*reads, "POST") if self.submit else reads


def register(config: Configurator, pages: tuple[Page, ...]) -> None:
    """Adds the pages' routes, in their order."""
    config.registry[PAGES] = frozenset(page.name for page in pages)
    for page in pages:
        config.add_route(page.name, page.path, request_method=page.methods)
        config.add_view(_view(page), route_name=page.name)


def _view(page: Page) -> Callable[[Request], Response]:
    def view(request: Request) -> Response:
        visit = Visit(request)
        visit.section = page.section or page.name
        try:
            response = _respond(page, visit)
        except SignInFirst:
            response = _to_sign_in(visit)
        except ProveFirst:
            response = _to_proof(page, visit)
        except EnrolFirst:
            visit.say("People with your role need a second factor here. Set it up first.")
            response = visit.go("profile-second-factor")
        except PackistryError as error:
            response = fault(visit, error)
        if visit.signed is not None and visit.signed.stale:
            session_id = visit.signed.session_id
            visit.runtime.attempt(lambda services: services.sessions.touch(session_id))
        return response

    return view


def _respond(page: Page, visit: Visit) -> Response:
    if visit.request.method == "POST":
        return _submit(page, visit)
    if page.act is None:
        return _show(page, visit)
    with visit.reading() as services:
        _recognise(page, visit, services)
    return page.act(visit)


def _show(page: Page, visit: Visit) -> Response:
    assert page.show is not None  # noqa: S101 - the route takes no other method
    if page.ask is not None:
        with visit.reading() as services:
            _recognise(page, visit, services)
        visit.learnt = page.ask(visit)
    with visit.reading() as services:
        _recognise(page, visit, services)
        shown = page.show(visit, services)
        if isinstance(shown, Response):
            return shown
        return answer(visit, services, page.template, shown)


def _submit(page: Page, visit: Visit) -> Response:
    assert page.submit is not None  # noqa: S101 - the route takes no other method
    _check_form(page, visit)
    with visit.reading() as services:
        _recognise(page, visit, services)
    try:
        return page.submit(visit)
    except (NotFound, Forbidden) as error:
        if page.show is None or not isinstance(error, Forbidden):
            raise
        return _again(page, visit, error, 403)
    except (Invalid, Conflict, ConfigError, PluginError, Throttled, Unavailable) as error:
        if page.show is None:
            raise
        return _again(page, visit, error, errors.status_of(error))


def _again(page: Page, visit: Visit, error: PackistryError, status: int) -> Response:
    """The form as it was entered, with what is wrong with it."""
    visit.fields = dict(_faults(error))
    visit.problem = str(error)
    response = _show(page, visit)
    if response.status_int != 200:
        # There is no form to show again: whoever is signed in is led on.
        return response
    response.status_int = status
    if isinstance(error, Throttled | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _faults(error: PackistryError) -> Mapping[str, str]:
    if isinstance(error, Invalid):
        return error.fields
    if isinstance(error, ConfigError):
        return config_faults(error.fields)
    if isinstance(error, Conflict) and error.field:
        return {error.field: str(error)}
    return {}


def _recognise(page: Page, visit: Visit, services: Services) -> None:
    if visit.cookies.session:
        visit.signed = services.sessions.recognise(visit.cookies.session)
    target = page.target(visit, services) if page.target and visit.signed else None
    if page.target and not visit.signed:
        # Whether the row exists is none of a stranger's business.
        raise SignInFirst
    visit.admit(services, page.permission, target)
    if page.permission is not Permission.OPEN and not page.enrolling:
        visit.demand_enrolment()
    if page.proof:
        visit.demand_proof()


def _check_form(page: Page, visit: Visit) -> None:
    """Raises BadRequest and Forbidden unless the form came from a page of ours."""
    request = visit.request
    if (request.content_length or 0) > page.largest:
        raise errors.BadRequest("The form is larger than this page takes.", status=413)
    # Of what is no larger no files are made, which somebody would have to close.
    request.request_body_tempfile_limit = 2 * MOST_BODY
    try:
        many = len(request.POST) > MOST_FIELDS
    except (ValueError, UnicodeDecodeError):
        raise errors.BadRequest("The form cannot be read.") from None
    if many:
        raise errors.BadRequest("The form has too many fields.")
    # Not every database takes NUL.
    if any("\0" in value for value in request.POST.values() if isinstance(value, str)):
        raise errors.BadRequest("The form holds characters that are not text.")
    if not visit.cookies.session:
        raise Forbidden(NO_COOKIE.format(url=visit.base_url or "its own address"))
    came_from_us(visit)
    if not visit.cookies.is_ours(visit.text("csrf")):
        raise Forbidden(FOREIGN)


def came_from_us(visit: Visit) -> None:
    """Raises Forbidden where the browser says that a page of somebody else has sent this."""
    request = visit.request
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none") or (origin and origin not in _origins(visit)):
        raise Forbidden(FOREIGN)


def _origins(visit: Visit) -> set[str]:
    """The public address, and the one that was asked: behind a proxy they may differ."""
    base = urlsplit(visit.base_url)
    return {f"{base.scheme}://{base.netloc}", visit.request.host_url}


def _to_sign_in(visit: Visit) -> Response:
    wanted = visit.request.path_qs if visit.request.method == "GET" else visit.url("overview")
    query = {} if wanted == visit.url("overview") else {"next": wanted}
    return visit.go("login", _query=query)


def _to_proof(page: Page, visit: Visit) -> Response:
    if visit.request.method == "POST":
        visit.say("Nothing has been changed yet: enter it once more.")
    # A page that only takes forms has nothing to come back to.
    wanted = visit.request.path_qs if page.show is not None else visit.url("overview")
    return visit.go("prove", _query={"next": wanted})


def answer(
    visit: Visit, services: Services, template: str, shown: Mapping[str, Any], status: int = 200
) -> Response:
    """The page that a template makes of this."""
    fresh = not visit.cookies.session
    if fresh:
        # Forms need it: it stands for this browser until somebody signs in.
        visit.cookies.session = new_cookie()
    toast = visit.cookies.take_toast()
    whole = {
        **shown,
        "visit": visit,
        "services": services,
        "toast": toast,
        "frame": frame(visit, services),
    }
    response = _response(visit, render(template, whole, request=visit.request), status)
    if fresh:
        visit.cookies.keep(response, visit.cookies.session)
    if toast is not None:
        visit.cookies.drop_toast(response)
    return response


def part(visit: Visit, services: Services, template: str, shown: Mapping[str, Any]) -> Response:
    """A part of a page by itself, for `data-live`; 304 while it is what the browser has."""
    whole = {**shown, "visit": visit, "services": services}
    response = _response(visit, render(template, whole, request=visit.request), 200)
    response.headers["Cache-Control"] = "private, no-cache"
    response.md5_etag()
    response.conditional_response = True
    return response


def fault(visit: Visit, error: Exception) -> Response:
    """A page that says what went wrong."""
    status, message = errors.told(error)
    what = {"visit": visit, "status": status, "message": message, "back": _back(visit)}
    response = _response(visit, render("fault.jinja2", what, request=visit.request), status)
    if isinstance(error, Unavailable | Throttled):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _back(visit: Visit) -> str:
    """The page of ours that they came from; "" for none, or this one."""
    came_from = urlsplit(visit.request.headers.get("Referer", ""))
    path = came_from.path + (f"?{came_from.query}" if came_from.query else "")
    ours = f"{came_from.scheme}://{came_from.netloc}" in _origins(visit)
    again = path == visit.request.path_qs or visit.safe(path) != path
    return "" if not ours or again else path


def _response(visit: Visit, text: str, status: int) -> Response:
    response = Response(text, status=status, content_type="text/html", charset="utf-8")
    headers.protect(response, https=visit.https)
    return response


def failed(error: Exception, request: Request) -> Response:
    """The view of every fault: a page for a browser that wanted one, JSON for everybody else."""
    ours = request.matched_route is None or request.matched_route.name in request.registry[PAGES]
    if ours and "text/html" in request.headers.get("Accept", "") and request.method != "OPTIONS":
        return fault(Visit(request), error)
    return errors.failed(error, request)


PAGES = "packistry.pages"


def includeme(config: Configurator) -> None:
    """Registers templates and the view of every fault."""
    config.include("pyramid_jinja2")
    config.add_settings(
        {
            "jinja2.directories": "packistry.web:templates",
            "jinja2.undefined": "strict",
            "jinja2.trim_blocks": "true",
            "jinja2.lstrip_blocks": "true",
            "jinja2.filters": dict(FILTERS),
        }
    )
    config.commit()
    templates = config.get_jinja2_environment()
    templates.bytecode_cache = COMPILED
    # Imported by a layout it would not be known in the blocks of the pages that extend it.
    templates.globals["ui"] = templates.get_template("ui.jinja2").module
    config.add_notfound_view(failed)
    config.add_exception_view(failed, context=Exception)
