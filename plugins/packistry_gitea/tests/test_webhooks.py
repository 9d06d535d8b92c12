import pytest

from packistry.plugin import CredentialsError, Rejected

URL = "https://packages.example.org/incoming/gitea/1/a1b2c3"
SECRET = "s3cret-of-the-project"


@pytest.fixture
def project(gitea):
    return gitea.project("7")


def test_a_webhook_sends_signed_json_about_refs_and_the_repository(gitea, host, project):
    made = gitea.create_webhook(project, URL, SECRET)
    (hook,) = host.hooks[7]
    assert made == str(hook["id"])
    assert (hook["type"], hook["active"], hook["branch_filter"]) == ("gitea", True, "*")
    assert {"push", "create", "delete", "repository"} <= set(hook["events"])
    assert hook["config"] == {"url": URL, "content_type": "json", "secret": SECRET}


def test_one_that_is_there_already_is_replaced(gitea, host, project):
    host.largest_page = 1
    other = {"id": 100, "active": True, "config": {"url": "https://ci.example"}}
    old = {"id": 101, "active": False, "config": {"url": URL, "secret": "old"}}
    host.hooks[7] = [other, old]
    made = gitea.create_webhook(project, URL, SECRET)
    assert [hook["id"] for hook in host.hooks[7]] == [100, int(made)]
    assert host.hooks[7][1]["config"]["secret"] == SECRET


def test_it_is_made_where_the_repository_is_now(gitea, host, project):
    host.rename(7, "acme/library")
    host.add("acme/lib", 666)
    made = gitea.create_webhook(project, URL, SECRET)
    assert list(host.hooks) == [7]
    gitea.delete_webhook(project, made)
    assert host.hooks == {7: []}


def test_an_archived_repository_gets_none(gitea, host, project):
    host.repositories[7]["archived"] = True
    with pytest.raises(Rejected, match="archived"):
        gitea.create_webhook(project, URL, SECRET)


def test_it_is_active_until_the_host_loses_it_or_switches_it_off(gitea, host, project):
    made = gitea.create_webhook(project, URL, SECRET)
    assert gitea.webhook_active(project, made)
    host.hooks[7][0]["active"] = False
    assert not gitea.webhook_active(project, made)
    host.hooks[7].clear()
    assert not gitea.webhook_active(project, made)
    assert not gitea.webhook_active(project, "")


def test_it_goes_with_the_repository(gitea, host, project):
    made = gitea.create_webhook(project, URL, SECRET)
    host.repositories.clear()
    gitea.delete_webhook(project, made)


def test_a_missing_scope_is_named(gitea, host, project):
    host.scopes -= {"write:repository"}
    with pytest.raises(CredentialsError, match="has not the scope write:repository"):
        gitea.create_webhook(project, URL, SECRET)


def test_a_user_who_is_no_administrator_is_told_so(gitea, host, project):
    host.fail_next(200, json=host.repositories[7])
    host.fail_next(403, json={"message": "user should be an owner or a collaborator with admin"})
    with pytest.raises(CredentialsError, match="administrator of the repository"):
        gitea.create_webhook(project, URL, SECRET)
