"""A request for a page: who asks, what they entered, and the ways to read, change and answer."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr
from pyramid.request import Request
from pyramid.response import Response

from packistry.errors import Forbidden, NotFound
from packistry.inputs import read
from packistry.models import Via
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.services.access import ANONYMOUS, Actor, Permission, Target, knows, permits
from packistry.services.audit import Author
from packistry.services.sessions import Signed
from packistry.services.sign_in import Browser
from packistry.web import static
from packistry.web.addresses import base_url
from packistry.web.cookies import Cookies, Toast
from packistry.web.forms import Form
from packistry.web.kept import Kept

M = TypeVar("M", bound=BaseModel)

_SAFE_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1999}\Z", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)


class SignInFirst(Exception):
    """Nobody is signed in, and the page is not for everybody."""


class ProveFirst(Exception):
    """It is too long ago that whoever is signed in proved who they are."""


class EnrolFirst(Exception):
    """Whoever is signed in has to set up a second factor before anything else."""


class SeeOther(Response):  # type: ignore[misc]  # WebOb has no types
    """303 to an address of ours. It stays relative: no Host header has a say in it."""

    def __init__(self, path: str) -> None:
        super().__init__(status=303, headerlist=[("Location", path), ("Cache-Control", "no-store")])

    def _abs_headerlist(self, _environ: Mapping[str, Any]) -> list[tuple[str, str]]:
        return list(self.headerlist)


class Visit:
    """What a page's views are given. One per request."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.runtime: Runtime = request.parts.runtime
        self.kept: Kept = request.parts.kept
        self.base_url = base_url(request.environ, self.runtime.settings.url) or ""
        self.https = self.base_url.startswith("https:")
        self.cookies = Cookies(request, secure=self.https)
        self.signed: Signed | None = None
        self.needs: int | None = None
        """How many things need them, where the page has found out."""
        self.fields: dict[str, str] = {}
        """A message for each field of the form that was wrong."""
        self.problem = ""
        """What is wrong with the form as a whole; "" while nothing is."""
        self.section = ""
        """The item of the navigation that the page belongs to."""
        self.learnt: Any = None
        """What the page's `ask` learnt."""
        self._toast: Toast | None = None

    # Who asks.
    @property
    def actor(self) -> Actor:
        return self.signed.actor if self.signed else ANONYMOUS

    @property
    def who(self) -> Signed:
        """Whoever is signed in. Raises SignInFirst."""
        if self.signed is None:
            raise SignInFirst
        return self.signed

    @property
    def author(self) -> Author:
        """Whose changes these are."""
        return Author(actor=self.actor, via=Via.WEB, address=self.address)

    @property
    def address(self) -> str:
        """The address of the client, or of the proxy that is not trusted."""
        text: str = self.request.environ.get("REMOTE_ADDR") or ""
        return text

    @property
    def host(self) -> str:
        """Where they are, as people say it."""
        return urlsplit(self.base_url).netloc

    @property
    def browser(self) -> Browser:
        return Browser(
            address=self.address,
            agent=self.request.headers.get("User-Agent", ""),
            cookie=self.cookies.session,
        )

    def admit(self, services: Services, permission: Permission, target: Target) -> None:
        """Raises SignInFirst, NotFound where the target is hidden from them, and Forbidden."""
        if permits(services.session, self.actor, permission, target):
            return
        if self.actor.anonymous:
            raise SignInFirst
        if target is not None and not knows(services.session, self.actor, target):
            raise NotFound("There is no such page.")
        raise Forbidden(_REFUSALS[permission])

    def demand_proof(self) -> None:
        """Raises ProveFirst unless they proved within the last 15 minutes who they are."""
        if not self.who.fresh:
            raise ProveFirst

    def demand_enrolment(self) -> None:
        """Raises EnrolFirst for whom a second factor is demanded who has none."""
        if self.signed is not None and self.signed.to_enrol:
            raise EnrolFirst

    def may(self, services: Services, permission: Permission | str, target: Target = None) -> bool:
        """Whether to show what needs the permission, which templates name by its word."""
        return permits(services.session, self.actor, Permission(permission), target)

    # What they asked.
    def number(self, name: str) -> int:
        """A number in the path. Raises NotFound when it cannot be one of ours."""
        text: str = self.request.matchdict[name]
        if not _NUMBER.match(text):
            raise NotFound("There is no such page.")
        return int(text)

    def text(self, name: str) -> str:
        """A field of the form, or "" ."""
        value = self.request.POST.get(name, "")
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """All values of a field that may be there several times."""
        return [value for value in self.request.POST.getall(name) if isinstance(value, str)]

    def secret(self, name: str) -> SecretStr:
        return SecretStr(self.text(name))

    def ticked(self, name: str) -> bool:
        return self.text(name) != ""

    def query(self, name: str) -> str:
        """A parameter of the address, or "" ."""
        value: str = self.request.GET.get(name, "")
        return value[:255]

    def read(self, model: type[M], **values: Any) -> M:
        """The input that these values make. Raises Invalid with a message for each field."""
        return read(model, **values)

    def form(self, **defaults: Any) -> Form:
        """The form to show: what was entered, else the defaults; and what was wrong with it."""
        entered = self.request.POST if self.request.method == "POST" else None
        return Form(defaults, entered, self.fields)

    # What to do.
    @contextmanager
    def reading(self) -> Iterator[Services]:
        """A transaction that only reads."""
        with self.runtime.reading() as services:
            yield services

    @contextmanager
    def change(self) -> Iterator[Services]:
        """A transaction whose changes are recorded as theirs."""
        with self.runtime.change(self.author) as services:
            yield services

    # What to answer.
    def url(self, name: str, /, **parts: Any) -> str:
        """The path of a page; `_query` is its query."""
        path: str = self.request.route_path(name, **parts)
        return path

    def has(self, name: str) -> bool:
        """Whether there is such a page."""
        return name in self.request.registry["packistry.pages"]

    def static(self, name: str) -> str:
        """The path of a file of ours."""
        return self.url("static", fingerprint=static.fingerprint(), name=name)

    def here(self, **changes: Any) -> str:
        """This page's address with some of its query changed; None takes a parameter away."""
        query = {**self.request.GET.mixed(), **changes}
        kept = {key: value for key, value in query.items() if value not in (None, "")}
        name = self.request.matched_route.name
        return self.url(name, **self.request.matchdict, _query=kept)

    def go(self, name: str, /, **parts: Any) -> Response:
        """To that page, with what was to be `said`."""
        return self.go_to(self.url(name, **parts))

    def go_to(self, path: str) -> Response:
        response = SeeOther(path)
        if self._toast is not None:
            self.cookies.keep_toast(response, self._toast)
        return response

    def go_away(self, url: str) -> Response:
        """To another site, as the answer to a link: after a form, browsers refuse to."""
        return Response(status=303, headerlist=[("Location", url), ("Cache-Control", "no-store")])

    def signed_in(self, cookie: str, path: str) -> Response:
        """To that path, signed in with the cookie of a new session."""
        self.cookies.session = cookie
        response = self.go_to(path)
        self.cookies.keep(response, cookie)
        return response

    def say(self, text: str, *, link: str = "", href: str = "") -> None:
        """Say it on the page that they are sent to."""
        self._toast = Toast(text=text, link=link, href=href)

    def safe(self, path: str) -> str:
        """The path if it is one of ours, "/" otherwise."""
        home = self.url("overview")
        return path if _SAFE_PATH.match(path) and urlsplit(path).netloc == "" else home


_REFUSALS = {
    Permission.READ: "You may not see this. Ask an administrator for a grant.",
    Permission.MAINTAIN: "Only the maintainers of a repository, and administrators, may do this.",
    Permission.ADMINISTER: "Only administrators may do this.",
}
