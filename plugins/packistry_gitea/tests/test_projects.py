import pytest

from packistry.plugin import CredentialsError, NotFound, Unavailable
from packistry_gitea.provider import Gitea
from plugins.packistry_gitea.tests.conftest import provider
from plugins.packistry_gitea.tests.host import TOKEN, data


def paths(gitea: Gitea, search: str = "") -> list[str]:
    return [project.path for project in gitea.projects(search)]


def test_all_pages_are_listed_although_the_host_gives_less_than_is_asked_for(gitea, host):
    host.largest_page = 2
    for number in range(5):
        host.add(f"acme/part-{number}", 100 + number)
    assert paths(gitea) == ["acme/lib", *(f"acme/part-{number}" for number in range(5))]


def test_pages_are_followed_by_number_where_links_name_another_host(gitea, host):
    host.root_url = "http://localhost:3000"
    host.largest_page = 1
    host.add("acme/tool", 8)
    assert paths(gitea) == ["acme/lib", "acme/tool"]
    assert {request.url.split("/")[2] for request in host.requests} == {"git.example"}


def test_an_empty_page_ends_the_listing(gitea, host):
    for _ in range(2):
        link = {"Link": '<https://git.example/code?page=9>; rel="next"'}
        host.fail_next(200, json=[], headers=link)
    assert paths(gitea) == []
    assert len(host.requests) == 1


def test_null_is_an_empty_list(gitea, host):
    host.fail_next(200, body=b"null", headers={"Content-Type": "application/json"})
    assert paths(gitea) == []


def test_a_search_looks_at_owner_and_name_in_any_case(gitea, host):
    host.add("Other/Thing", 8)
    assert paths(gitea, "thing") == ["Other/Thing"]
    assert paths(gitea, "ACME") == ["acme/lib"]


def test_a_token_for_repositories_alone_lists_by_search(gitea, host):
    host.scopes = {"read:repository"}
    host.add("acme/tool", 8)
    assert paths(gitea) == ["acme/lib", "acme/tool"]
    assert paths(gitea, "acme/to") == ["acme/tool"]
    assert paths(gitea, "acme/") == ["acme/lib", "acme/tool"]


def test_a_token_for_nothing_is_told_what_it_needs(gitea, host):
    host.scopes = set()
    with pytest.raises(CredentialsError, match="has not the scope read:repository"):
        paths(gitea)


@pytest.mark.parametrize(
    "typed",
    [
        "7",
        "acme/lib",
        " Acme/Lib ",
        "https://git.example/code/acme/lib",
        "https://git.example/code/acme/lib.git",
        "git@git.example:acme/lib.git",
    ],
)
def test_a_project_is_found_by_what_people_paste(gitea, typed):
    assert gitea.project(typed).id == "7"


@pytest.mark.parametrize("typed", ["lib", "https://elsewhere.example/acme/lib", "a/b/c", "../x"])
def test_what_is_no_project_of_the_host_is_not_asked_for(gitea, host, typed):
    with pytest.raises(NotFound):
        gitea.project(typed)
    assert host.requests == []


def test_a_renamed_project_is_found_by_its_old_name(gitea, host):
    host.rename(7, "acme/library")
    found = gitea.project("acme/lib")
    assert (found.id, found.path) == ("7", "acme/library")


def test_git_goes_to_the_project_that_has_the_number_not_to_who_took_its_name(gitea, host):
    before = gitea.project("acme/lib")
    host.rename(7, "acme/library")
    host.add("acme/lib", 666)
    assert gitea.remote(before).url == "https://git.example/code/acme/library.git"


def test_git_shows_the_token_as_password_to_this_host_only(gitea, host):
    host.repositories[7]["clone_url"] = "https://evil.example/acme/lib.git"
    remote = gitea.remote(gitea.project("7"))
    assert (remote.url, remote.password) == ("https://git.example/code/acme/lib.git", TOKEN)
    assert remote.username


def test_a_redirect_to_another_host_sees_no_token(gitea, host):
    host.fail_next(301, headers={"Location": "https://evil.example/api/v1/repos/acme/lib"})
    with pytest.raises(Unavailable, match="another host"):
        gitea.project("acme/lib")
    assert {request.url.split("/")[2] for request in host.requests} == {"git.example"}


def test_an_archived_project_is_told_so(gitea, host):
    host.repositories[7]["archived"] = True
    assert gitea.project("7").archived


def test_recorded_lists_are_read(gitea, host):
    host.fail_next(200, json=data("repositories.json"))
    assert paths(gitea) == ["go-gitea/gitea"]


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
def test_an_answer_that_is_no_repository_is_not_taken_for_one(gitea, host, told):
    host.fail_next(200, json=told, body=b"null", headers={"Content-Type": "application/json"})
    with pytest.raises(Unavailable):
        gitea.project("7")


def test_the_address_of_the_api_will_do_as_well(host):
    gitea = provider(host, url="https://GIT.example/code/api/v1/")
    assert gitea.config.url == "https://git.example/code"
    assert gitea.project("acme/lib").id == "7"
