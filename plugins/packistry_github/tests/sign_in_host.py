"""A GitHub's OAuth, and what it tells of the person who signs in, in these tests only."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from packistry.testing import HostRequest
from plugins.packistry_github.tests.host import NOT_FOUND, assert_polite, described
from tests.hosts.host import Answer, StatefulHost, query, route

CLIENT_ID, CLIENT_SECRET = "Iv1.0123456789abcdef", "s3cret-of-an-app"
WEB = "https://git.example/code"


class SignInHost(StatefulHost):
    """Ada signs in, and allows what she is asked for unless `allowed` says what instead.

    `hidden`: the paths of the API that are refused. A list has one entry a page.
    """

    def __init__(self, web: str = WEB, api: str = f"{WEB}/api/v3") -> None:
        super().__init__(api, openapi=described(api))
        self.web = web
        self.person: dict[str, Any] = {"id": 583231, "login": "ada", "name": "Ada", "email": None}
        self.emails: list[dict[str, Any]] = [
            {"email": "ada@old.test", "primary": False, "verified": True, "visibility": None},
            {"email": "ada@example.test", "primary": True, "verified": True, "visibility": None},
        ]
        acme, other = {"login": "acme", "id": 9919}, {"login": "Other", "id": 9920}
        self.organizations = [acme, other]
        self.teams = [{"id": 1, "slug": "php-devs", "organization": acme}]
        self.allowed: str | None = None
        self.access_token = "gho_16C7e42F292c6912E7710c838347Ae178B4a"
        self.hidden: set[str] = set()
        self._codes: dict[str, Mapping[str, str]] = {}

    def authorize(self, url: str) -> dict[str, str]:
        assert url.startswith(f"{self.web}/login/oauth/authorize?")
        asked = {name: found[0] for name, found in parse_qs(urlsplit(url).query).items()}
        assert asked["client_id"] == CLIENT_ID
        code = secrets.token_hex(10)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def answer(self, request: HostRequest) -> tuple[int, Mapping[str, str], bytes]:
        below = request.url.partition("?")[0].removeprefix(f"{self.web}/login/oauth/")
        if below == "authorize":
            return 302, {"Location": f"{self.web}/login"}, b""
        if below == "access_token":
            return self._token(request)
        if not request.url.startswith(self.url):
            return 404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>"
        return super().answer(request)

    def _token(self, request: HostRequest) -> tuple[int, Mapping[str, str], bytes]:
        form = {name: found[0] for name, found in parse_qs(request.body.decode()).items()}
        kind = {"Content-Type": "application/json; charset=utf-8"}
        if form["client_id"] != CLIENT_ID:
            return 404, kind, b'{"error":"Not Found"}'
        told = self._exchanged(form)
        if request.headers.get("Accept") != "application/json":
            kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
            return 200, kind, urlencode(told).encode()
        return 200, kind, json.dumps(told).encode()

    def _exchanged(self, form: Mapping[str, str]) -> dict[str, str]:
        """Refusals come with status 200."""
        if form["client_secret"] != CLIENT_SECRET:
            return _refusal("incorrect_client_credentials")
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge:
            return _refusal("bad_verification_code")
        if asked["redirect_uri"] != form["redirect_uri"]:
            return _refusal("redirect_uri_mismatch")
        scope = ",".join(sorted(asked["scope"].split())) if self.allowed is None else self.allowed
        return {"access_token": self.access_token, "token_type": "bearer", "scope": scope}

    def _dispatch(self, request: HostRequest) -> Answer:
        assert_polite(request)
        if request.headers["Authorization"] != f"Bearer {self.access_token}":
            return Answer(status=401, json={"message": "Bad credentials"})
        if urlsplit(request.url).path.removeprefix(self.base_path) in self.hidden:
            return NOT_FOUND
        return super()._dispatch(request)

    @route("GET", "/user")
    def user(self, _request: HostRequest) -> Answer:
        return Answer(json=self.person)

    @route("GET", "/user/(?P<kind>emails|orgs|teams)")
    def lists(self, request: HostRequest, kind: str) -> Answer:
        every = {"emails": self.emails, "orgs": self.organizations, "teams": self.teams}[kind]
        number = int(query(request).get("page", "1"))
        following = f'<{self.url}/user/{kind}?per_page=100&page={number + 1}>; rel="next"'
        headers = {"Link": following} if number < len(every) else {}
        return Answer(json=every[number - 1 : number], headers=headers)


def _refusal(error: str) -> dict[str, str]:
    return {"error": error, "error_description": "As its documentation says.", "error_uri": ""}
