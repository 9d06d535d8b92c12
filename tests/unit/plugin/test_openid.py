from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from packistry.netguard import NetGuard
from packistry.plugin import (
    ConfigError,
    CredentialsError,
    HttpClient,
    Identity,
    SignInRefused,
    Unavailable,
)
from packistry.testing import CALLBACK_URL, AuthBackendContract, sign_in
from tests.unit.plugin.issuer import ALICE, ISSUER, FakeIssuer, Place, place, signed_in


def token_requests(issuer: FakeIssuer) -> int:
    return sum(request.url.endswith("/token") for request in issuer.requests)


class TestOpenIDBackend(AuthBackendContract):
    @pytest.fixture
    def backend(self, issuer: FakeIssuer) -> Place:
        return place(issuer)

    @pytest.fixture
    def authorize(self, issuer: FakeIssuer) -> Any:
        return issuer.authorize

    @pytest.fixture
    def expected_identity(self) -> Identity:
        return Identity(
            subject="alice-1", email="alice@example.test", email_verified=True, name="Alice"
        )


# The answer the browser brings.


@pytest.mark.parametrize("state", [None, "", "another"])
def test_an_answer_without_our_state_is_refused_before_any_token_request(issuer, state):
    backend = place(issuer)
    redirect = backend.begin(CALLBACK_URL)
    answer = issuer.authorize(redirect.url)
    answer = {**answer, "state": state} if state is not None else {"code": answer["code"]}
    with pytest.raises(SignInRefused, match="not begun in this browser"):
        backend.finish(CALLBACK_URL, answer, redirect.memo)
    assert token_requests(issuer) == 0


@pytest.mark.parametrize("memo", [{}, {"state": ""}])
def test_where_no_sign_in_was_begun_none_is_finished(issuer, memo):
    backend = place(issuer)
    redirect = backend.begin(CALLBACK_URL)
    code = issuer.authorize(redirect.url)["code"]
    for answer in ({"code": code}, {"code": code, "state": ""}):
        with pytest.raises(SignInRefused):
            backend.finish(CALLBACK_URL, answer, {**redirect.memo, "state": "", **memo})


@pytest.mark.parametrize(
    "answer", [{}, {"code": ""}, {"error": "access_denied"}, {"error": "x", "code": "y"}]
)
def test_without_a_code_no_token_of_our_own_is_asked_for(issuer, answer):
    backend = place(issuer)
    redirect = backend.begin(CALLBACK_URL)
    answer = {**answer, "state": redirect.memo["state"]}
    with pytest.raises(SignInRefused):
        backend.finish(CALLBACK_URL, answer, redirect.memo)
    assert token_requests(issuer) == 0


@pytest.mark.parametrize("answer", [{"code": "x"}, {"error": "access_denied"}])
def test_an_answer_that_names_another_issuer_is_refused(issuer, answer):
    backend = place(issuer)
    redirect = backend.begin(CALLBACK_URL)
    answer = {**answer, "state": redirect.memo["state"], "iss": "https://evil.example"}
    with pytest.raises(SignInRefused, match="another place"):
        backend.finish(CALLBACK_URL, answer, redirect.memo)
    assert token_requests(issuer) == 0


