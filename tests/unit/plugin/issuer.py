"""An OpenID provider of a test's own: it checks what a real one checks, and lies when told to."""

import base64
import hashlib
import json
import secrets
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import Key, RSAKey

from packistry.plugin import Identity, OAuth2Config, OpenIDBackend, load_config
from packistry.testing import FakeHost, HostRequest, sign_in

ISSUER = "https://id.example/realms/main"
CLIENT_ID = "pack istry:1"
CLIENT_SECRET = "s3cret%+&ü-canary"
ALICE: Mapping[str, Any] = {
    "sub": "alice-1",
    "name": "Alice",
    "email": "alice@example.test",
    "email_verified": True,
    "groups": ["devs"],
}
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})

Answer = tuple[int, Mapping[str, str], bytes]


class FakeIssuer(FakeHost):
    """`person` signs in. What is set beside it makes one thing about the answers wrong."""

    def __init__(self, issuer: str = ISSUER) -> None:
        super().__init__()
        self.issuer = issuer
        self.person: dict[str, Any] = dict(ALICE)
        self.metadata: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/jwks",
            "end_session_endpoint": f"{issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "scopes_supported": ["openid", "email", "profile"],
        }
        self.keys: list[Key] = [KEY]
        self.signing_key: Any = KEY
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.claims: dict[str, Any] = {}
        self.left_out: set[str] = set()
        self.userinfo: dict[str, Any] | None = None
        self.userinfo_only: set[str] = set()
        self.token_answer: Callable[[dict[str, Any]], Any] = lambda answer: answer
        self.token_status = 200
        self._asked: dict[str, dict[str, str]] = {}

    def authorize(self, url: str) -> dict[str, str]:
        """The person agrees; what their browser brings back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        code = secrets.token_hex(8)
        self._asked[code] = query
        return {"code": code, "state": query["state"]}

    def answer(self, request: HostRequest) -> Answer:
        path = request.url.partition("?")[0].removeprefix(self.issuer)
        if path == "/.well-known/openid-configuration":
            return _json(200, self.metadata)
        if path == "/jwks":
            return _json(200, {"keys": [key.as_dict(private=False) for key in self.keys]})
        if path == "/token":
            return self._token(request)
        if path == "/userinfo":
            assert request.headers["Authorization"].startswith("Bearer ")
            return _json(200, self.userinfo if self.userinfo is not None else self.person)
        if path == "/authorize":
            return 302, {"Location": f"{self.issuer}/login"}, b""
        return super().answer(request)

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        person = {k: v for k, v in self.person.items() if k not in self.userinfo_only}
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **person,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if name not in self.left_out}
        algorithms = [self.header["alg"]]
        with warnings.catch_warnings():
            # joserfc says of some of them what we say.
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.encode(self.header, kept, self.signing_key, algorithms=algorithms)

    def _token(self, request: HostRequest) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if not _is_our_client(request, form):
            return _json(401, {"error": "invalid_client", "error_description": "no such client"})
        if form.get("grant_type") != "authorization_code":
            return _json(200, {"access_token": "of-the-service", "token_type": "bearer"})
        asked = self._asked.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return _json(400, {"error": "invalid_grant"})
        answer = {
            "access_token": "opaque",
            "token_type": "Bearer",
            "id_token": self.id_token(asked.get("nonce", "")),
            "scope": "openid email",
        }
        return _json(self.token_status, self.token_answer(answer))


def _is_our_client(request: HostRequest, form: Mapping[str, str]) -> bool:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind == "Basic":
        name, _, secret = base64.b64decode(value).decode().partition(":")
        return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)
    return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


def _json(status: int, document: Any) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


class Place(OpenIDBackend[OAuth2Config]):
    name, title, Config = "place", "Our place", OAuth2Config

    def issuer(self) -> str:
        return ISSUER


def place(issuer: FakeIssuer, *, secret: str = CLIENT_SECRET) -> Place:
    values = {"client_id": CLIENT_ID, "client_secret": secret}
    return Place(load_config(OAuth2Config, values), issuer.client())


def signed_in(issuer: FakeIssuer) -> Identity:
    return sign_in(place(issuer), issuer.authorize)
