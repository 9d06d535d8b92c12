import time
from datetime import UTC, datetime, timedelta

import pytest

from packistry.plugin import ConfigError, CredentialsError, RateLimited, Unavailable
from plugins.packistry_github.tests.conftest import provider
from plugins.packistry_github.tests.host import TOKEN, GitHubHost


def test_a_token_that_may_do_all_gives_no_note(github):
    assert github.check() == ()


def test_a_token_that_github_does_not_know_is_told_so(github, host):
    host.token = "another"
    with pytest.raises(CredentialsError, match="revoked or has expired"):
        github.check()


@pytest.mark.parametrize("zone", ["UTC", "+0200"])
def test_a_token_that_expires_soon_is_told_with_the_day(github, host, zone):
    soon = datetime.now(UTC) + timedelta(days=3)
    header = f"{soon:%Y-%m-%d %H:%M:%S} {zone}"
    host.headers["GitHub-Authentication-Token-Expiration"] = header
    assert github.check() == (f"The token expires on {soon:%Y-%m-%d}: make another in time.",)
    host.headers["GitHub-Authentication-Token-Expiration"] = "2999-01-01 00:00:00 UTC"
    assert github.check() == ()


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ("repo, read:org", []),
        ("public_repo", ["scope repo"]),
        ("read:user", ["scope repo", "admin:repo_hook"]),
        ("", ["scope repo", "admin:repo_hook"]),
    ],
)
def test_missing_scopes_of_a_classic_token_are_named(github, host, scopes, missing):
    host.scopes = scopes
    told = github.check()
    assert len(told) == len(missing)
    assert all(word in note for word, note in zip(missing, told, strict=True))


def forbidden(host: GitHubHost, needed: str) -> None:
    words = {"message": "Resource not accessible by personal access token"}
    host.fail_next(403, json=words, headers={"X-Accepted-GitHub-Permissions": needed})


def test_a_fine_grained_token_that_cannot_read_code_is_refused(github, host):
    host.fail_next(200, json={"login": "octocat", "id": 1})
    host.fail_next(200, json=[host.repositories[7]])
    forbidden(host, "contents=read")
    with pytest.raises(CredentialsError, match="Contents: read"):
        github.check()


@pytest.mark.parametrize("status", [403, 404])
def test_a_fine_grained_token_that_cannot_make_webhooks_is_noted(github, host, status):
    host.fail_next(200, json={"login": "octocat", "id": 1})
    host.fail_next(200, json=[host.repositories[7]])
    host.fail_next(404, json={"message": "Not Found"})
    host.fail_next(status, json={"message": "Not accessible"})
    (note,) = github.check()
    assert "Webhooks: read and write" in note


def test_a_token_without_repositories_is_noted(github, host):
    host.repositories.clear()
    assert github.check() == ("The token reaches no repository yet.",)


def test_single_sign_on_is_explained(github, host):
    words = {"message": "Resource protected by organization SAML enforcement."}
    url = "required; url=https://github.com/orgs/acme/sso?authorization_request=secret"
    host.fail_next(403, json=words, headers={"X-GitHub-SSO": url})
    with pytest.raises(CredentialsError, match="Configure SSO") as caught:
        github.project("7")
    assert "authorization_request" not in str(caught.value)


def test_organisations_left_out_for_single_sign_on_are_noted(github, host):
    host.headers["X-GitHub-SSO"] = "partial-results; organizations=21955855,20582480"
    (note,) = github.check()
    assert "Configure SSO" in note


def test_without_a_token_public_repositories_are_read(host):
    host.token = ""
    github = provider(host, token="")
    (note,) = github.check()
    assert "Without a token" in note
    assert list(github.projects()) == []
    remote = github.remote(github.project("acme/lib"))
    assert (remote.username, remote.password) == ("", "")


def test_an_enterprise_server_in_private_mode_asks_for_a_token(host):
    host.fail_next(401, json={"message": "Must authenticate to access this API."})
    with pytest.raises(CredentialsError, match="with a token only"):
        provider(host, token="").check()


def test_an_enterprise_server_without_rate_limits_is_fine_too(host):
    github = provider(host, token="")
    host.fail_next(404, json={"message": "Rate limiting is not enabled."})
    assert github.check() == ()


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>"),
        (200, {"Content-Type": "text/html"}, b"<h1>Welcome</h1>"),
        (301, {"Location": "https://git.example/api/v3/user"}, b""),
    ],
)
def test_an_address_that_is_no_github_is_told_at_its_field(github, host, status, headers, body):
    host.fail_next(status, headers=headers, body=body)
    with pytest.raises(ConfigError, match="Check the address") as caught:
        github.check()
    assert "url" in caught.value.fields


def test_a_host_that_is_out_of_order_is_not_called_wrong(github, host):
    host.fail_next(502, body=b"Bad Gateway")
    with pytest.raises(Unavailable):
        github.check()


@pytest.mark.parametrize(
    ("status", "message", "headers", "seconds"),
    [
        (403, "API rate limit exceeded", {"X-RateLimit-Remaining": "0", "Reset": "120"}, 120),
        (429, "Too many", {"Retry-After": "30"}, 30),
        (403, "You have exceeded a secondary rate limit", {"Retry-After": "90"}, 90),
        (403, "You have exceeded a secondary rate limit. Please wait.", {}, 60),
    ],
)
def test_limits_say_when_to_come_back(github, host, status, message, headers, seconds):
    if "Reset" in headers:
        headers = {**headers, "X-RateLimit-Reset": str(int(time.time()) + int(headers["Reset"]))}
    host.fail_next(status, json={"message": message}, headers=headers)
    with pytest.raises(RateLimited) as caught:
        github.project("7")
    assert caught.value.retry_after == pytest.approx(seconds, abs=2)


def test_plain_http_is_refused_before_the_token_is_sent(host):
    host.web = "http://git.example"
    with pytest.raises(ConfigError, match="http"):
        provider(host, token=TOKEN).check()
    assert host.requests == []
