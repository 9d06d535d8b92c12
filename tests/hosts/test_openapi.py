"""What the hosts of the tests refuse because their description does not allow it."""

import json
from typing import Any

import pytest

from packistry.testing import HostRequest
from plugins.packistry_bitbucket.tests.cloud_host import CloudHost
from plugins.packistry_gitea.tests.host import GiteaHost
from plugins.packistry_github.tests.host import GitHubHost
from plugins.packistry_gitlab.tests.host import GitLabHost

HOSTS = {
    "github": (GitHubHost(), "/repos/acme/lib/hooks"),
    "gitlab": (GitLabHost(), "/projects/7/hooks"),
    "gitea": (GiteaHost(), "/repos/acme/lib/hooks"),
    "bitbucket": (CloudHost(), "/repositories/acme/lib/hooks"),
}
ALLOWED: dict[str, dict[str, Any]] = {
    "github": {"name": "web", "events": ["push"], "config": {"url": "https://x.example"}},
    "gitlab": {"url": "https://x.example", "push_events": True},
    "gitea": {"type": "gitea", "events": ["push"], "config": {"url": "u", "content_type": "json"}},
    "bitbucket": {"url": "https://x.example", "events": ["repo:push"]},
}


def check(name: str, method: str, path: str, body: object = None) -> None:
    host, _ = HOSTS[name]
    assert host.openapi is not None
    sent = b"" if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    host.openapi.check(
        HostRequest(method=method, url=f"{host.url}{path}", headers=headers, body=sent)
    )


@pytest.mark.parametrize("name", HOSTS)
def test_a_field_is_allowed_in_its_form_and_under_its_name_only(name: str) -> None:
    _, place = HOSTS[name]
    check(name, "POST", place, ALLOWED[name])
    wrong = {"events": 5, "url": 5, "config": 5} if name != "gitlab" else {"push_events": "sure"}
    for change in (wrong, {"pushevents": True}):
        with pytest.raises(AssertionError, match=r"not valid|no field"):
            check(name, "POST", place, {**ALLOWED[name], **change})


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("github", "/user/repos?afiliation=owner"),
        ("github", "/user/repos?sort=fullname"),
        ("github", "/repositories/7?page=2"),
        ("gitlab", "/projects?membersip=true"),
        ("gitlab", "/groups/1/projects?order_by=shoe_size"),
        ("gitea", "/user/repos?per_page=1"),
        ("gitea", "/user/repos?limit=many"),
        ("bitbucket", "/repositories/acme?rol=member"),
        ("bitbucket", "/repositories/acme?role=king"),
    ],
)
def test_a_parameter_is_allowed_in_its_form_and_under_its_name_only(name: str, path: str) -> None:
    check(name, "GET", path.partition("?")[0])
    with pytest.raises(AssertionError, match=r"not valid|no parameter|cast"):
        check(name, "GET", path)


@pytest.mark.parametrize("name", HOSTS)
def test_what_is_not_described_is_not_allowed(name: str) -> None:
    _, place = HOSTS[name]
    for method, path in (("GET", "/nothing/here"), ("PATCH", place)):
        with pytest.raises(AssertionError, match="not found"):
            check(name, method, path, {})
