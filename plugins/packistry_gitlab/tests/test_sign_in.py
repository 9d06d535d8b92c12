from typing import Any

import pytest

from packistry.plugin import ConfigError, Identity, load_config
from packistry.testing import AuthBackendContract, sign_in
from packistry_gitlab.config import GitLabSignInConfig
from packistry_gitlab.sign_in import GitLabSignIn
from tests.unit.plugin.issuer import CLIENT_ID, CLIENT_SECRET, FakeIssuer

URL = "https://gitlab.example.org/code"
# What GitLab tells in the ID token is less than at the userinfo endpoint.
PERSON = {
    "sub": "51764",
    "sub_legacy": "7f3c",
    "name": "Sid Sijbrandij",
    "nickname": "sytses",
    "preferred_username": "sytses",
    "email": "sid@example.test",
    "email_verified": True,
    "profile": f"{URL}/sytses",
    "groups": ["acme", "acme/php"],
    "groups_direct": ["acme/php"],
}


@pytest.fixture
def issuer() -> FakeIssuer:
    issuer = FakeIssuer(URL)
    issuer.person = dict(PERSON)
    issuer.userinfo_only = {"name", "nickname", "preferred_username", "profile", "groups"}
    return issuer


@pytest.fixture
def backend(issuer: FakeIssuer) -> GitLabSignIn:
    given = {"url": f"{URL}/", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return GitLabSignIn(load_config(GitLabSignInConfig, given), issuer.client())


class TestGitLabSignIn(AuthBackendContract):
    @pytest.fixture
    def authorize(self, issuer: FakeIssuer):
        return issuer.authorize

    @pytest.fixture
    def expected_identity(self) -> Identity:
        return Identity(
            subject="51764", email="sid@example.test", email_verified=True, name="Sid Sijbrandij"
        )


def test_all_groups_are_told_by_path(backend, issuer):
    identity = sign_in(backend, issuer.authorize)
    assert identity.values("groups") == {"acme", "acme/php"}
    assert identity.values("groups_direct") == {"acme/php"}


@pytest.mark.parametrize("verified", [False, None, "no"])
def test_an_address_that_gitlab_has_not_seen_confirmed_proves_nothing(backend, issuer, verified):
    issuer.person["email_verified"] = verified
    assert not sign_in(backend, issuer.authorize).email_verified


def test_the_address_somebody_shows_to_the_public_proves_nothing(backend, issuer):
    def without_email(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "scope": "openid profile"}

    issuer.token_answer = without_email
    identity = sign_in(backend, issuer.authorize)
    assert (identity.email_verified, identity.evidence) == (False, "")


def test_what_is_no_address_is_refused():
    given = {"url": "gitlab", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with pytest.raises(ConfigError, match="https"):
        load_config(GitLabSignInConfig, given)
