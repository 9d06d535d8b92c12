import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest

from packistry.plugin import (
    CredentialsError,
    Identity,
    OAuth2Config,
    SignInRefused,
    load_config,
)
from packistry.testing import CALLBACK_URL, AuthBackendContract, HostRequest, sign_in
from packistry_bitbucket.sign_in import BitbucketSignIn
from plugins.packistry_bitbucket.tests.cloud_host import API, DATA
from tests.hosts.host import Answer, StatefulHost, query, route

CLIENT_ID, CLIENT_SECRET = "k3yOfAConsumer", "s3cret-of-a-consumer"
RECORDED = {
    name: json.loads((DATA / f"{name}.json").read_text()) for name in ("user", "user_workspaces")
}
PRIMARY = {"email": "brad@example.test", "is_primary": True, "is_confirmed": True}
SECOND = {"email": "brad@other.test", "is_primary": False, "is_confirmed": True}


class SignInHost(StatefulHost):
    """Bitbucket's OAuth and what it tells of the person who signs in."""

    def __init__(self) -> None:
        super().__init__("https://bitbucket.org")
        self.user = RECORDED["user"]
        self.emails: list[dict[str, Any]] = [SECOND, PRIMARY]
        self.workspaces = RECORDED["user_workspaces"]["values"]
        self.hidden: set[str] = set()
        self._asked: dict[str, Mapping[str, str]] = {}

    def authorize(self, url: str) -> dict[str, str]:
        asked = {name: found[0] for name, found in parse_qs(urlsplit(url).query).items()}
        assert (asked["client_id"], asked["scope"]) == (CLIENT_ID, "account email")
        code = secrets.token_hex(8)
        self._asked[code] = asked
        return {"code": code, "state": asked["state"]}

    def answer(self, request: HostRequest) -> tuple[int, Mapping[str, str], bytes]:
        below = request.url.removeprefix(API)
        if below == request.url:
            return super().answer(request)
        assert request.headers["Authorization"] == "Bearer of-brad"
        told = self._told(below.partition("?")[0], int(query(request).get("page", "1")))
        return told.status, {"Content-Type": "application/json"}, json.dumps(told.json).encode()

    @route("GET", "/site/oauth2/authorize")
    def login(self, _request: HostRequest) -> Answer:
        return Answer(status=302, headers={"Location": "https://id.atlassian.com/login"})

    @route("POST", "/site/oauth2/access_token")
    def token(self, request: HostRequest) -> Answer:
        form = {name: found[0] for name, found in parse_qs(request.body.decode()).items()}
        kind, _, pair = request.headers.get("Authorization", "").partition(" ")
        given = unquote_plus(base64.b64decode(pair).decode())
        if (kind, given) != ("Basic", f"{CLIENT_ID}:{CLIENT_SECRET}"):
            said = {"error": "unauthorized_client", "error_description": "Invalid OAuth client."}
            return Answer(status=400, json=said)
        asked = self._asked.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge:
            said = {"error": "invalid_grant", "error_description": "The code has expired."}
            return Answer(status=400, json=said)
        told = {"access_token": "of-brad", "token_type": "bearer", "scopes": "account email"}
        return Answer(json={**told, "expires_in": 7200, "refresh_token": "more"})

    def _told(self, path: str, page: int) -> Answer:
        if path in self.hidden:
            said = {"message": "Your credentials lack one or more required privilege scopes."}
            return Answer(status=403, json={"type": "error", "error": said})
        if path == "/user":
            return Answer(json=self.user)
        every = {"/user/emails": self.emails, "/user/workspaces": self.workspaces}[path]
        told: dict[str, Any] = {"pagelen": 1, "page": page, "values": every[page - 1 : page]}
        if page < len(every):
            told["next"] = f"{API}{path}?pagelen=1&page={page + 1}"
        return Answer(json=told)


@pytest.fixture
def place() -> SignInHost:
    return SignInHost()


@pytest.fixture
def backend(place: SignInHost) -> BitbucketSignIn:
    return made(place)


def made(place: SignInHost, secret: str = CLIENT_SECRET) -> BitbucketSignIn:
    given = {"client_id": CLIENT_ID, "client_secret": secret}
    return BitbucketSignIn(load_config(OAuth2Config, given), place.client())


class TestBitbucketSignIn(AuthBackendContract):
    @pytest.fixture
    def authorize(self, place: SignInHost) -> Callable[[str], Mapping[str, str]]:
        return place.authorize

    @pytest.fixture
    def expected_identity(self) -> Identity:
        return Identity(
            subject=RECORDED["user"]["uuid"],
            email="brad@example.test",
            email_verified=True,
            name="Brad Rydzewski",
        )


@pytest.mark.parametrize(
    ("emails", "address", "proven"),
    [
        ([], "", False),
        ([SECOND], "", False),
        ([{**PRIMARY, "is_confirmed": False}], "brad@example.test", False),
        ([{**PRIMARY, "is_confirmed": "true"}], "brad@example.test", False),
        ([{"email": "brad@example.test", "is_primary": True}], "brad@example.test", False),
        ([SECOND, {**SECOND, "is_primary": "yes"}, PRIMARY], "brad@example.test", True),
        ([{**PRIMARY, "email": None}], "", False),
    ],
)
def test_only_the_main_and_confirmed_address_is_proven(backend, place, emails, address, proven):
    place.emails = emails
    identity = sign_in(backend, place.authorize)
    assert (identity.email, identity.email_verified) == (address, proven)
    assert bool(identity.evidence) is proven


def test_a_name_that_can_change_hands_is_no_subject(backend, place):
    place.user = {**RECORDED["user"], "username": "other", "nickname": "other"}
    assert sign_in(backend, place.authorize).subject == RECORDED["user"]["uuid"]


def test_groups_are_the_workspaces_of_all_pages(backend, place):
    identity = sign_in(backend, place.authorize)
    assert identity.values("groups") == {"my-workspace", "team-workspace"}
    assert "{123e4567-e89b-12d3-a456-426614174000}" in identity.values("workspaces")


def test_workspaces_that_are_hidden_are_no_groups(backend, place):
    place.hidden = {"/user/workspaces"}
    assert sign_in(backend, place.authorize).values("groups") == frozenset()


@pytest.mark.parametrize("path", ["/user", "/user/emails"])
def test_a_permission_that_the_consumer_lacks_is_named(backend, place, path):
    place.hidden = {path}
    with pytest.raises(SignInRefused, match="Account: Read or Account: Email"):
        sign_in(backend, place.authorize)


@pytest.mark.parametrize("uuid", [None, "", 7])
def test_an_account_without_an_id_is_nobody(backend, place, uuid):
    place.user = {**RECORDED["user"], "uuid": uuid}
    with pytest.raises(SignInRefused, match="who you are"):
        sign_in(backend, place.authorize)


def test_a_wrong_secret_is_told_by_the_check(place):
    with pytest.raises(CredentialsError, match="client ID"):
        made(place, secret="wrong").check(CALLBACK_URL)
