import pytest

from packistry.plugin import (
    ConfigError,
    CredentialsError,
    NotFound,
    RateLimited,
    Unavailable,
    load_config,
)
from packistry_bitbucket.config import DataCenterConfig
from packistry_bitbucket.datacenter import BitbucketDataCenter
from plugins.packistry_bitbucket.tests.server_host import DATA, TOKEN, URL, ServerHost

HOOK = "https://packages.example.org/incoming/bitbucket-datacenter/1/a1b2c3"
SECRET = "a secret of one project"


@pytest.fixture
def host(servers_host: ServerHost) -> ServerHost:
    return servers_host


def configured(host: ServerHost, **said: str) -> BitbucketDataCenter:
    config = load_config(DataCenterConfig, {"url": URL, "token": TOKEN, **said})
    return BitbucketDataCenter(config, host.client())


def paths(server: BitbucketDataCenter, search: str = "") -> list[str]:
    return [project.path for project in server.projects(search)]


def test_the_address_may_be_that_of_the_api():
    given = {"url": f" {URL}/rest/api/1.0/projects", "token": TOKEN}
    assert load_config(DataCenterConfig, given).url == URL


@pytest.mark.parametrize(
    "fault",
    [{"url": "bitbucket"}, {"url": "https://u@x.org"}, {"username": "a:b"}, {"project": "a/b"}],
)
def test_a_configuration_that_cannot_work_names_the_field(fault):
    with pytest.raises(ConfigError) as refused:
        load_config(DataCenterConfig, {"url": URL, "token": TOKEN, **fault})
    assert set(refused.value.fields) == set(fault)


def test_all_pages_are_listed(server, host):
    host.largest_page = 2
    for number in range(5):
        host.add(f"PRJ/part-{number}", 10 + number)
    assert paths(server) == ["PRJ/lib", *(f"PRJ/part-{number}" for number in range(5))]


def test_the_page_that_says_it_is_the_last_is_the_last(server, host):
    host.fail_next(200, json={"values": [], "isLastPage": True, "nextPageStart": 25})
    assert paths(server) == []
    assert len(host.requests) == 1


def test_a_recorded_list_is_understood(server, host):
    host.fail_next(200, body=(DATA / "repos.json").read_bytes())
    first, second = server.projects()
    assert (first.id, second.path) == ("1", "PRJ/quux")
    assert first.web_url == "http://example.com:7990/projects/PRJ/repos/my-repo/browse"
    assert first.clone_url == "http://example.com:7990/scm/prj/my-repo.git"


def test_a_search_looks_at_project_and_slug_in_any_case(server, host):
    host.add("~ada/Tool", 8)
    assert paths(server, "ADA/t") == ["~ada/Tool"]


def test_a_project_key_limits_what_is_listed_and_found(host):
    host.add("OTHER/lib", 8)
    server = configured(host, project="prj")
    assert paths(server) == ["PRJ/lib"]
    with pytest.raises(NotFound, match="project prj, not OTHER"):
        server.project("OTHER/lib")
    with pytest.raises(NotFound, match="no repository 8"):
        server.project("8")


@pytest.mark.parametrize(
    "typed",
    [
        "1",
        "PRJ/lib",
        " prj/LIB ",
        f"{URL}/scm/prj/lib.git",
        f"{URL}/projects/PRJ/repos/lib/browse",
    ],
)
def test_a_repository_is_found_by_what_people_paste(server, typed):
    found = server.project(typed)
    assert (found.id, found.path) == ("1", "PRJ/lib")
    assert found.clone_url == f"{URL}/scm/PRJ/lib.git"


@pytest.mark.parametrize("typed", ["2", "PRJ/gone", "lib", "", "../x", "https://x.org/a/b"])
def test_a_repository_that_is_not_there_is_named(server, typed):
    with pytest.raises(NotFound, match="no repository"):
        server.project(typed)


def test_a_repository_that_moved_is_found_by_number_and_by_its_old_path(server, host):
    host.rename(1, "NEW/library")
    assert server.project("PRJ/lib").path == "NEW/library"
    assert server.project("1").path == "NEW/library"


