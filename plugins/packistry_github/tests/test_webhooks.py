import pytest

from packistry.plugin import CredentialsError, Rejected
from plugins.packistry_github.tests.host import GitHubHost

URL = "https://packages.example.org/incoming/github/1/a1b2c3"
SECRET = "s3cret-of-the-project"


@pytest.fixture
def project(github):
    return github.project("7")


def test_a_webhook_sends_signed_json_about_refs_and_the_repository(github, host, project):
    made = github.create_webhook(project, URL, SECRET)
    (hook,) = host.hooks[7]
    assert made == str(hook["id"])
    assert hook["active"] is True
    assert set(hook["events"]) == {"push", "delete", "repository"}
    assert hook["config"] == {
        "url": URL,
        "content_type": "json",
        "secret": SECRET,
        "insecure_ssl": "0",
    }


def test_one_that_is_there_already_is_taken_over(github, host: GitHubHost, project):
    host.largest_page = 1
    host.hooks[7] = [
        {"id": 1, "active": True, "events": ["push"], "config": {"url": "https://ci.example"}},
        {"id": 2, "active": False, "events": ["push"], "config": {"url": URL, "secret": "old"}},
    ]
    assert github.create_webhook(project, URL, SECRET) == "2"
    assert host.hooks[7][1]["active"]
    assert host.hooks[7][1]["config"]["secret"] == SECRET
    assert len(host.hooks[7]) == 2


def test_another_refusal_is_told_in_the_hosts_words(github, host, project):
    fault = {"message": "url is not supported because it isn't reachable over the public Internet"}
    host.add("acme/lib", 7)
    answers = [(200, host.repositories[7]), (422, {"message": "Failed", "errors": [fault]})]
    for status, told in answers:
        host.fail_next(status, json=told)
    with pytest.raises(Rejected, match="public Internet"):
        github.create_webhook(project, URL, SECRET)


def test_it_is_made_where_the_repository_is_now(github, host, project):
    host.rename(7, "acme/library")
    host.add("acme/lib", 666)
    github.create_webhook(project, URL, SECRET)
    assert list(host.hooks) == [7]


def test_an_archived_repository_gets_none(github, host, project):
    host.repositories[7]["archived"] = True
    with pytest.raises(Rejected, match="archived"):
        github.create_webhook(project, URL, SECRET)
    github.delete_webhook(project, "1")
    assert {request.method for request in host.requests} == {"GET"}


def test_it_is_active_until_the_host_loses_it_or_switches_it_off(github, host, project):
    made = github.create_webhook(project, URL, SECRET)
    assert github.webhook_active(project, made)
    host.hooks[7][0]["active"] = False
    assert not github.webhook_active(project, made)
    host.hooks[7].clear()
    assert not github.webhook_active(project, made)
    assert not github.webhook_active(project, "")


def test_it_goes_with_the_repository(github, host, project):
    made = github.create_webhook(project, URL, SECRET)
    host.repositories.clear()
    github.delete_webhook(project, made)


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (403, {"X-Accepted-GitHub-Permissions": "repository_hooks=write"}, "Webhooks: write"),
        (
            404,
            {"X-OAuth-Scopes": "public_repo", "X-Accepted-OAuth-Scopes": "admin:repo_hook, repo"},
            "has not the scope admin:repo_hook or repo",
        ),
        (404, {}, "administrator of the repository"),
    ],
)
def test_a_missing_permission_is_named(github, host, project, status, headers, told):
    host.fail_next(200, json=host.repositories[7])
    host.fail_next(status, json={"message": "Not Found"}, headers=headers)
    with pytest.raises(CredentialsError, match=told):
        github.create_webhook(project, URL, SECRET)
