"""How a call of the JSON API is answered: who may, in which transaction, and what of a fault."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from packistry.errors import Conflict, Invalid, PackistryError
from packistry.inputs import read
from packistry.models import Via
from packistry.plugin.errors import ConfigError
from packistry.services import Services
from packistry.services.access import ANONYMOUS, Actor, Permission
from packistry.services.audit import Author
from packistry.web import answers, errors, headers
from packistry.web.api.bodies import document
from packistry.web.credentials import token_of
from packistry.web.errors import BadRequest
from packistry.web.pages import Find, came_from_us
from packistry.web.visit import EnrolFirst, ProveFirst, SignInFirst, Visit

M = TypeVar("M", bound=BaseModel)

PREFIX = "/api"
CALLS = "packistry.calls"
CSRF_HEADERS = ("X-CSRF-Token", "X-XSRF-TOKEN")
READING = frozenset({"GET", "HEAD"})

NOT_SIGNED_IN = "Sign in, or send a token that opens the API: Authorization: Bearer pkpat-…"
BAD_CREDENTIALS = (
    "This token does not open the API: it is unknown, expired or revoked, or it was made for "
    "composer alone. Make one with the ability to call the API."
)
NO_CSRF = (
    "A session must send the value of the cookie XSRF-TOKEN in the header X-XSRF-TOKEN with "
    "whatever changes something."
)
NOT_FRESH = (
    "This needs a proof, not older than 15 minutes, that it is you: sign in again by "
    "POST /api/login, or use a token that opens the API."
)
NOT_ENROLLED = (
    "People with your role need a second factor here: set it up on the page of your account first."
)
NOTHING_HERE = "The API has nothing at this address. GET /api/openapi.json says what it has."


class ApiVisit(Visit):
    """What a call's function is given."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.by_token: Actor | None = None
        self._body: BaseModel | None = None
        self._narrowed: BaseModel | None = None
        self._cookie: str | None = None

    @property
    def actor(self) -> Actor:
        if self.by_token is not None:
            return self.by_token
        return self.signed.actor if self.signed else ANONYMOUS

    @property
    def author(self) -> Author:
        return Author(actor=self.actor, via=Via.API, address=self.address)

    @property
    def user_id(self) -> int:
        """Who asks. Raises SignInFirst."""
        if self.actor.user_id is None:
            raise SignInFirst
        return self.actor.user_id

    def begin(self, services: Services, cookie: str) -> None:
        """They are signed in with the cookie of a new session."""
        self.cookies.session = self._cookie = cookie
        self.signed = services.sessions.recognise(cookie)

    def end(self) -> None:
        """They are signed in no more."""
        self.signed, self._cookie = None, ""

    def keep(self, response: Response) -> None:
        """Give the browser what it needs for the next call, and note that its session is used."""
        if self._cookie:
            self.cookies.keep(response, self._cookie)
        elif self._cookie is not None:
            self.cookies.drop(response)
        if self.signed is not None:
            self.cookies.keep_csrf(response)
            session_id = self.signed.session_id
            if self.signed.stale:
                self.runtime.attempt(lambda services: services.sessions.touch(session_id))

    def body(self, model: type[M]) -> M:
        """What was sent, which the call declares to be a `model`."""
        assert isinstance(self._body, model)  # noqa: S101 - narrows what the call declares
        return self._body

    def narrowed(self, model: type[M]) -> M:
        """What the address asks, which the call declares to be a `model`."""
        assert isinstance(self._narrowed, model)  # noqa: S101 - narrows what the call declares
        return self._narrowed

    def take(self, call: "Call") -> None:
        """Read body and query as the call declares them. Raises Invalid and BadRequest."""
        if call.query is not None:
            self._narrowed = read(call.query, **self.request.GET.mixed())
        if call.body is not None:
            self._body = document(self.request, call.body, _told_only(call))


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of the API: `method` on `path`, which stands below /api.

    `show` answers a GET, in a transaction that only reads; `do` everything else, and opens its own
    by `Visit.change`. `target` finds the row that `permission` is about. What is returned is
    written as `returns` says; None is 204.
    """

    name: str
    method: str
    path: str
    permission: Permission
    tag: str
    summary: str
    returns: Any = None
    status: int = 200
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    target: Find | None = None
    show: Callable[[ApiVisit, Services], Any] | None = None
    do: Callable[[ApiVisit], Any] | None = None
    also: Sequence[str] = ()
    """Other methods that do the same."""
    proof: bool = False
    """A session must have been begun, or proved, not long ago: it decides who gets in."""

    @property
    def methods(self) -> tuple[str, ...]:
        return (self.method, *self.also)


def calls_below(
    path: str, *, tag: str, permission: Permission, target: Find | None = None
) -> Callable[..., Call]:
    """What makes the calls of a noun from (name, method, path below `path`, summary, the rest).

    They are about `target` where their path names a row.
    """

    def call(name: str, method: str, below: str, summary: str, **rest: Any) -> Call:
        usual = {
            "tag": tag,
            "permission": permission,
            "target": target if "{id}" in below else None,
        }
        return Call(name=name, method=method, path=path + below, summary=summary, **usual | rest)

    return call


def _told_only(call: Call) -> Collection[str]:
    """What a change may bring without effect, so that what was answered can be sent back."""
    if call.method != "PATCH" or call.body is None or not hasattr(call.returns, "model_fields"):
        return ()
    told: set[str] = set(call.returns.model_fields)
    return told - call.body.model_fields.keys()


def register(config: Configurator, calls: Sequence[Call]) -> None:
    """Adds the routes, one a path: another method than the calls have is 405."""
    config.registry[CALLS] = calls
    by_path: dict[str, dict[str, Call]] = defaultdict(dict)
    for call in calls:
        for method in call.methods:
            by_path[call.path][method] = call
    for number, (path, of_path) in enumerate(by_path.items()):
        if "GET" in of_path:
            of_path["HEAD"] = of_path["GET"]
        name = f"api-{number}"
        config.add_route(name, PREFIX + re.sub(r"{(\w+)}", r"{\1:[0-9]{1,9}}", path))
        config.add_view(_view(of_path), route_name=name)


def register_rest(config: Configurator) -> None:
    """Whatever else stands below /api is nothing of composer's, and no page."""
    config.add_route("api-nothing", PREFIX + "{rest:(?:/.*)?}")
    config.add_view(_nothing, route_name="api-nothing")


