"""Against a certified OpenID provider."""

from typing import Any

import pytest
import requests

from packistry.plugin import (
    ConfigError,
    CredentialsError,
    Identity,
    SignInRefused,
    Unavailable,
    load_config,
)
from packistry.testing import CALLBACK_URL, AuthBackendContract, sign_in
from packistry_oidc import Generic
from packistry_oidc.generic import GenericConfig
from tests.openid.server import CLIENT_ID, CLIENT_SECRET, OpenIDProvider


def generic(provider: OpenIDProvider, **config: Any) -> Generic:
    values = {
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "scopes": "openid email profile groups",
        **config,
    }
    return Generic(load_config(GenericConfig, values), provider.client())


@pytest.fixture
def provider(openid_server: OpenIDProvider) -> OpenIDProvider:
    openid_server.configure(redirect_uris=[CALLBACK_URL])
    return openid_server


@pytest.fixture
def backend(provider: OpenIDProvider) -> Generic:
    return generic(provider)


class TestGeneric(AuthBackendContract):
    @pytest.fixture
    def authorize(self, provider: OpenIDProvider) -> Any:
        return provider.authorize

    @pytest.fixture
    def expected_identity(self) -> Identity:
        return Identity(
            subject="alice", email="alice@example.test", email_verified=True, name="Alice"
        )


@pytest.mark.parametrize("in_userinfo", [True, False])
def test_groups_and_proof_come_from_either_document(provider, backend, in_userinfo):
    provider.configure(redirect_uris=[CALLBACK_URL], claims_in_userinfo=in_userinfo)
    identity = sign_in(backend, provider.authorize)
    assert identity.values("groups") == {"devs"}
    where = "userinfo" if in_userinfo else "the ID token"
    assert (identity.email_verified, identity.evidence) == (True, f"email_verified of {where}")


def test_an_address_that_is_only_claimed_is_not_proven(provider, backend):
    identity = sign_in(backend, lambda url: provider.authorize(url, "mallory"))
    assert (identity.email, identity.email_verified) == ("alice@example.test", False)


def test_somebody_without_an_address_signs_in(provider, backend):
    identity = sign_in(backend, lambda url: provider.authorize(url, "noemail"))
    assert (identity.subject, identity.email) == ("noemail", "")


def test_somebody_who_does_not_agree_is_told_so(provider, backend):
    with pytest.raises(SignInRefused, match="did not agree"):
        sign_in(backend, lambda url: provider.authorize(url, consent=False))


@pytest.mark.parametrize("skew", [-40, 40])
def test_a_clock_that_is_a_little_off_harms_nobody(provider, backend, skew):
    provider.configure(redirect_uris=[CALLBACK_URL], skew=skew)
    assert sign_in(backend, provider.authorize).subject == "alice"


def test_a_clock_that_is_far_off_is_explained(provider, backend):
    provider.configure(redirect_uris=[CALLBACK_URL], skew=300)
    with pytest.raises(SignInRefused, match="ID token"):
        sign_in(backend, provider.authorize)


def test_keys_may_change(provider, backend):
    sign_in(backend, provider.authorize)
    provider.configure(redirect_uris=[CALLBACK_URL], rotate=True)
    assert sign_in(backend, provider.authorize).subject == "alice"


def test_a_provider_that_is_down_is_unavailable(provider, backend):
    provider.configure(down=True)
    with pytest.raises(Unavailable):
        backend.check(CALLBACK_URL)


def test_a_wrong_secret_is_explained(provider):
    with pytest.raises(CredentialsError, match="client secret"):
        generic(provider, client_secret="wrong").check(CALLBACK_URL)


def test_a_wrong_client_id_is_explained(provider):
    with pytest.raises(CredentialsError, match="client ID"):
        generic(provider, client_id="nobody").check(CALLBACK_URL)


def test_a_callback_that_is_not_registered_is_explained(provider, backend):
    provider.configure(redirect_uris=["https://other.example/callback"])
    with pytest.raises(ConfigError, match=CALLBACK_URL):
        backend.check(CALLBACK_URL)


def test_a_wrong_issuer_is_explained(provider):
    with pytest.raises(ConfigError, match="no OpenID Connect at"):
        generic(provider, issuer=f"{provider.issuer}/realms/x").check(CALLBACK_URL)
    with pytest.raises(ConfigError, match="Enter its name exactly so"):
        generic(provider, issuer=f"{provider.issuer}/").check(CALLBACK_URL)


def test_a_scope_it_does_not_know_is_noted(provider):
    notes = generic(provider, scopes="email custom").check(CALLBACK_URL)
    assert notes == ["The place does not say that it knows the scope custom."]


def test_the_address_of_the_discovery_document_will_do(provider):
    issuer = f"{provider.issuer}/.well-known/openid-configuration"
    assert generic(provider, issuer=issuer).check(CALLBACK_URL) == []


def test_signing_out_goes_by_the_provider(provider, backend):
    provider.configure(redirect_uris=[CALLBACK_URL], logout_uris=["https://packages.example/"])
    hint = sign_in(backend, provider.authorize).logout_hint
    url = backend.end_session("https://packages.example/", hint)
    assert url is not None
    assert "/session/end/confirm" in requests.get(url, timeout=10).text
    elsewhere = backend.end_session("https://evil.example/", hint)
    assert requests.get(elsewhere, timeout=10).status_code == 400
