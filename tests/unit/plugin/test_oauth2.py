"""A place with OAuth 2.0 and no OpenID Connect, which tells its errors with status 200."""

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from packistry.plugin import (
    ConfigError,
    CredentialsError,
    Endpoints,
    Identity,
    OAuth2Backend,
    OAuth2Config,
    PluginError,
    RateLimited,
    SignInRefused,
    TokenAnswer,
    Unavailable,
    load_config,
)
from packistry.testing import CALLBACK_URL, AuthBackendContract, FakeHost, HostRequest, sign_in

FORGE = "https://forge.example"


class Forge(OAuth2Backend[OAuth2Config]):
    name, title, Config = "forge", "Forge", OAuth2Config
    scope = "read:user user:email"

    def endpoints(self) -> Endpoints:
        return Endpoints(authorize=f"{FORGE}/authorize", token=f"{FORGE}/token")

    def identity(self, answer: TokenAnswer) -> Identity:
        if "user:email" not in answer.scope:
            raise SignInRefused("Allow us to read your e-mail address.")
        user = self.api(f"{FORGE}/api", answer).get("user").json()
        return Identity(subject=str(user["id"]), name=user["login"])


class ForgeHost(FakeHost):
    def __init__(self) -> None:
        super().__init__()
        self.codes: set[str] = set()
        self.scope = "read:user,user:email"
        self.error: Any = None
        self.status = 200
        self.on("GET", f"{FORGE}/authorize")

    def authorize(self, url: str) -> dict[str, str]:
        code = secrets.token_hex(4)
        self.codes.add(code)
        return {"code": code, "state": parse_qs(urlsplit(url).query)["state"][0]}

    def answer(self, request: HostRequest) -> tuple[int, Mapping[str, str], bytes]:
        path = urlsplit(request.url).path
        if path == "/token":
            return self.status, {"Content-Type": "application/json"}, self._token(request)
        if path == "/api/user":
            assert request.headers["Authorization"] == "Bearer of-a-person"
            return 200, {}, b'{"id": 7, "login": "ada"}'
        return 200, {}, b"a page to sign in"

    def _token(self, request: HostRequest) -> bytes:
        form = parse_qs(request.body.decode())
        if self.error is not None:
            return json.dumps(self.error).encode()
        if form["client_secret"] != ["canary"]:
            return b'{"error": "incorrect_client_credentials"}'
        if form["code"][0] not in self.codes:
            return b'{"error": "bad_verification_code", "error_description": "expired"}'
        answer = {"access_token": "of-a-person", "token_type": "bearer", "scope": self.scope}
        return json.dumps(answer).encode()


def forge(host: FakeHost, secret: str = "canary") -> Forge:
    values = {"client_id": "us", "client_secret": secret}
    return Forge(load_config(OAuth2Config, values), host.client())


@pytest.fixture
def host() -> ForgeHost:
    return ForgeHost()


class TestForge(AuthBackendContract):
    @pytest.fixture
    def backend(self, host: ForgeHost) -> Forge:
        return forge(host)

    @pytest.fixture
    def authorize(self, host: ForgeHost) -> Any:
        return host.authorize

    @pytest.fixture
    def expected_identity(self) -> Identity:
        return Identity(subject="7", name="ada")


def test_a_wrong_secret_is_explained(host):
    with pytest.raises(CredentialsError, match="client secret"):
        forge(host, "wrong").check(CALLBACK_URL)


def test_a_wrong_callback_is_explained(host):
    host.error = {"error": "redirect_uri_mismatch"}
    with pytest.raises(ConfigError, match=CALLBACK_URL):
        forge(host).check(CALLBACK_URL)


def test_less_than_was_asked_for_can_be_refused(host):
    host.scope = "read:user"
    with pytest.raises(SignInRefused, match="e-mail"):
        sign_in(forge(host), host.authorize)


@pytest.mark.parametrize("status", [200, 400, 401])
def test_an_error_counts_with_any_status(host, status):
    host.error, host.status = {"error": "bad_verification_code"}, status
    with pytest.raises(SignInRefused, match="does not know this code"):
        sign_in(forge(host), host.authorize)


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (500, Unavailable)])
def test_a_place_that_cannot_answer_is_no_refusal(host, status, error):
    host.error, host.status = {"error": "x"}, status
    with pytest.raises(error):
        sign_in(forge(host), host.authorize)


def test_the_words_of_the_place_are_told_as_plain_text(host):
    backend = forge(host)
    redirect = backend.begin(CALLBACK_URL)
    answer = {
        "state": redirect.memo["state"],
        "error": "server_error",
        "error_description": "\x1b[2Jtry \u202elater" + "x" * 5000,
    }
    with pytest.raises(SignInRefused, match="try later") as caught:
        backend.finish(CALLBACK_URL, answer, redirect.memo)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_nonce_is_for_openid_only(host):
    assert "nonce" not in forge(host).begin(CALLBACK_URL).url


def test_no_token_is_sent_over_an_open_line():
    with pytest.raises(PluginError, match="https"):
        Endpoints(authorize=f"{FORGE}/a", token="http://forge.example/token")
