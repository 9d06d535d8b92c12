"""A Gitea, or a Forgejo, that exists only in these tests."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from packistry.testing import HostRequest
from tests.hosts.host import Answer, StatefulHost, query, route
from tests.hosts.openapi import OpenAPI

WEB = "https://git.example/code"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
DATA = Path(__file__).parent / "data"
NOT_FOUND = Answer(status=404, json={"message": "The target couldn't be found.", "errors": []})


def data(name: str) -> Any:
    return json.loads((DATA / name).read_text("utf-8"))


def described(url: str) -> OpenAPI:
    """Gitea's own description of its API, as it is at this base URL."""
    return OpenAPI(DATA / "openapi.json", url)


def without_scope(scope: str) -> Answer:
    words = f"token does not have at least one of required scope(s): [{scope}]"
    return Answer(status=403, json={"message": words, "url": f"{WEB}/api/swagger"})


class GiteaHost(StatefulHost):
    """Knows its repositories by number, where renamed ones used to be, and their webhooks.

    `scopes`: those of the token; only versions that `tells_scopes` say them. `root_url`: what
    links are made of, which behind a proxy may be wrong.
    """

    def __init__(self, web: str = WEB) -> None:
        super().__init__(f"{web}/api/v1", openapi=described(f"{web}/api/v1"))
        self.web = web
        self.root_url = web
        self.repositories: dict[int, dict[str, Any]] = {}
        self.moved: dict[str, int] = {}
        self.hooks: dict[int, list[dict[str, Any]]] = {}
        self.token = TOKEN
        self.scopes = {"read:user", "read:repository", "write:repository"}
        self.tells_scopes = True
        self.largest_page = 50
        self._hook_id = 0

    def add(self, path: str, number: int, **facts: Any) -> dict[str, Any]:
        made: dict[str, Any] = copy.deepcopy(data("repository.json"))
        made |= {"id": number, "full_name": path, "name": path.partition("/")[2], **facts}
        made |= {"html_url": f"{self.web}/{path}", "clone_url": f"{self.web}/{path}.git"}
        self.repositories[number] = made
        return made

    def rename(self, number: int, path: str) -> None:
        self.moved[self.repositories.pop(number)["full_name"].lower()] = number
        self.add(path, number)

    def may_clone(self, user: str, password: str, path: str) -> bool:
        return bool(user) and password == self.token

    def _dispatch(self, request: HostRequest) -> Answer:
        if request.headers.get("Authorization") != f"token {self.token}":
            return Answer(status=401, json={"message": "user does not exist [uid: 0]"})
        needed = "read:user" if urlsplit(request.url).path.endswith("/user") else "read:repository"
        if request.method != "GET":
            needed = "write:repository"
        allowed = self.scopes & {needed, "all"}
        return super()._dispatch(request) if allowed else without_scope(needed)

    @route("GET", "/user")
    def user(self, _request: HostRequest) -> Answer:
        return Answer(json={"login": "ada", "id": 1})

    @route("GET", "/token")
    def current_token(self, _request: HostRequest) -> Answer:
        return Answer(json={"scopes": sorted(self.scopes)}) if self.tells_scopes else NOT_FOUND

    @route("GET", "/user/repos")
    def mine(self, request: HostRequest) -> Answer:
        if not self.scopes & {"read:user", "all"}:
            return without_scope("read:user")
        found, headers = self._page(request, list(self.repositories.values()))
        return Answer(json=found, headers=headers)

    @route("GET", "/repos/search")
    def search(self, request: HostRequest) -> Answer:
        wanted = query(request).get("q", "").lower()
        found = [each for each in self.repositories.values() if wanted in each["name"].lower()]
        page, headers = self._page(request, found)
        return Answer(json={"ok": True, "data": page}, headers=headers)

    @route("GET", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)")
    def by_path(self, _request: HostRequest, owner: str, name: str) -> Answer:
        path = f"{owner}/{name}".lower()
        for repository in self.repositories.values():
            if repository["full_name"].lower() == path:
                return Answer(json=repository)
        if path not in self.moved:
            return NOT_FOUND
        there = self.repositories[self.moved[path]]["full_name"]
        return Answer(status=301, headers={"Location": f"{self.base_path}/repos/{there}"})

    @route("GET", r"/repositories/(?P<number>\d+)")
    def by_number(self, _request: HostRequest, number: str) -> Answer:
        found = self.repositories.get(int(number))
        return Answer(json=found) if found else NOT_FOUND

    @route("GET", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks")
    def list_hooks(self, request: HostRequest, owner: str, name: str) -> Answer:
        found, headers = self._page(request, self._hooks(owner, name))
        return Answer(json=[_shown(hook) for hook in found], headers=headers)

    @route("POST", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks")
    def create_hook(self, request: HostRequest, owner: str, name: str) -> Answer:
        hooks = self._hooks(owner, name)
        self._hook_id += 1
        hooks.append({"id": self._hook_id, "active": False, **request.json()})
        return Answer(status=201, json=_shown(hooks[-1]))

    @route("GET", r"/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks/(?P<hook>\d+)")
    def one_hook(self, _request: HostRequest, owner: str, name: str, hook: str) -> Answer:
        found = self._hook(owner, name, hook)
        return Answer(json=_shown(found)) if found else NOT_FOUND

    @route("DELETE", r"/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks/(?P<hook>\d+)")
    def delete_hook(self, _request: HostRequest, owner: str, name: str, hook: str) -> Answer:
        found = self._hook(owner, name, hook)
        if found is None:
            return NOT_FOUND
        self._hooks(owner, name).remove(found)
        return Answer(status=204)

    def _hooks(self, owner: str, name: str) -> list[dict[str, Any]]:
        found = self.by_path(self.requests[-1], owner, name).json
        assert isinstance(found, dict), "webhooks are asked for at the repository's present name"
        return self.hooks.setdefault(found["id"], [])

    def _hook(self, owner: str, name: str, hook: str) -> dict[str, Any] | None:
        found = [each for each in self._hooks(owner, name) if each["id"] == int(hook)]
        return found[0] if found else None

    def _page(self, request: HostRequest, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
        """A page of a list: never more than the host's limit, whatever is asked for."""
        asked = query(request)
        size = min(int(asked.get("limit", "30")), self.largest_page)
        number = int(asked.get("page", "1"))
        headers = {"X-Total-Count": str(len(items))}
        if number * size < len(items):
            path = urlsplit(request.url).path.removeprefix(urlsplit(self.web).path)
            following = urlencode({**asked, "page": number + 1})
            headers["Link"] = f'<{self.root_url}{path}?{following}>; rel="next"'
        return items[(number - 1) * size : number * size], headers


def _shown(hook: Mapping[str, Any]) -> dict[str, Any]:
    """A webhook as the host tells of it: without its secret."""
    config = {key: value for key, value in hook["config"].items() if key != "secret"}
    return {**hook, "config": config}