def test_a_place_that_always_names_itself_must_do_so(issuer):
    issuer.metadata["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(SignInRefused, match="whose it is"):
        signed_in(issuer)
    backend = place(issuer)
    redirect = backend.begin(CALLBACK_URL)
    answer = {**issuer.authorize(redirect.url), "iss": ISSUER}
    assert backend.finish(CALLBACK_URL, answer, redirect.memo).subject == "alice-1"


def test_a_code_is_good_once(issuer):
    backend = place(issuer)
    redirect = backend.begin(CALLBACK_URL)
    answer = issuer.authorize(redirect.url)
    backend.finish(CALLBACK_URL, answer, redirect.memo)
    with pytest.raises(SignInRefused, match="does not know this code"):
        backend.finish(CALLBACK_URL, answer, redirect.memo)


def test_a_code_needs_the_verifier_of_its_sign_in(issuer):
    backend = place(issuer)
    redirect = backend.begin(CALLBACK_URL)
    memo = {**redirect.memo, "verifier": backend.begin(CALLBACK_URL).memo["verifier"]}
    with pytest.raises(SignInRefused):
        backend.finish(CALLBACK_URL, issuer.authorize(redirect.url), memo)


# Who it is.


def test_userinfo_of_somebody_else_is_refused(issuer):
    issuer.userinfo = {"sub": "bob-1", "email": "bob@example.test", "email_verified": True}
    with pytest.raises(SignInRefused, match="somebody else"):
        signed_in(issuer)


def test_what_only_userinfo_says_counts(issuer):
    issuer.userinfo_only = {"email", "email_verified", "name", "groups"}
    identity = signed_in(issuer)
    assert (identity.email, identity.email_verified, identity.name) == (
        "alice@example.test",
        True,
        "Alice",
    )
    assert identity.evidence == "email_verified of userinfo"
    assert identity.values("groups") == {"devs"}


def test_the_proof_of_one_document_does_not_prove_the_address_of_another(issuer):
    issuer.userinfo_only = {"email_verified"}
    identity = signed_in(issuer)
    assert (identity.email, identity.email_verified) == ("alice@example.test", False)
    issuer.userinfo_only, issuer.left_out = set(), {"email"}
    issuer.userinfo = {"sub": "alice-1", "email": "boss@example.test"}
    assert not signed_in(issuer).email_verified


@pytest.mark.parametrize(
    ("given", "proven"),
    [
        (True, True),
        ("true", True),
        (False, False),
        ("false", False),
        (1, False),
        ("True", False),
        ("yes", False),
        (None, False),
        ([True], False),
    ],
)
def test_only_true_proves_an_address(issuer, given, proven):
    issuer.person["email_verified"] = given
    assert signed_in(issuer).email_verified is proven


def test_somebody_without_an_address_has_none(issuer):
    del issuer.person["email"]
    assert (signed_in(issuer).email, signed_in(issuer).email_verified) == ("", False)


def test_an_answer_without_an_id_token_is_refused(issuer):
    issuer.token_answer = lambda answer: {"access_token": "x", "token_type": "bearer"}
    with pytest.raises(SignInRefused, match="no ID token"):
        signed_in(issuer)


# Discovery, and what an administrator is told.


def test_discovery_and_keys_are_kept(issuer):
    backend = place(issuer)
    for _ in range(3):
        sign_in(backend, issuer.authorize)
    asked = [request.url for request in issuer.requests]
    assert asked.count(f"{ISSUER}/.well-known/openid-configuration") == 1
    assert asked.count(f"{ISSUER}/jwks") == 1


def test_a_place_that_calls_itself_otherwise_is_refused(issuer):
    issuer.metadata["issuer"] = ISSUER + "/"
    with pytest.raises(ConfigError, match="Enter its name exactly so"):
        place(issuer).check(CALLBACK_URL)
    with pytest.raises(ConfigError):
        place(issuer).begin(CALLBACK_URL)


def test_a_wrong_address_is_explained(issuer):
    issuer.issuer = ISSUER + "/elsewhere"
    issuer.on("GET", f"{ISSUER}/.well-known/openid-configuration", status=404)
    with pytest.raises(ConfigError, match="no OpenID Connect at"):
        place(issuer).check(CALLBACK_URL)


def test_a_wrong_secret_is_explained_without_being_shown(issuer):
    backend = place(issuer, secret="wrong-canary")
    with pytest.raises(CredentialsError, match="client secret") as caught:
        backend.check(CALLBACK_URL)
    assert "wrong-canary" not in str(caught.value)
    with pytest.raises(CredentialsError):
        sign_in(backend, issuer.authorize)


def test_a_secret_with_odd_characters_is_sent_so_that_it_arrives(issuer):
    for offered in (["client_secret_basic"], ["client_secret_post"]):
        issuer.metadata["token_endpoint_auth_methods_supported"] = offered
        assert signed_in(issuer).subject == "alice-1"


def test_a_callback_the_place_does_not_know_is_explained(issuer):
    issuer.metadata["authorization_endpoint"] = f"{ISSUER}/strict"
    real = issuer.answer
    issuer.answer = lambda request: (400, {}, b"") if "/strict" in request.url else real(request)
    with pytest.raises(ConfigError, match=CALLBACK_URL):
        place(issuer).check(CALLBACK_URL)


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"]
)
@pytest.mark.parametrize("address", ["http://id.example/x", "file:///etc/passwd", "", 7, None])
def test_no_secret_goes_to_an_address_that_is_not_encrypted(issuer, name, address):
    issuer.metadata[name] = address
    with pytest.raises((ConfigError, SignInRefused)):
        signed_in(issuer)


def test_a_metadata_address_is_not_contacted_whatever_discovery_says():
    http = HttpClient(NetGuard((), private=True))
    issuer = FakeIssuer()
    issuer.metadata["token_endpoint"] = "https://169.254.169.254/latest"
    backend = place(issuer)
    redirect = backend.begin(CALLBACK_URL)
    answer = issuer.authorize(redirect.url)
    backend.http = http
    with pytest.raises(Unavailable, match="not contacted"):
        backend.finish(CALLBACK_URL, answer, redirect.memo)


def test_a_place_that_is_down_is_unavailable(issuer):
    issuer.answer = lambda request: (503, {}, b"")
    with pytest.raises(Unavailable):
        place(issuer).begin(CALLBACK_URL)


def test_people_are_signed_out_at_the_place_too(issuer):
    identity = signed_in(issuer)
    url = place(issuer).end_session("https://packages.example/login", identity.logout_hint)
    assert url is not None
    assert url.startswith(f"{ISSUER}/logout?")
    query = parse_qs(urlsplit(url).query)
    assert query["post_logout_redirect_uri"] == ["https://packages.example/login"]
    assert query["id_token_hint"] == [identity.logout_hint]


def test_a_place_without_sign_out_is_left_alone(issuer):
    # The ID token would be read on the way.
    issuer.metadata["end_session_endpoint"] = "http://id.example/logout"
    assert place(issuer).end_session("https://packages.example/", "x") is None
    del issuer.metadata["end_session_endpoint"]
    assert place(issuer).end_session("https://packages.example/", "x") is None


def test_nothing_of_a_sign_in_shows_its_secrets(issuer):
    identity = signed_in(issuer)
    redirect = place(issuer).begin(CALLBACK_URL)
    assert redirect.memo["verifier"] not in repr(redirect)
    assert identity.logout_hint not in repr(identity)
    assert dict(ALICE)["sub"] in repr(identity)
