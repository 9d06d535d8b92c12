"""A GitLab that exists only in these tests."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from packistry.testing import HostRequest
from tests.hosts.host import Answer, StatefulHost, query, route
from tests.hosts.openapi import OpenAPI

DATA = Path(__file__).parent / "data"
URL = "https://gitlab.example.org/code"
TOKEN = "glpat-3xAmPl3T0k3n0fGitLab"

_REPOSITORY = json.loads((DATA / "repo.json").read_text())
# The description lacks these calls, and what newer versions added to the others: see GitLab's pages
# on the Projects API, on keyset pagination and on webhooks.
_ALSO = {
    ("GET", "/api/v4/projects"): (
        "id_after",
        "membership",
        "order_by",
        "page",
        "pagination",
        "per_page",
        "search",
        "search_namespaces",
        "sort",
    ),
    ("GET", "/api/v4/personal_access_tokens/self"): (),
    ("GET", "/api/v4/user"): (),
}


class GitLabHost(StatefulHost):
    """Knows its projects by number, and their old paths. `signs`: it is 19.0 or newer."""

    def __init__(self, web: str = URL, *, signs: bool = True) -> None:
        super().__init__(web)
        self.settle(web)
        self.signs = signs
        self.token: dict[str, Any] = {"active": True, "revoked": False, "scopes": ["api"]}
        self.keeps_accounts = True
        self.projects: dict[int, dict[str, Any]] = {}
        self.moved: dict[str, int] = {}
        self.hooks: dict[int, dict[str, Any]] = {}
        self.secrets: dict[int, dict[str, str]] = {}
        self.largest_page = 100
        self.maintainer = True
        self._made = 0

    def settle(self, web: str) -> None:
        """Be at this address from now on."""
        self.web, self.url = web, f"{web}/api/v4"
        self.openapi = OpenAPI(DATA / "openapi.json", web, also=_ALSO, fields=["signing_token"])

    def add(self, path: str, number: int, **facts: Any) -> dict[str, Any]:
        made: dict[str, Any] = copy.deepcopy(_REPOSITORY)
        made |= {"id": number, "path_with_namespace": path, "web_url": f"{self.web}/{path}"}
        made |= {"http_url_to_repo": f"{self.web}/{path}.git", **facts}
        self.projects[number] = made
        return made

    def rename(self, number: int, path: str) -> None:
        self.moved[self.projects[number]["path_with_namespace"].lower()] = number
        self.add(path, number)

    def may_clone(self, user: str, password: str, path: str) -> bool:
        return (user, password) == ("oauth2", TOKEN)

    def _dispatch(self, request: HostRequest) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Answer(status=401, json={"message": "401 Unauthorized"})
        return super()._dispatch(request)

    @route("GET", "/personal_access_tokens/self")
    def self_(self, _request: HostRequest) -> Answer:
        if not self.keeps_accounts:
            return Answer(status=404, json={"error": "404 Not Found"})
        return Answer(json={"id": 1, "name": "packistry", "user_id": 3, **self.token})

    @route("GET", "/user")
    def user(self, _request: HostRequest) -> Answer:
        return Answer(json=json.loads('{"id": 3, "username": "packistry"}'))

    @route("GET", "/projects")
    def listed(self, request: HostRequest) -> Answer:
        asked = query(request)
        word = asked.get("search", "").lower()
        found = [
            project
            for _, project in sorted(self.projects.items())
            if word in project["path_with_namespace"].lower()
        ]
        if asked.get("pagination") == "keyset":
            if asked.get("order_by") != "id":
                said = "Keyset pagination is not yet available for this type of request"
                return Answer(status=405, json={"error": said})
            return self._after(request, found)
        return self._page(request, found)

    @route("GET", "/groups/(?P<group>[^/]+)/projects")
    def of_group(self, request: HostRequest, group: str) -> Answer:
        below, deep = unquote(group).lower() + "/", "include_subgroups" in query(request)
        found = [
            project
            for _, project in sorted(self.projects.items())
            if project["path_with_namespace"].lower().startswith(below)
            if deep or "/" not in project["path_with_namespace"][len(below) :]
        ]
        if not found:
            return Answer(status=404, json={"message": "404 Group Not Found"})
        return self._page(request, found)

    @route("GET", "/projects/(?P<place>[^/]+)")
    def project(self, _request: HostRequest, place: str) -> Answer:
        wanted = unquote(place)
        for number, project in self.projects.items():
            if wanted.lower() in (str(number), project["path_with_namespace"].lower()):
                return Answer(json=project)
        if wanted.lower() in self.moved:
            there = f"{self.url}/projects/{self.moved[wanted.lower()]}"
            return Answer(status=301, json={"message": "Moved"}, headers={"Location": there})
        return Answer(status=404, json={"message": "404 Project Not Found"})

    @route("GET", r"/projects/(?P<number>\d+)/hooks")
    def list_hooks(self, request: HostRequest, number: str) -> Answer:
        found = [hook for hook in self.hooks.values() if hook["project_id"] == int(number)]
        return self._managed(number) or self._page(request, found)

    @route("POST", r"/projects/(?P<number>\d+)/hooks")
    def make_hook(self, request: HostRequest, number: str) -> Answer:
        refused = self._managed(number)
        if refused:
            return refused
        self._made += 1
        recorded = json.loads((DATA / "hook.json").read_text())
        hook = {**recorded, "id": self._made, "project_id": int(number)}
        hook |= {"alert_status": "executable", "tag_push_events": False, "push_events": True}
        self.hooks[self._made] = hook
        self.secrets[self._made] = {}
        return Answer(status=201, json=self._written(hook, request.json()))

    @route("GET", r"/projects/(?P<number>\d+)/hooks/(?P<hook>\d+)")
    def one_hook(self, _request: HostRequest, number: str, hook: str) -> Answer:
        return self._managed(number, hook) or Answer(json=self.hooks[int(hook)])

    @route("PUT", r"/projects/(?P<number>\d+)/hooks/(?P<hook>\d+)")
    def change_hook(self, request: HostRequest, number: str, hook: str) -> Answer:
        return self._managed(number, hook) or Answer(
            json=self._written(self.hooks[int(hook)], request.json())
        )

    @route("DELETE", r"/projects/(?P<number>\d+)/hooks/(?P<hook>\d+)")
    def drop_hook(self, _request: HostRequest, number: str, hook: str) -> Answer:
        refused = self._managed(number, hook)
        if refused:
            return refused
        del self.hooks[int(hook)]
        return Answer(status=204)

    def _managed(self, number: str, hook: str = "") -> Answer | None:
        if int(number) not in self.projects:
            return Answer(status=404, json={"message": "404 Project Not Found"})
        if not self.maintainer:
            return Answer(status=403, json={"message": "403 Forbidden"})
        if hook and int(hook) not in self.hooks:
            return Answer(status=404, json={"message": "404 Not found"})
        return None

    def _written(self, hook: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
        known = {key: value for key, value in said.items() if key in hook or key == "name"}
        hook |= known
        secrets = self.secrets[hook["id"]]
        names = ("token", "signing_token") if self.signs else ("token",)
        secrets |= {name: said[name] for name in names if name in said}
        if self.signs:
            hook |= {f"{name}_present": bool(secrets.get(name)) for name in names}
        return hook

    def _after(self, request: HostRequest, items: list[dict[str, Any]]) -> Answer:
        """A page by keyset, which only has a Link."""
        asked = query(request)
        size = min(int(asked.get("per_page", "20")), self.largest_page)
        left = [each for each in items if each["id"] > int(asked.get("id_after", "0"))]
        if len(left) <= size:
            return Answer(json=left)
        following = urlencode({**asked, "id_after": left[size - 1]["id"]})
        link = f'<{request.url.partition("?")[0]}?{following}>; rel="next"'
        return Answer(json=left[:size], headers={"Link": link})

    def _page(self, request: HostRequest, items: list[dict[str, Any]]) -> Answer:
        """A page by number, whose Link a proxy has taken away."""
        asked = query(request)
        size = min(int(asked.get("per_page", "20")), self.largest_page)
        number = int(asked.get("page", "1"))
        more = number * size < len(items)
        told = {"X-Page": str(number), "X-Next-Page": str(number + 1) if more else ""}
        return Answer(json=items[(number - 1) * size : number * size], headers=told)


def place(request: HostRequest) -> tuple[str, str]:
    """(method, path below the API)."""
    return request.method, urlsplit(request.url).path.partition("/api/v4")[2]
