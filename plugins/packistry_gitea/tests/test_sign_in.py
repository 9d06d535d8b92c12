from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from packistry.plugin import (
    ConfigError,
    CredentialsError,
    Identity,
    SignInRefused,
    Unavailable,
    load_config,
)
from packistry.testing import CALLBACK_URL, AuthBackendContract, sign_in
from packistry_gitea.config import GiteaSignInConfig
from packistry_gitea.sign_in import GiteaSignIn
from plugins.packistry_gitea.tests.sign_in_host import URL, SignInHost
from tests.unit.plugin.issuer import CLIENT_ID, CLIENT_SECRET


@pytest.fixture
def host() -> SignInHost:
    """One below a path."""
    return SignInHost()


@pytest.fixture
def backend(host: SignInHost) -> GiteaSignIn:
    return made(host)


def made(host: SignInHost, **config: Any) -> GiteaSignIn:
    known = {"url": f"{URL}/", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return GiteaSignIn(load_config(GiteaSignInConfig, {**known, **config}), host.client())


class TestGiteaSignIn(AuthBackendContract):
    @pytest.fixture
    def backend(self, host: SignInHost) -> GiteaSignIn:
        return made(host, confirms_email=True)

    @pytest.fixture
    def authorize(self, host: SignInHost) -> Callable[[str], Mapping[str, str]]:
        return host.authorize

    @pytest.fixture
    def expected_identity(self) -> Identity:
        return Identity(
            subject="42", email="ada@example.test", email_verified=True, name="Ada Lovelace"
        )


@pytest.mark.parametrize(
    ("trusted", "verified", "proven"),
    [(False, True, False), (True, True, True), (True, False, False), (True, None, False)],
)
def test_an_address_is_proven_where_the_host_is_trusted_and_says_so(
    host, trusted, verified, proven
):
    host.person["email_verified"] = verified
    identity = sign_in(made(host, confirms_email=trusted), host.authorize)
    assert (identity.email, identity.email_verified) == ("ada@example.test", proven)


def test_groups_are_organisations_and_teams(backend, host):
    assert sign_in(backend, host.authorize).values("groups") == {"acme", "acme:php-devs"}


def test_the_token_may_read_organisations_and_nothing_else(backend):
    asked = parse_qs(urlsplit(backend.begin(CALLBACK_URL).url).query)["scope"][0]
    assert [scope for scope in asked.split() if ":" in scope] == ["read:organization"]


@pytest.mark.parametrize("published", [URL, f"{URL}/"])
@pytest.mark.parametrize("told", [URL, f"{URL}/"])
def test_versions_write_their_name_with_and_without_a_slash(published, told):
    host = SignInHost(published)
    host.claims["iss"] = told
    backend = made(host)
    assert backend.check(CALLBACK_URL) == []
    assert sign_in(backend, host.authorize).subject == "42"


@pytest.mark.parametrize("name", ["https://git.example", f"{URL}//", f"{URL}/x", "", None, 1])
def test_another_name_is_of_another_place(backend, host, name):
    host.claims["iss"] = name
    with pytest.raises(SignInRefused):
        sign_in(backend, host.authorize)
    host.metadata["issuer"] = name
    with pytest.raises(ConfigError, match="calls itself"):
        backend.check(CALLBACK_URL)


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_a_client_that_the_host_does_not_know_is_told_by_the_check(host, wrong):
    with pytest.raises(CredentialsError, match="client ID with this client secret"):
        made(host, **{wrong: "wrong"}).check(CALLBACK_URL)


def test_a_redirect_uri_that_is_not_entered_there_is_told_by_the_check(backend, host):
    host.callback = "https://packages.example/another"
    with pytest.raises(ConfigError, match="callback URL"):
        backend.check(CALLBACK_URL)


def test_a_code_that_was_used_is_no_fault_of_the_client(backend, host):
    redirect = backend.begin(CALLBACK_URL)
    answer = host.authorize(redirect.url)
    backend.finish(CALLBACK_URL, answer, redirect.memo)
    with pytest.raises(SignInRefused, match="does not know this code any more"):
        backend.finish(CALLBACK_URL, answer, redirect.memo)


def test_a_host_that_signs_with_the_client_secret_is_told_by_the_check(backend, host):
    host.metadata["id_token_signing_alg_values_supported"] = ["HS256"]
    host.keys = []
    with pytest.raises(Unavailable, match="publishes no key"):
        backend.check(CALLBACK_URL)
