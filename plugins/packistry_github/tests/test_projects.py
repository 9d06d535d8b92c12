import pytest

from packistry.plugin import NotFound, Unavailable
from packistry_github.provider import GitHub
from plugins.packistry_github.tests.conftest import provider
from plugins.packistry_github.tests.host import TOKEN, data
from tests.hosts.host import query


def paths(github: GitHub, search: str = "") -> list[str]:
    return [project.path for project in github.projects(search)]


def test_all_pages_are_listed(github, host):
    host.largest_page = 2
    for number in range(5):
        host.add(f"acme/part-{number}", 100 + number)
    assert paths(github) == ["acme/lib", *(f"acme/part-{number}" for number in range(5))]
    asked = query(host.requests[0])
    assert asked["per_page"] == "100"
    assert asked["affiliation"] == "owner,collaborator,organization_member"


def test_a_search_looks_at_owner_and_name_in_any_case(github, host):
    host.add("Other/Thing", 8)
    assert paths(github, "thing") == ["Other/Thing"]
    assert paths(github, "ACME") == ["acme/lib"]


def test_a_next_page_elsewhere_ends_the_listing_and_sees_no_token(github, host):
    answer = {"Link": '<https://evil.example/user/repos?page=2>; rel="next"'}
    host.fail_next(200, json=[host.repositories[7]], headers=answer)
    with pytest.raises(Unavailable, match="another host"):
        paths(github)
    assert {request.url.split("/")[2] for request in host.requests} == {"api.github.com"}


@pytest.mark.parametrize(
    "typed",
    [
        "7",
        "acme/lib",
        " Acme/Lib ",
        "https://github.com/acme/lib",
        "https://github.com/acme/lib.git",
        "git@github.com:acme/lib.git",
        "ssh://git@github.com/acme/lib.git",
    ],
)
def test_a_project_is_found_by_what_people_paste(github, typed):
    assert github.project(typed).id == "7"


@pytest.mark.parametrize(
    "typed", ["lib", "https://elsewhere.example/acme/lib", "a/b/c", "../x", ""]
)
def test_what_is_no_project_of_github_is_not_asked_for(github, host, typed):
    with pytest.raises(NotFound):
        github.project(typed)
    assert host.requests == []


def test_a_renamed_project_is_found_by_its_old_name(github, host):
    host.rename(7, "acme/library")
    assert (github.project("acme/lib").id, github.project("acme/lib").path) == ("7", "acme/library")


def test_a_project_that_is_not_there_is_not_put_down_to_a_permission(github, host):
    # GitHub names the permission beside each 404, whether or not the token has it.
    headers = {"X-Accepted-GitHub-Permissions": "metadata=read"}
    host.fail_next(404, json={"message": "Not Found"}, headers=headers)
    with pytest.raises(NotFound) as caught:
        github.project("8")
    assert "permission" not in str(caught.value)


def test_git_goes_to_the_project_that_has_the_number_not_to_who_took_its_name(github, host):
    before = github.project("acme/lib")
    host.rename(7, "acme/library")
    host.add("acme/lib", 666)
    assert github.remote(before).url == "https://github.com/acme/library.git"


def test_git_shows_the_token_as_password_to_this_host_only(github, host):
    host.repositories[7]["clone_url"] = "https://evil.example/acme/lib.git"
    remote = github.remote(github.project("7"))
    assert (remote.url, remote.username, remote.password) == (
        "https://github.com/acme/lib.git",
        "x-access-token",
        TOKEN,
    )


@pytest.mark.parametrize("flag", ["archived", "disabled"])
def test_a_project_that_is_read_only_is_told_so(github, host, flag):
    host.repositories[7][flag] = True
    assert github.project("7").archived


def test_a_whole_name_finds_what_is_only_public(github, host):
    listed = host.repositories.copy()
    host.add("else/where", 9)
    host._sorted = lambda: list(listed.values())
    assert paths(github, "else/where") == ["else/where"]
    assert paths(github, "acme/lib") == ["acme/lib"]
    assert paths(github, "acme/nothing") == []


def test_recorded_lists_are_read_also_with_holes(github, host):
    host.fail_next(200, json=data("repositories_with_null.json"))
    assert paths(github) == ["octocat/Hello-World"]


def test_a_recorded_list_of_an_installation_is_read(host):
    host.token = "ghs_1"
    host.fail_next(200, json=data("installation_repositories.json"))
    assert paths(provider(host, token="ghs_1")) == ["octocat/Hello-World"]


@pytest.mark.parametrize(
    "told",
    [
        [],
        None,
        "x",
        {},
        {"id": "7", "full_name": "acme/lib"},
        {"id": 7, "full_name": "../lib"},
        {"id": 7, "full_name": "acme/.."},
    ],
)
def test_an_answer_that_is_no_repository_is_not_taken_for_one(github, host, told):
    host.fail_next(200, json=told, body=b"null", headers={"Content-Type": "application/json"})
    with pytest.raises(Unavailable):
        github.project("7")