def _view(calls: Mapping[str, Call]) -> Callable[[Request], Response]:
    def view(request: Request) -> Response:
        call = calls.get(request.method)
        if call is None:
            return _guarded(_not_allowed(calls))
        visit = ApiVisit(request)
        try:
            response = _answer(call, visit)
        except SignInFirst:
            response = _unauthorized(NOT_SIGNED_IN)
        except ProveFirst:
            response = problem(403, NOT_FRESH)
        except EnrolFirst:
            response = problem(403, NOT_ENROLLED)
        except PackistryError as error:
            response = fault(error)
        if visit.by_token is not None and visit.by_token.token_id is not None:
            request.parts.tally.used(visit.by_token.token_id)
        visit.keep(response)
        return _guarded(response)

    return view


def _nothing(_request: Request) -> Response:
    return _guarded(problem(404, NOTHING_HERE))


def _guarded(response: Response) -> Response:
    headers.protect_data(response)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _answer(call: Call, visit: ApiVisit) -> Response:
    with visit.reading() as services:
        _recognise(call, visit, services)
        if call.show is not None:
            visit.take(call)
            return _written(call, call.show(visit, services))
    assert call.do is not None  # noqa: S101 - a call has one of both
    visit.take(call)
    return _written(call, call.do(visit))


def _recognise(call: Call, visit: ApiVisit, services: Services) -> None:
    """Who asks, and whether they may. Raises SignInFirst, Forbidden, NotFound, BadRequest."""
    header = visit.request.environ.get("HTTP_AUTHORIZATION")
    if header:
        claimed = token_of(header)
        visit.by_token = services.tokens.api_actor(claimed) if claimed else None
        if visit.by_token is None:
            raise BadRequest(BAD_CREDENTIALS, status=401)
    elif visit.cookies.session:
        visit.signed = services.sessions.recognise(visit.cookies.session)
    if visit.request.method not in READING and visit.by_token is None:
        came_from_us(visit)
        if visit.signed is not None and not _has_csrf(visit):
            raise BadRequest(NO_CSRF, status=403)
    if call.permission is not Permission.OPEN and visit.actor.anonymous:
        raise SignInFirst
    target = call.target(visit, services) if call.target else None
    visit.admit(services, call.permission, target)
    if call.permission is not Permission.OPEN and call.name != "logout":
        visit.demand_enrolment()
    if call.proof and visit.by_token is None:
        visit.demand_proof()


def _has_csrf(visit: Visit) -> bool:
    sent = (visit.request.headers.get(name, "") for name in CSRF_HEADERS)
    return any(visit.cookies.is_ours(token) for token in sent if token)


@cache
def _adapter(call: Call) -> TypeAdapter[Any]:
    return TypeAdapter(call.returns)


def _written(call: Call, found: Any) -> Response:
    if isinstance(found, Response):
        return found
    if call.returns is None:
        return Response(status=204)
    adapter = _adapter(call)
    body = adapter.dump_json(adapter.validate_python(found), by_alias=True)
    return Response(body, status=call.status, content_type=answers.JSON)


def problem(status: int, message: str, fields: Mapping[str, str] | None = None) -> Response:
    """The answer to what went wrong, as the PHP Packistry writes it."""
    content: dict[str, Any] = {"message": message}
    if fields:
        content["errors"] = {name: [words] for name, words in fields.items()}
    return Response(answers.json_bytes(content), status=status, content_type=answers.JSON)


def fault(error: PackistryError) -> Response:
    """What of ours was raised, as an answer."""
    status, message = errors.told(error)
    if isinstance(error, Conflict) and error.field:
        # As the PHP Packistry says it: what is taken is a fault of a field.
        status = 422
    if status == 401:
        return _unauthorized(message)
    response = problem(status, message, _fields(error, status, message))
    wait = getattr(error, "retry_after", None)
    if status in (429, 503) and wait:
        response.headers["Retry-After"] = str(int(wait))
    return response


def _unauthorized(message: str) -> Response:
    response = problem(401, message)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _fields(error: PackistryError, status: int, message: str) -> Mapping[str, str]:
    if isinstance(error, Invalid):
        return error.fields or {error.field or "input": message}
    if isinstance(error, ConfigError) and error.fields:
        return {f"config.{name}" if name else "config": say for name, say in error.fields.items()}
    if isinstance(error, Conflict):
        return {error.field: message} if error.field else {}
    return {"input": message} if status == 422 else {}


def _not_allowed(calls: Mapping[str, Call]) -> Response:
    response = problem(405, "This address does not take this method.")
    response.headers["Allow"] = ", ".join(sorted(calls))
    return response
