import json

import pytest

from packistry.plugin import (
    ConfigError,
    CredentialsError,
    NotFound,
    Project,
    RateLimited,
    Unavailable,
    load_config,
)
from packistry_bitbucket.cloud import BitbucketCloud
from packistry_bitbucket.config import CloudConfig
from plugins.packistry_bitbucket.tests.cloud_host import DATA, EMAIL, LIB, TOKEN, CloudHost

HOOK = "https://packages.example.org/incoming/bitbucket/1/a1b2c3"
SECRET = "a secret of one project"
OTHER = "{11111111-0d9c-4801-b967-cb4cc17359ff}"


def with_access_token(host: CloudHost, token: str = TOKEN, workspace: str = "acme"):
    config = load_config(CloudConfig, {"workspace": workspace, "token": token})
    return BitbucketCloud(config, host.client())


def paths(cloud: BitbucketCloud, search: str = "") -> list[str]:
    return [project.path for project in cloud.projects(search)]


@pytest.mark.parametrize(
    "fault",
    [
        {"workspace": "a/b"},
        {"workspace": " "},
        {"email": "ada"},
        {"email": "a:b@x.org"},
        {"token": "a\nb"},
    ],
)
def test_a_configuration_that_cannot_work_names_the_field(fault):
    given = {"workspace": "acme", "email": EMAIL, "token": TOKEN, **fault}
    with pytest.raises(ConfigError) as refused:
        load_config(CloudConfig, given)
    assert set(refused.value.fields) == set(fault)


def test_the_workspace_may_be_pasted_as_its_page():
    given = {"workspace": "https://bitbucket.org/acme/", "token": f"{TOKEN}\n"}
    config = load_config(CloudConfig, given)
    assert (config.workspace, config.token.get_secret_value()) == ("acme", TOKEN)


def test_all_pages_are_listed(cloud, host):
    host.largest_page = 2
    for number in range(5):
        host.add(f"acme/part-{number}", f"{{{number}}}")
    assert paths(cloud) == ["acme/lib", *(f"acme/part-{number}" for number in range(5))]


def test_a_recorded_list_is_understood(cloud, host):
    page = json.loads((DATA / "repos.json").read_text())
    host.fail_next(200, json={**page, "next": ""})
    (found,) = cloud.projects()
    assert found == Project(
        id=LIB,
        path="atlassian/stash-example-plugin",
        web_url="https://bitbucket.org/atlassian/stash-example-plugin",
        clone_url="https://bitbucket.org/atlassian/stash-example-plugin.git",
    )


def test_a_search_looks_at_the_path_whatever_the_repository_is_called(cloud, host):
    host.add("acme/tool", OTHER, name="A library")
    assert paths(cloud, "TOOL") == ["acme/tool"]
    assert paths(cloud, "library") == []


def test_a_next_page_elsewhere_ends_the_listing_and_sees_no_token(cloud, host):
    page = {"values": [host.repositories[LIB]], "next": "https://evil.example/2.0/x?page=2"}
    host.fail_next(200, json=page)
    with pytest.raises(Unavailable, match="another host"):
        paths(cloud)
    assert len(host.requests) == 1


@pytest.mark.parametrize(
    "typed",
    [
        LIB,
        "lib",
        "acme/lib",
        " Acme/lib ",
        "https://bitbucket.org/acme/lib",
        "https://bitbucket.org/acme/lib.git",
        "git@bitbucket.org:acme/lib.git",
        "https://bitbucket.org/acme/lib/src/main/",
    ],
)
def test_a_project_is_found_by_what_people_paste(cloud, typed):
    found = cloud.project(typed)
    assert (found.id, found.path) == (LIB, "acme/lib")


def test_a_project_of_another_workspace_is_not_asked_for(cloud, host):
    with pytest.raises(NotFound, match="workspace acme, not other"):
        cloud.project("other/lib")
    assert host.requests == []


@pytest.mark.parametrize("typed", ["gone", "lib?fields=uuid", OTHER])
def test_a_project_that_is_gone_is_named(cloud, typed):
    with pytest.raises(NotFound, match="no repository"):
        cloud.project(typed)


def test_a_project_that_moved_to_another_workspace_is_found_by_its_id(cloud, host):
    host.add("other/library", LIB)
    assert cloud.project(LIB).path == "other/library"


def test_a_clone_url_is_without_the_user_name_bitbucket_puts_there(cloud):
    assert cloud.project("lib").clone_url == "https://bitbucket.org/acme/lib.git"


def test_git_goes_to_the_repository_that_has_the_id_not_to_who_took_its_name(cloud, host):
    before = cloud.project("lib")
    host.add("acme/library", LIB)
    host.add("acme/lib", OTHER)
    assert cloud.remote(before).url == "https://bitbucket.org/acme/library.git"


def test_git_shows_the_token_to_bitbucket_only(cloud, host):
    clone = host.repositories[LIB]["links"]["clone"][0]
    clone["href"] = "https://ada@evil.example/acme/lib.git"
    assert cloud.remote(cloud.project("lib")).url == "https://bitbucket.org/acme/lib.git"
    host.repositories[LIB]["full_name"] = "../lib"
    with pytest.raises(ConfigError):
        cloud.remote(cloud.project(LIB))


