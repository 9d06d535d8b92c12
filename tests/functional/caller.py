"""Whoever calls the API: by a session with its CSRF token, by a token, or as nobody."""

import json
from functools import cache
from hashlib import sha256
from typing import Any

import openapi_core
from openapi_core.testing import MockRequest, MockResponse
from webtest import TestApp, TestResponse

from packistry.models import Role, TokenKind, User
from packistry.runtime import Runtime
from packistry.web.api import CALLS
from packistry.web.api.openapi import document
from packistry.web.cookies import SESSION

ADDRESS = "192.0.2.7"
HOST = "http://localhost"


class Caller:
    """Sends JSON and holds every answer against the OpenAPI document."""

    def __init__(self, application: Any, *, cookie: str = "", token: str = "") -> None:
        self.app = TestApp(application, extra_environ={"REMOTE_ADDR": ADDRESS})
        self.headers: dict[str, str] = {}
        if cookie:
            self.app.set_cookie(SESSION, cookie)
            self.headers["X-XSRF-TOKEN"] = sha256(b"csrf\0" + cookie.encode()).hexdigest()
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, /, status: Any = 200) -> Any:
        return self._told(self.send("GET", path, status=status))

    def post(self, path: str, /, status: Any = 201, **body: Any) -> Any:
        return self._told(self.send("POST", path, body, status=status))

    def patch(self, path: str, /, status: Any = 200, **body: Any) -> Any:
        return self._told(self.send("PATCH", path, body, status=status))

    def put(self, path: str, /, status: Any = 200, **body: Any) -> Any:
        return self._told(self.send("PUT", path, body, status=status))

    def delete(self, path: str, /, status: Any = 200) -> Any:
        return self._told(self.send("DELETE", path, status=status))

    def send(
        self, method: str, path: str, body: Any = None, *, status: Any = "*", **headers: str
    ) -> TestResponse:
        """The whole answer, which is as the document says."""
        content = b"" if body is None else json.dumps(body).encode()
        response = self.app.request(
            f"/api{path}",
            method=method,
            body=content,
            headers={**self.headers, **headers},
            content_type="application/json",
            expect_errors=True,
        )
        assert response.headers["Cache-Control"] == "no-store"
        if status != "*":
            assert response.status_int == status, response.text
        if method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
            _holds(method, path, response)
        return response

    @staticmethod
    def _told(response: TestResponse) -> Any:
        return response.json if response.body else None


@cache
def described() -> openapi_core.OpenAPI:
    """The document, ready to check answers with."""
    return openapi_core.OpenAPI.from_dict(document(CALLS, HOST))


def _holds(method: str, path: str, response: TestResponse) -> None:
    plain = path.partition("?")[0]
    request = MockRequest(HOST, method.lower(), f"/api{plain}")
    answer = MockResponse(
        response.body, status_code=response.status_int, content_type=response.content_type or ""
    )
    described().validate_response(request, answer)


def caller(
    runtime: Runtime, application: Any, email: str, *, admin: bool = False, by: str = "session"
) -> Caller:
    """Somebody who calls by their "session", an "api" token or a "composer" token."""
    with runtime.transaction() as services:
        user = services.users.find(email)
        if user is None:
            user = User(email=email, name="Jo", role=Role.ADMIN if admin else Role.USER)
            services.session.add(user)
            services.session.flush()
        if by == "session":
            cookie = services.sessions.begin(user, address=ADDRESS, agent="Test")
            return Caller(application, cookie=cookie)
        _, text = services.tokens.add(
            TokenKind.PERSONAL,
            by,
            user=user,
            can_read=by == "composer",
            can_write=by == "composer",
            can_call_api=by == "api",
        )
        return Caller(application, token=text)
