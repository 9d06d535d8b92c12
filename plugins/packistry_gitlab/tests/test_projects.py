import pytest

from packistry.plugin import (
    ConfigError,
    NotFound,
    Project,
    RateLimited,
    Unavailable,
    load_config,
)
from packistry_gitlab.config import GitLabConfig
from packistry_gitlab.source import GitLab
from plugins.packistry_gitlab.tests.host import DATA, TOKEN, URL, GitLabHost


def paths(gitlab: GitLab, search: str = "") -> list[str]:
    return [project.path for project in gitlab.projects(search)]


def of_group(host: GitLabHost, group: str) -> GitLab:
    config = load_config(GitLabConfig, {"url": URL, "token": TOKEN, "group": group})
    return GitLab(config, host.client())


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://gitlab.com/", "https://gitlab.com"),
        (" https://example.org/gitlab/api/v4/ ", "https://example.org/gitlab"),
    ],
)
def test_the_address_may_be_that_of_the_api(typed, kept):
    assert load_config(GitLabConfig, {"url": typed, "token": TOKEN}).url == kept


@pytest.mark.parametrize(
    "url", ["gitlab.com", "ftp://x.org", "https://", "https://u:p@x.org", "https://x.org:y", "a"]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigError) as refused:
        load_config(GitLabConfig, {"url": url, "token": "glpat-\nx"})
    assert set(refused.value.fields) == {"url", "token"}
    assert "glpat" not in str(refused.value)


@pytest.mark.parametrize("search", ["", "part"])
def test_all_pages_are_listed_by_keyset_and_by_number(gitlab, host, search):
    host.largest_page = 2
    for number in range(5):
        host.add(f"acme/part-{number}", 100 + number)
    found = [path for path in paths(gitlab, search) if path != "acme/php/lib"]
    assert found == [f"acme/part-{number}" for number in range(5)]
    # By number, GitLab ends a list after 50,000.
    assert ("pagination=keyset" in host.requests[-1].url) is (search == "")


def test_a_recorded_list_is_understood(gitlab, host):
    host.fail_next(200, body=(DATA / "repos.json").read_bytes())
    (found,) = gitlab.projects()
    assert found == Project(
        id="178504",
        path="diaspora/diaspora",
        web_url="https://gitlab.com/diaspora/diaspora",
        clone_url="https://gitlab.com/diaspora/diaspora.git",
    )


def test_a_search_looks_at_groups_too_and_in_any_case(gitlab, host):
    host.add("Other/Thing", 8)
    assert paths(gitlab, "ACME/php/l") == ["acme/php/lib"]
    assert paths(gitlab, "o") == ["Other/Thing"]


def test_a_group_limits_what_is_listed(host):
    host.add("other/lib", 8)
    host.add("acme/tool", 9)
    assert paths(of_group(host, "acme"), "") == ["acme/php/lib", "acme/tool"]
    assert paths(of_group(host, "acme/php"), "acme") == ["acme/php/lib"]


def test_a_group_that_is_not_there_is_named(host):
    with pytest.raises(NotFound, match="no group nobody"):
        paths(of_group(host, "nobody"))


def test_a_next_page_elsewhere_ends_the_listing_and_sees_no_token(gitlab, host):
    answer = {"Link": '<https://evil.example/api/v4/projects?page=2>; rel="next"'}
    host.fail_next(200, json=[host.projects[7]], headers=answer)
    with pytest.raises(Unavailable, match="another host"):
        paths(gitlab)
    assert {request.url.split("/")[2] for request in host.requests} == {"gitlab.example.org"}


@pytest.mark.parametrize(
    "typed",
    [
        "7",
        " Acme/PHP/lib ",
        f"{URL}/acme/php/lib",
        f"{URL}/acme/php/lib.git",
        "acme/php/lib/",
        "git@gitlab.example.org:acme/php/lib.git",
        f"{URL}/acme/php/lib/-/tree/main",
    ],
)
def test_a_project_is_found_by_what_people_paste(gitlab, typed):
    assert gitlab.project(typed).id == "7"


def test_a_project_of_another_host_is_not_asked_for(gitlab, host):
    with pytest.raises(NotFound, match="not on"):
        gitlab.project("https://gitlab.com/acme/php/lib")
    assert host.requests == []


def test_a_project_that_is_hidden_or_gone_says_what_role_is_needed(gitlab):
    with pytest.raises(NotFound, match="Reporter"):
        gitlab.project("8")


def test_a_project_that_moved_is_found_by_its_old_path(gitlab, host):
    host.rename(7, "acme/library")
    found = gitlab.project("acme/php/lib")
    assert (found.id, found.path) == ("7", "acme/library")


def test_the_token_does_not_follow_a_redirect_to_another_host(gitlab, host):
    host.fail_next(301, headers={"Location": "https://evil.example/api/v4/projects/7"})
    with pytest.raises(Unavailable, match="another host"):
        gitlab.project("7")
    assert len(host.requests) == 1


def test_git_goes_to_the_project_that_has_the_number_not_to_who_took_its_path(gitlab, host):
    before = gitlab.project("7")
    host.rename(7, "acme/library")
    host.add("acme/php/lib", 666)
    assert gitlab.remote(before).url == f"{URL}/acme/library.git"


def test_git_shows_the_token_to_this_gitlab_only(gitlab, host):
    host.projects[7]["http_url_to_repo"] = "https://x:y@evil.example/acme/lib.git"
    project = gitlab.project("7")
    remote = gitlab.remote(project)
    assert remote.url == f"{URL}/acme/php/lib.git"
    assert (remote.username, remote.password) == ("oauth2", TOKEN)
    assert project.clone_url == "https://evil.example/acme/lib.git"


@pytest.mark.parametrize("path", ["../x", "a/../../b", "a//b"])
def test_a_path_that_climbs_is_no_repository(gitlab, host, path):
    host.projects[7] |= {"path_with_namespace": path, "http_url_to_repo": "https://x.org/y.git"}
    with pytest.raises(ConfigError):
        gitlab.remote(gitlab.project("7"))


@pytest.mark.parametrize(
    "flag",
    [
        {"archived": True},
        {"marked_for_deletion_at": "2026-11-20"},
        {"marked_for_deletion_on": "2026-11-20"},
    ],
)
def test_a_project_that_is_read_only_is_told_so(gitlab, host, flag):
    assert not gitlab.project("7").archived
    host.projects[7] |= flag
    assert gitlab.project("7").archived


def test_an_empty_project_is_a_project(gitlab, host):
    host.projects[7] |= {"default_branch": None, "empty_repo": True}
    assert gitlab.project("7").path == "acme/php/lib"


def test_a_rate_limit_says_when_to_come_back(gitlab, host):
    host.fail_next(429, body=b"Retry later\n", headers={"Retry-After": "41"})
    with pytest.raises(RateLimited) as limited:
        gitlab.project("7")
    assert limited.value.retry_after == 41


@pytest.mark.parametrize("answer", [b"{}", b"7", b"<p>", b'{"id": 7}', b'[{"id": 7}]', b"[7]"])
def test_an_answer_of_another_form_is_no_crash(gitlab, host, answer):
    for ask in (lambda: gitlab.project("7"), lambda: list(gitlab.projects())):
        host.fail_next(200, body=answer)
        with pytest.raises(Unavailable, match=r"GitLab|JSON"):
            ask()