def test_each_kind_of_token_has_its_own_way_in(cloud, host):
    project = cloud.project("lib")
    assert host.requests[-1].headers["Authorization"].startswith("Basic ")
    assert cloud.remote(project).username == "x-bitbucket-api-token-auth"
    access = with_access_token(host)
    remote = access.remote(project)
    assert host.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"
    assert (remote.username, remote.password) == ("x-token-auth", TOKEN)


def test_an_empty_repository_is_a_project(cloud, host):
    host.repositories[LIB]["mainbranch"] = None
    assert cloud.project("lib").id == LIB


def test_a_token_that_may_everything_gives_nothing_to_mind(cloud, host):
    host.scopes = "read:repository:bitbucket, write:webhook:bitbucket"
    assert list(cloud.check()) == []


def test_a_token_without_webhook_scopes_is_told_that_there_will_be_none(cloud, host):
    host.scopes = "repository"
    assert ["no webhooks" in note for note in cloud.check()] == [True]


def test_a_token_that_reaches_nothing_is_told_so(cloud, host):
    host.repositories.clear()
    assert ["no repository in the workspace acme" in note for note in cloud.check()] == [True]


def test_a_wrong_token_is_told_how_each_kind_is_entered(host):
    with pytest.raises(CredentialsError, match=r"without an e-mail.*app password.*needs its"):
        with_access_token(host, token="ATBBwrong").check()


def test_a_token_that_died_is_told_by_a_sync_too(cloud, host):
    project = cloud.project("lib")
    host.fail_next(401, json={"type": "error", "error": {"message": "Token is expired"}})
    with pytest.raises(CredentialsError, match=r"with the e-mail .* Make a new one and enter it"):
        cloud.remote(project)


def test_a_workspace_that_is_not_there_is_named(host):
    with pytest.raises(NotFound, match="no workspace nobody"):
        with_access_token(host, workspace="nobody").check()


def test_a_missing_scope_is_told_in_bitbuckets_words_and_ours(cloud, host):
    said = {"message": "Your credentials lack one or more required privilege scopes."}
    host.fail_next(403, json={"type": "error", "error": said})
    with pytest.raises(CredentialsError, match=r"needs the scopes read:repository.*privilege"):
        cloud.check()


def test_a_rate_limit_says_when_to_come_back(cloud, host):
    host.fail_next(429, json={"error": {"message": "Rate limit"}}, headers={"Retry-After": "41"})
    with pytest.raises(RateLimited) as limited:
        cloud.project("lib")
    assert limited.value.retry_after == 41


def test_a_web_page_in_place_of_an_answer_is_no_crash(cloud, host):
    host.fail_next(200, body=b"<html>", times=2)
    for ask in (cloud.check, lambda: cloud.project("lib")):
        with pytest.raises(Unavailable, match="did not answer with JSON"):
            ask()


@pytest.mark.parametrize("answer", [b"[]", b"7", b'{"values": 7}', b'{"values": [7]}', b"{}"])
def test_an_answer_of_another_form_is_no_crash(cloud, host, answer):
    for ask in (lambda: cloud.project("lib"), lambda: list(cloud.projects())):
        host.fail_next(200, body=answer)
        with pytest.raises(Unavailable, match="Bitbucket"):
            ask()


def test_a_webhook_is_made_with_its_secret_and_every_event_that_matters(cloud, host):
    made = cloud.create_webhook(cloud.project("lib"), HOOK, SECRET)
    hook = host.hooks[made]
    assert host.requests[-1].json()["secret"] == SECRET
    assert (hook["url"], hook["active"], hook["secret_set"]) == (HOOK, True, True)
    assert hook["events"] == ["repo:push", "repo:updated", "repo:transfer", "repo:deleted"]
    assert cloud.webhook_active(cloud.project("lib"), made)


def test_a_webhook_is_made_once_however_often_it_is_asked_for(cloud, host):
    project = cloud.project("lib")
    first = cloud.create_webhook(project, HOOK, SECRET)
    theirs = cloud.create_webhook(project, f"{HOOK}0", SECRET)
    host.hooks[first] |= {"active": False, "secret_set": False}
    assert cloud.create_webhook(project, HOOK, "a new one") == first
    assert set(host.hooks) == {first, theirs}
    assert cloud.webhook_active(project, first)


@pytest.mark.parametrize(
    "change", [{"active": False}, {"events": ["issue:created"]}, {"secret_set": False}]
)
def test_a_webhook_that_no_longer_sends_is_told(cloud, host, change):
    made = cloud.create_webhook(cloud.project("lib"), HOOK, SECRET)
    host.hooks[made] |= change
    assert not cloud.webhook_active(cloud.project("lib"), made)


def test_a_webhook_is_deleted_and_may_be_gone(cloud, host):
    project = cloud.project("lib")
    made = cloud.create_webhook(project, HOOK, SECRET)
    cloud.delete_webhook(project, made)
    cloud.delete_webhook(project, made)
    assert host.hooks == {}
    assert not cloud.webhook_active(project, made)


@pytest.mark.parametrize("ask", ["create_webhook", "delete_webhook", "webhook_active"])
def test_who_may_not_manage_webhooks_is_told_what_is_needed(cloud, host, ask):
    project = cloud.project("lib")
    host.administrator = False
    what = (HOOK, SECRET) if ask == "create_webhook" else ("{1}",)
    with pytest.raises(CredentialsError, match=r"acme/lib\..*administrator of the repository"):
        getattr(cloud, ask)(project, *what)
