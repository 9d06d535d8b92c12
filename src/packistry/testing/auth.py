"""What every backend must do. Inherit it as a class named `Test…` and give it the fixtures.

No fixture is defined here, so that yours may be made in any way and in any scope.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from packistry.plugin import AuthBackend, Identity, OAuth2Backend, PluginError, SignInRefused
from packistry.plugin.auth import is_encrypted
from packistry.plugin.config import split_secrets

CALLBACK_URL = "https://packages.example/auths/1/callback"
"""Where the contract has people sent back to."""

Backend = AuthBackend[Any]
Authorize = Callable[[str], Mapping[str, str]]


class AuthBackendContract:
    """What holds for every `AuthBackend`, so that core can rely on it.

    Fixtures to define: `backend`, over a place where one person can sign in and is willing to;
    `authorize`, a function that is given the address of a `Redirect`, behaves as this person there
    and returns the query their browser brings back; `expected_identity`, who they are.
    """

    def test_it_is_named_as_the_database_and_urls_need_it(self, backend: Backend) -> None:
        assert backend.name == backend.name.lower()
        assert backend.title.strip()

    def test_its_icon_is_an_svg(self, backend: Backend) -> None:
        assert backend.icon == "" or backend.icon.lstrip().startswith("<svg")

    def test_its_check_passes(self, backend: Backend) -> None:
        assert all(isinstance(note, str) for note in backend.check(CALLBACK_URL))

    def test_it_sends_people_to_an_encrypted_address(self, backend: Backend) -> None:
        assert is_encrypted(backend.begin(CALLBACK_URL).url)

    def test_it_sends_no_secret_along(self, backend: Backend) -> None:
        _, secrets = split_secrets(backend.config)
        redirect = backend.begin(CALLBACK_URL)
        for secret in secrets.values():
            assert secret not in redirect.url
            assert secret not in str(dict(redirect.memo))

    def test_its_memo_is_text(self, backend: Backend) -> None:
        memo = backend.begin(CALLBACK_URL).memo
        assert all(isinstance(part, str) for pair in memo.items() for part in pair)

    def test_no_two_sign_ins_share_a_memo(self, backend: Backend) -> None:
        first, second = backend.begin(CALLBACK_URL), backend.begin(CALLBACK_URL)
        assert first.memo
        assert dict(first.memo) != dict(second.memo)

    def test_it_says_who_comes_back(
        self, backend: Backend, authorize: Authorize, expected_identity: Identity
    ) -> None:
        identity = sign_in(backend, authorize)
        for name in ("subject", "email", "email_verified", "name"):
            assert getattr(identity, name) == getattr(expected_identity, name)

    def test_the_same_person_has_the_same_subject(
        self, backend: Backend, authorize: Authorize
    ) -> None:
        assert sign_in(backend, authorize).subject == sign_in(backend, authorize).subject

    def test_a_proven_address_has_its_evidence(
        self, backend: Backend, authorize: Authorize
    ) -> None:
        identity = sign_in(backend, authorize)
        assert identity.evidence or not identity.email_verified

    def test_the_answer_to_another_sign_in_is_refused(
        self, backend: Backend, authorize: Authorize
    ) -> None:
        answer = authorize(backend.begin(CALLBACK_URL).url)
        with pytest.raises(SignInRefused):
            backend.finish(CALLBACK_URL, answer, backend.begin(CALLBACK_URL).memo)

    def test_an_answer_nobody_asked_for_is_refused(
        self, backend: Backend, authorize: Authorize
    ) -> None:
        answer = authorize(backend.begin(CALLBACK_URL).url)
        with pytest.raises(SignInRefused):
            backend.finish(CALLBACK_URL, answer, {})

    def test_an_empty_answer_is_refused(self, backend: Backend) -> None:
        with pytest.raises(SignInRefused):
            backend.finish(CALLBACK_URL, {}, backend.begin(CALLBACK_URL).memo)

    def test_a_person_who_says_no_is_refused(self, backend: Backend) -> None:
        redirect = backend.begin(CALLBACK_URL)
        answer = {"error": "access_denied", **_state(redirect.url)}
        with pytest.raises(PluginError):
            backend.finish(CALLBACK_URL, answer, redirect.memo)

    def test_oauth_asks_with_pkce(self, backend: Backend) -> None:
        if isinstance(backend, OAuth2Backend):
            query = parse_qs(urlsplit(backend.begin(CALLBACK_URL).url).query)
            assert query["code_challenge_method"] == ["S256"]
            assert query["redirect_uri"] == [CALLBACK_URL]


def sign_in(backend: Backend, authorize: Authorize) -> Identity:
    """Who signs in, from the button to the end."""
    redirect = backend.begin(CALLBACK_URL)
    return backend.finish(CALLBACK_URL, authorize(redirect.url), redirect.memo)


def _state(url: str) -> dict[str, str]:
    found = parse_qs(urlsplit(url).query).get("state")
    return {"state": found[0]} if found else {}
