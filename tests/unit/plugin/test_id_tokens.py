import base64
import json
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from packistry.plugin import PluginError, SignInRefused
from packistry.plugin.id_tokens import REFETCH_SECONDS, KeyRing
from packistry.testing import sign_in
from tests.unit.plugin.issuer import (
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    KEY,
    place,
    signed_in,
)

OTHER = RSAKey.generate_key(2048, {"kid": "one"})
PUBLIC_PEM = KEY.as_pem(private=False)

BAD_TOKENS: dict[str, dict[str, Any]] = {
    "another nonce": {"claims": {"nonce": "of another sign-in"}},
    "no nonce": {"left_out": {"nonce"}},
    "another key's signature": {"signing_key": OTHER},
    "no signature": {"header": {"alg": "none"}, "signing_key": OctKey.import_key(b"x" * 32)},
    "HS256 with the public key": {
        "header": {"alg": "HS256", "kid": "one"},
        "signing_key": OctKey.import_key(base64.b64encode(PUBLIC_PEM)),
    },
    "HS256 with the client secret": {
        "header": {"alg": "HS256"},
        "signing_key": OctKey.import_key(CLIENT_SECRET.encode() * 2),
    },
    "a key in its header": {
        "header": {"alg": "RS256", "kid": "two", "jwk": OTHER.as_dict(private=False)},
        "signing_key": OTHER,
    },
    "expired": {"claims": {"exp": int(time.time()) - 120}},
    "no expiry": {"left_out": {"exp"}},
    "issued in the future": {"claims": {"iat": int(time.time()) + 86400}},
    "not valid yet": {"claims": {"nbf": int(time.time()) + 86400}},
    "another issuer": {"claims": {"iss": ISSUER + "/"}},
    "no issuer": {"left_out": {"iss"}},
    "no audience": {"left_out": {"aud"}},
    "another audience": {"claims": {"aud": "another-client"}},
    "another audience and our azp": {"claims": {"aud": "another-client", "azp": CLIENT_ID}},
    "two audiences and no azp": {"claims": {"aud": [CLIENT_ID, "another-client"]}},
    "two audiences and another azp": {
        "claims": {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"}
    },
    "another access token's hash": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "no subject": {"left_out": {"sub"}},
    "a number for a subject": {"claims": {"sub": 7}},
}


@pytest.mark.parametrize("fault", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_bad_token_is_refused(issuer, fault):
    for name, value in fault.items():
        setattr(issuer, name, value)
    with pytest.raises(SignInRefused):
        signed_in(issuer)


def test_a_tampered_token_is_refused(issuer):
    def tamper(answer: dict[str, Any]) -> dict[str, Any]:
        head, body, signature = answer["id_token"].split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        changed = json.dumps({**claims, "sub": "bob-1"}).encode()
        body = base64.urlsafe_b64encode(changed).decode().rstrip("=")
        return {**answer, "id_token": f"{head}.{body}.{signature}"}

    issuer.token_answer = tamper
    with pytest.raises(SignInRefused):
        signed_in(issuer)


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "é.b.c", "." * 1000, "eyJhbGciOiJSUzI1NiJ9.e30."]
)
def test_what_is_no_token_is_refused(issuer, text):
    issuer.token_answer = lambda answer: {**answer, "id_token": text}
    with pytest.raises(SignInRefused):
        signed_in(issuer)


@pytest.mark.parametrize(
    "answer", [{}, [], "text", {"access_token": 7}, {"access_token": "x", "token_type": "mac"}]
)
def test_a_token_answer_of_no_use_is_one_sentence(issuer, answer):
    issuer.token_answer = lambda _: answer
    with pytest.raises(PluginError):
        signed_in(issuer)


def test_a_place_that_names_no_algorithm_we_trust_lets_nobody_in(issuer):
    issuer.metadata["id_token_signing_alg_values_supported"] = ["HS256", "none"]
    with pytest.raises(SignInRefused, match="no way that can be trusted"):
        signed_in(issuer)


def test_clocks_may_differ_by_a_minute(issuer):
    now = int(time.time())
    issuer.claims = {"iat": now + 45, "exp": now - 45}
    assert signed_in(issuer).subject == "alice-1"


def test_several_audiences_are_fine_when_we_are_the_authorised_party(issuer):
    issuer.claims = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
    assert signed_in(issuer).subject == "alice-1"


def test_an_elliptic_curve_will_do_and_odd_keys_harm_nobody(issuer):
    key = ECKey.generate_key("P-256", {"kid": "ec"})
    issuer.keys = [OctKey.import_key(b"x" * 32), KEY, key]
    issuer.signing_key, issuer.header = key, {"alg": "ES256", "kid": "ec"}
    issuer.metadata["id_token_signing_alg_values_supported"] = ["ES256"]
    assert signed_in(issuer).subject == "alice-1"


def test_a_token_that_names_no_key_is_tried_with_each(issuer):
    issuer.keys = [OTHER, KEY]
    issuer.header = {"alg": "RS256"}
    assert signed_in(issuer).subject == "alice-1"


# Keys that change.


def test_a_new_key_is_found(issuer):
    backend = place(issuer)
    sign_in(backend, issuer.authorize)
    new = RSAKey.generate_key(2048, {"kid": "new"})
    issuer.keys, issuer.signing_key, issuer.header = [new], new, {"alg": "RS256", "kid": "new"}
    assert sign_in(backend, issuer.authorize).subject == "alice-1"


def test_keys_nobody_has_are_not_asked_for_again_and_again():
    now = [0.0]
    fetched = []

    def fetch() -> Any:
        fetched.append(now[0])
        return {"keys": [KEY.as_dict(private=False)]}

    ring = KeyRing(fetch, clock=lambda: now[0])
    for _ in range(20):
        assert not ring.candidates("made-up")
    assert len(fetched) == 2
    now[0] += REFETCH_SECONDS
    ring.candidates("made-up")
    assert len(fetched) == 3
    assert ring.candidates("one")
    assert len(fetched) == 3
