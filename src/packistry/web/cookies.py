"""The cookies of browsers: who they are, which theme, and what to say on the next page."""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pyramid.request import Request
from pyramid.response import Response
from webob.cookies import CookieProfile, SignedSerializer

SESSION = "packistry"
CSRF = "XSRF-TOKEN"
THEME = "packistry-theme"
TOAST = "packistry-said"
PENDING = "packistry-pending"
THEMES = ("light", "dark")
YEAR = 365 * 86400
TOAST_SECONDS = 60
PENDING_SECONDS = 600
LONGEST_COOKIE = 100


@dataclass(frozen=True, kw_only=True)
class Toast:
    """One sentence about what has just been done, and where to look at it."""

    text: str
    link: str = ""
    href: str = ""


class Cookies:
    """The cookies of one request. `secure`: browsers send them over HTTPS alone."""

    def __init__(self, request: Request, *, secure: bool) -> None:
        self._request = request
        self._secure = secure
        sent = request.cookies.get(self._name(SESSION), "")
        self.session: str = sent if len(sent) <= LONGEST_COOKIE else ""

    @property
    def csrf(self) -> str:
        """The token that this browser's forms must hold: only who knows the cookie knows it."""
        return sha256(b"csrf\0" + self.session.encode()).hexdigest() if self.session else ""

    def is_ours(self, token: str) -> bool:
        """Whether a form came from a page that this browser was given."""
        return bool(self.session) and secrets.compare_digest(token.encode(), self.csrf.encode())

    def keep(self, response: Response, cookie: str) -> None:
        """From now on this is the browser's session cookie."""
        self._set(response, SESSION, cookie)

    def keep_csrf(self, response: Response) -> None:
        """Let scripts of ours, and of whoever knows the PHP Packistry, read the token."""
        if self._request.cookies.get(CSRF) != self.csrf:
            response.set_cookie(CSRF, self.csrf, **{**self._options(), "httponly": False})

    def drop(self, response: Response) -> None:
        """The browser has no session any more."""
        name, options = self._name(SESSION), self._options()
        response.set_cookie(name, "", max_age=0, **options)

    def pending(self, what: str) -> str:
        """What this browser has to bring back to finish `what` it began; "" without it."""
        sent: str = self._request.cookies.get(self._name(f"{PENDING}-{what}"), "")
        return sent if len(sent) <= LONGEST_COOKIE else ""

    def keep_pending(self, response: Response, what: str, cookie: str) -> None:
        name, options = self._name(f"{PENDING}-{what}"), self._options()
        response.set_cookie(name, cookie, max_age=PENDING_SECONDS, **options)

    def drop_pending(self, response: Response, what: str) -> None:
        response.set_cookie(self._name(f"{PENDING}-{what}"), "", max_age=0, **self._options())

    @property
    def theme(self) -> str:
        """What the person chose, light or dark; "" for what the system says."""
        theme: str = self._request.cookies.get(THEME, "")
        return theme if theme in THEMES else ""

    def keep_theme(self, response: Response, theme: str) -> None:
        response.set_cookie(THEME, theme, max_age=YEAR if theme else 0, **self._options())

    def keep_toast(self, response: Response, toast: Toast) -> None:
        """Say it on the next page."""
        value = {"text": toast.text, "link": toast.link, "href": toast.href}
        for header in self._toasts().get_headers(value):
            response.headerlist.append(header)

    def take_toast(self) -> Toast | None:
        """What is to be said on this page."""
        value = self._toasts().get_value() if TOAST in self._request.cookies else None
        return Toast(**value) if value else None

    def drop_toast(self, response: Response) -> None:
        for header in self._toasts().get_headers(None, max_age=0):
            response.headerlist.append(header)

    def _toasts(self) -> Any:
        # Signed with the session cookie: nobody else can have us say something.
        return CookieProfile(
            TOAST,
            secure=self._secure,
            max_age=TOAST_SECONDS,
            httponly=True,
            samesite="Lax",
            path="/",
            serializer=SignedSerializer(self.session or "nobody", "packistry.toast"),
        ).bind(self._request)

    def _set(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(self._name(name), value, **self._options())

    def _name(self, name: str) -> str:
        # With the prefix a browser takes it from this very host over HTTPS, and from no other.
        return f"__Host-{name}" if self._secure else name

    def _options(self) -> dict[str, Any]:
        return {"path": "/", "httponly": True, "samesite": "Lax", "secure": self._secure}
