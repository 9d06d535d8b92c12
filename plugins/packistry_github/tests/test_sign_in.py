from collections.abc import Callable, Mapping
from typing import Any

import pytest

from packistry.plugin import (
    ConfigError,
    CredentialsError,
    Identity,
    SignInRefused,
    load_config,
)
from packistry.testing import CALLBACK_URL, AuthBackendContract, sign_in
from packistry_github.config import GitHubSignInConfig
from packistry_github.sign_in import GitHubSignIn
from plugins.packistry_github.tests.sign_in_host import CLIENT_ID, CLIENT_SECRET, SignInHost

PRIMARY = {"email": "ada@example.test", "primary": True, "verified": True}
SECOND = {"email": "ada@old.test", "primary": False, "verified": True}


@pytest.fixture
def host() -> SignInHost:
    """A GitHub Enterprise Server below a path."""
    return SignInHost()


@pytest.fixture
def backend(host: SignInHost) -> GitHubSignIn:
    return made(host)


def made(host: SignInHost, **config: Any) -> GitHubSignIn:
    known = {"url": host.web, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return GitHubSignIn(load_config(GitHubSignInConfig, {**known, **config}), host.client())


class TestGitHubSignIn(AuthBackendContract):
    @pytest.fixture
    def authorize(self, host: SignInHost) -> Callable[[str], Mapping[str, str]]:
        return host.authorize

    @pytest.fixture
    def expected_identity(self) -> Identity:
        return Identity(subject="583231", email="ada@example.test", email_verified=True, name="Ada")


def test_the_api_of_github_com_is_at_another_host():
    host = SignInHost("https://github.com", "https://api.github.com")
    assert sign_in(made(host, url="https://github.com/"), host.authorize).subject == "583231"


@pytest.mark.parametrize(
    ("emails", "address", "proven"),
    [
        ([], "", False),
        ([SECOND], "", False),
        ([SECOND, {**PRIMARY, "verified": False}], "ada@example.test", False),
        ([{**PRIMARY, "verified": "true"}], "ada@example.test", False),
        ([{"email": "ada@example.test", "primary": True}], "ada@example.test", False),
        ([{**SECOND, "primary": "yes"}, PRIMARY], "ada@example.test", True),
        ([{**PRIMARY, "email": "7+ada@users.noreply.github.com"}], "", False),
    ],
)
def test_only_the_main_and_verified_address_is_proven(backend, host, emails, address, proven):
    host.emails = emails
    identity = sign_in(backend, host.authorize)
    assert (identity.email, identity.email_verified) == (address, proven)
    assert bool(identity.evidence) is proven


def test_the_address_somebody_shows_to_the_public_proves_nothing(backend, host):
    host.person["email"] = "boss@example.test"
    assert sign_in(backend, host.authorize).email == "ada@example.test"


def test_somebody_who_is_renamed_is_the_same_person(backend, host):
    host.person |= {"login": "countess", "name": None}
    identity = sign_in(backend, host.authorize)
    assert (identity.subject, identity.name) == ("583231", "countess")


@pytest.mark.parametrize("number", [None, "583231", True])
def test_an_account_without_a_number_is_nobody(backend, host, number):
    host.person["id"] = number
    with pytest.raises(SignInRefused, match="who you are"):
        sign_in(backend, host.authorize)


def test_organisations_and_teams_are_asked_for_only_when_they_are_wanted(backend, host):
    assert sign_in(backend, host.authorize).values("groups") == frozenset()
    identity = sign_in(made(host, groups=True), host.authorize)
    assert identity.values("groups") == {"acme", "Other", "acme/php-devs"}
    assert identity.values("organizations") == {"9919", "9920"}
    assert identity.values("teams") == {"1"}


@pytest.mark.parametrize("allowed", ["", "read:user", "user:email", "read:user,user:email"])
def test_whoever_allows_less_is_told_what_is_missing(host, allowed):
    host.allowed = allowed
    with pytest.raises(SignInRefused, match=r"missing: read:org"):
        sign_in(made(host, groups=True), host.authorize)


@pytest.mark.parametrize("allowed", ["user,read:org", "user:email,read:user,admin:org,repo"])
def test_a_larger_scope_holds_the_smaller_ones(host, allowed):
    host.allowed = allowed
    assert sign_in(made(host, groups=True), host.authorize).email_verified


def test_a_github_app_has_permissions_instead_of_scopes(backend, host):
    host.allowed, host.access_token = "", "ghu_16C7e42F292c6912E7710c838347Ae178B4a"
    assert sign_in(backend, host.authorize).email_verified
    host.hidden = {"/user/emails"}
    with pytest.raises(SignInRefused, match="Email addresses: read"):
        sign_in(backend, host.authorize)
    host.hidden = {"/user/teams"}
    with pytest.raises(SignInRefused, match="Members: read"):
        sign_in(made(host, groups=True), host.authorize)


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_a_client_that_github_does_not_know_is_told_by_the_check(host, wrong):
    with pytest.raises(CredentialsError, match="client ID with this client secret"):
        made(host, **{wrong: "wrong"}).check(CALLBACK_URL)


def test_an_address_that_is_no_github_is_told_at_its_field(host):
    with pytest.raises(ConfigError, match="no GitHub at") as caught:
        made(host, url="https://git.example/cod").check(CALLBACK_URL)
    assert "url" in caught.value.fields


def test_what_is_no_address_is_refused(host):
    with pytest.raises(ConfigError, match="https"):
        made(host, url="git.example")
