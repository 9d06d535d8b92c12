"""The OpenID provider that a Gitea or Forgejo is, in these tests only."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from packistry.testing import CALLBACK_URL, HostRequest
from tests.unit.plugin.issuer import CLIENT_ID, CLIENT_SECRET, FakeIssuer

URL = "https://git.example/code"
PERSON = {
    "sub": "42",
    "name": "Ada Lovelace",
    "preferred_username": "ada",
    "profile": f"{URL}/ada",
    "email": "ada@example.test",
    "email_verified": True,
    "groups": ["acme", "acme:php-devs"],
}


class SignInHost(FakeIssuer):
    """`issuer_name`: how this version writes its own name, with or without a slash."""

    def __init__(self, issuer_name: str = URL) -> None:
        super().__init__(URL)
        place = f"{URL}/login/oauth"
        self.person = dict(PERSON)
        self.claims = {"iss": issuer_name}
        self.metadata = {
            "issuer": issuer_name,
            "authorization_endpoint": f"{place}/authorize",
            "token_endpoint": f"{place}/access_token",
            "jwks_uri": f"{place}/keys",
            "userinfo_endpoint": f"{place}/userinfo",
            "introspection_endpoint": f"{place}/introspect",
            "response_types_supported": ["code", "id_token"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email", "groups"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
        }
        self.callback = CALLBACK_URL
        self.token_answer = _without_scope

    def answer(self, request: HostRequest) -> tuple[int, Mapping[str, str], bytes]:
        below = request.url.partition("?")[0].removeprefix(f"{URL}/login/oauth/")
        if below == "access_token":
            return self._refusal(request) or super().answer(replace(request, url=f"{URL}/token"))
        known = {"keys": "jwks", "authorize": "authorize"}
        url = f"{URL}/{known[below]}" if below in known else request.url
        return super().answer(replace(request, url=url))

    def _refusal(self, request: HostRequest) -> tuple[int, Mapping[str, str], bytes] | None:
        form = {name: found[0] for name, found in parse_qs(request.body.decode()).items()}
        if form.get("client_id") != CLIENT_ID:
            name = form.get("client_id", "")
            return _refused("invalid_client", f"cannot load client with client id: '{name}'")
        if form.get("client_secret") != CLIENT_SECRET:
            return _refused("unauthorized_client", "invalid client secret")
        if form["redirect_uri"] != self.callback:
            return _refused("unauthorized_client", "unexpected redirect URI")
        if form["code"] not in self._asked:
            return _refused("unauthorized_client", "client is not authorized")
        return None


def _refused(error: str, words: str) -> tuple[int, Mapping[str, str], bytes]:
    body = json.dumps({"error": error, "error_description": words}).encode()
    return 400, {"Content-Type": "application/json;charset=utf-8"}, body


def _without_scope(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "scope"}