def test_git_goes_to_the_repository_that_has_the_number_not_to_who_took_its_name(server, host):
    before = server.project("1")
    assert server.remote(before).url == f"{URL}/scm/prj/lib.git"
    host.rename(1, "PRJ/library")
    host.add("PRJ/lib", 666)
    assert server.remote(before).url == f"{URL}/scm/prj/library.git"


def test_git_shows_the_token_to_this_bitbucket_only(server, host):
    elsewhere = {"href": "https://evil.example/lib.git", "name": "http"}
    host.repositories[1]["links"]["clone"] = [elsewhere]
    assert server.remote(server.project("1")).url == f"{URL}/scm/prj/lib.git"


def test_each_kind_of_token_has_its_own_git_user(server, host):
    remote = server.remote(server.project("1"))
    assert (remote.username, remote.password) == ("x-token-auth", TOKEN)
    assert configured(host, username="ada").remote(server.project("1")).username == "ada"


def test_a_repository_that_is_read_only_is_told_so(server, host):
    host.repositories[1]["archived"] = True
    assert server.project("1").archived


def test_what_is_missing_is_told_by_the_check(server, host):
    assert list(server.check()) == []
    host.repositories.clear()
    assert ["no repository" in note for note in server.check()] == [True]
    with pytest.raises(NotFound, match="no project PRJ"):
        configured(host, project="PRJ").check()
    with pytest.raises(CredentialsError, match=r"mistyped, expired, revoked.*repository admin"):
        configured(host, token="wrong").check()


def test_an_address_where_no_bitbucket_is_is_told_so(server, host):
    host.fail_next(404, body=b"<h1>Not Found</h1>")
    with pytest.raises(ConfigError, match=f"no Bitbucket API at {URL}") as caught:
        server.check()
    assert "url" in caught.value.fields
    host.fail_next(200, body=b"<html>")
    with pytest.raises(Unavailable, match=f"no Bitbucket API at {URL}"):
        configured(host, project="PRJ").check()
    host.fail_next(302, headers={"Location": "https://login.example.org/?next=x"})
    with pytest.raises(ConfigError, match=r"redirects to https://login\.example\.org\. If"):
        server.check()


def test_plain_http_is_refused_before_the_token_is_sent(host):
    with pytest.raises(ConfigError, match="https"):
        configured(host, url="http://bitbucket.example.org").check()
    assert host.requests == []


def test_a_rate_limit_says_when_to_come_back(server, host):
    host.fail_next(429, headers={"Retry-After": "41"})
    with pytest.raises(RateLimited) as limited:
        server.project("PRJ/lib")
    assert limited.value.retry_after == 41


def test_a_webhook_is_made_with_its_secret_and_both_events(server, host):
    made = server.create_webhook(server.project("1"), HOOK, SECRET)
    hook = host.hooks[int(made)]
    assert (hook["url"], hook["configuration"], hook["active"]) == (HOOK, {"secret": SECRET}, True)
    assert hook["events"] == ["repo:refs_changed", "repo:modified"]
    assert server.webhook_active(server.project("1"), made)


def test_a_webhook_is_made_once_also_when_the_repository_moved(server, host):
    project = server.project("1")
    first = server.create_webhook(project, HOOK, SECRET)
    host.hooks[int(first)]["active"] = False
    assert not server.webhook_active(project, first)
    host.rename(1, "PRJ/library")
    assert server.create_webhook(project, HOOK, "a new one") == first
    assert server.webhook_active(project, first)
    assert host.hooks[int(first)]["configuration"] == {"secret": "a new one"}


def test_a_webhook_is_deleted_and_may_be_gone(server, host):
    project = server.project("1")
    made = server.create_webhook(project, HOOK, SECRET)
    server.delete_webhook(project, made)
    server.delete_webhook(project, made)
    assert host.hooks == {}
    assert not server.webhook_active(project, made)
    host.repositories.clear()
    server.delete_webhook(project, made)


@pytest.mark.parametrize("ask", ["create_webhook", "delete_webhook", "webhook_active"])
def test_who_may_not_manage_webhooks_is_told_what_is_needed(server, host, ask):
    project = server.project("1")
    host.administrator = False
    what = (HOOK, SECRET) if ask == "create_webhook" else ("1",)
    with pytest.raises(CredentialsError, match=r"PRJ/lib\..*administrator of the repository"):
        getattr(server, ask)(project, *what)
