from datetime import UTC, datetime, timedelta

import pytest

from packistry.plugin import (
    ConfigError,
    CredentialsError,
    PluginError,
    Unavailable,
    load_config,
)
from packistry_gitlab.config import GitLabConfig
from packistry_gitlab.source import GitLab
from plugins.packistry_gitlab.tests.host import TOKEN, URL


def day(ahead: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def test_a_token_that_may_do_everything_gives_nothing_to_mind(gitlab, host):
    host.token |= {"scopes": ["api"], "expires_at": day(200)}
    assert list(gitlab.check()) == []


@pytest.mark.parametrize("scopes", [["read_api"], ["read_repository"], ["read_user"]])
def test_a_missing_scope_is_named(gitlab, host, scopes):
    host.token["scopes"] = scopes
    with pytest.raises(CredentialsError, match=f"only {scopes[0]}.*needs the scope api"):
        gitlab.check()


def test_a_token_for_reading_alone_is_told_that_there_will_be_no_webhooks(gitlab, host):
    host.token["scopes"] = ["read_api", "read_repository"]
    assert ["webhooks" in note for note in gitlab.check()] == [True]


def test_scopes_of_unknown_names_are_judged_by_what_they_reach(gitlab, host):
    host.token["scopes"] = ["granular"]
    assert list(gitlab.check()) == []


def test_a_token_that_expires_soon_is_noted_with_the_day(gitlab, host):
    host.token["expires_at"] = day(12)
    assert [day(12) in note for note in gitlab.check()] == [True]


@pytest.mark.parametrize(
    "token", [{"revoked": True}, {"active": False}, {"expires_at": "2026-01-31"}]
)
def test_a_dead_token_is_told_so(gitlab, host, token):
    host.token |= token
    with pytest.raises(CredentialsError, match="expired"):
        gitlab.check()


def test_a_token_without_accounts_is_tried_out(gitlab, host):
    host.keeps_accounts = False
    assert list(gitlab.check()) == []


def test_a_token_that_reaches_nothing_says_what_to_do(gitlab, host):
    host.projects.clear()
    assert ["Add its user to a project" in note for note in gitlab.check()] == [True]


@pytest.mark.parametrize(
    ("status", "answer", "kind", "words"),
    [
        (401, {"message": "401 Unauthorized"}, CredentialsError, "mistyped, expired, revoked"),
        (
            401,
            {"error": "invalid_token", "error_description": "Token was revoked. Re-authorize."},
            CredentialsError,
            "has been revoked. Make a new one",
        ),
        (
            401,
            {"error": "invalid_token", "error_description": "Token is expired."},
            CredentialsError,
            "has expired. Make a new one",
        ),
        (
            403,
            {
                "error": "insufficient_scope",
                "error_description": "The request requires higher privileges than provided.",
                "scope": "api read_api",
            },
            CredentialsError,
            "lacks a scope. It needs the scope api",
        ),
        (403, {"message": "403 Forbidden - Your account has been blocked"}, CredentialsError, "bl"),
        (503, {"message": "GitLab is not responding"}, Unavailable, "answered 503: GitLab is not"),
    ],
)
def test_what_gitlab_refuses_is_explained(gitlab, host, status, answer, kind, words):
    host.fail_next(status, json=answer)
    with pytest.raises(kind, match=words) as explained:
        gitlab.check()
    assert TOKEN not in str(explained.value)


def test_a_token_that_died_is_told_by_a_sync_and_a_listing_too(gitlab, host):
    project = gitlab.project("7")
    said = {"error": "invalid_token", "error_description": "Token was revoked. Re-authorize."}
    for ask in (lambda: list(gitlab.projects()), lambda: gitlab.remote(project)):
        host.fail_next(401, json=said)
        with pytest.raises(CredentialsError, match=r"revoked\. Make a new one and enter it"):
            ask()


def test_an_address_where_no_gitlab_is_is_told_so(gitlab, host):
    host.fail_next(404, body=b"<h1>Not Found</h1>", times=2)
    with pytest.raises(ConfigError, match=f"no GitLab API at {URL}") as caught:
        gitlab.check()
    assert "url" in caught.value.fields


def test_a_web_page_in_place_of_an_api_is_told_so(gitlab, host):
    for status, ask, error in (
        (200, gitlab.check, ConfigError),
        (200, lambda: gitlab.project("7").path, Unavailable),
        (502, gitlab.check, Unavailable),
    ):
        host.fail_next(status, body=b"<html>", headers={"Content-Type": "text/html"})
        with pytest.raises(error):
            ask()


def test_a_redirect_says_where_gitlab_may_be(gitlab, host):
    host.fail_next(302, headers={"Location": "https://login.example.org/?secret"})
    with pytest.raises(ConfigError, match=r"redirects to https://login\.example\.org\. If"):
        gitlab.check()


def test_plain_http_is_refused_before_the_token_is_sent(host):
    config = load_config(GitLabConfig, {"url": "http://gitlab.example.org", "token": TOKEN})
    with pytest.raises(ConfigError, match="https"):
        GitLab(config, host.client()).check()
    assert host.requests == []


def test_every_refusal_is_a_plugin_error_without_the_token(gitlab, host):
    for status in (400, 402, 405, 409, 410, 418, 422, 451, 500, 502, 504):
        host.fail_next(status, json={"message": f"no {TOKEN}"}, times=2)
        with pytest.raises(PluginError) as refused:
            gitlab.check()
        assert TOKEN not in str(refused.value)
        host._failures.clear()
