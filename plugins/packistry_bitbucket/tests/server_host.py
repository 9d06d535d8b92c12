"""A Bitbucket Data Center that exists only in these tests."""

import copy
import json
from pathlib import Path
from typing import Any

from packistry.testing import HostRequest
from tests.hosts.host import Answer, StatefulHost, query, route

DATA = Path(__file__).parent / "data" / "server"
URL = "https://bitbucket.example.org/scm-host"
TOKEN = "BBDC-MDk4NzY1NDMyMTA5example"

_REPOSITORY = json.loads((DATA / "repo.json").read_text())
_ERROR = json.loads((DATA / "error.json").read_text())
_ONE = "/projects/(?P<key>[^/]+)/repos/(?P<slug>[^/]+)"


class ServerHost(StatefulHost):
    """Knows its repositories by number, and where moved ones are now."""

    def __init__(self, web: str = URL) -> None:
        super().__init__(web)
        self.settle(web)
        self.repositories: dict[int, dict[str, Any]] = {}
        self.moved: dict[str, int] = {}
        self.hooks: dict[int, dict[str, Any]] = {}
        self.administrator = True
        self.largest_page = 1000
        self.username = "x-token-auth"

    def settle(self, web: str) -> None:
        """Be at this address from now on."""
        self.web, self.url = web, f"{web}/rest/api/latest"

    def add(self, path: str, number: int, **facts: Any) -> dict[str, Any]:
        made: dict[str, Any] = copy.deepcopy(_REPOSITORY)
        key, _, slug = path.partition("/")
        made |= {"id": number, "slug": slug, "name": slug.title(), **facts}
        made["project"]["key"] = key
        made["links"]["clone"] = [
            {"href": f"ssh://git@bitbucket.example.org:7999/{path}.git", "name": "ssh"},
            {"href": self.web.replace("://", "://ada@") + f"/scm/{path}.git", "name": "http"},
        ]
        self.repositories[number] = made
        return made

    def rename(self, number: int, path: str) -> None:
        self.moved[self.path(self.repositories[number])] = number
        self.add(path, number)

    def path(self, repository: dict[str, Any]) -> str:
        return f"{repository['project']['key']}/{repository['slug']}"

    def may_clone(self, user: str, password: str, path: str) -> bool:
        return (user, password) == (self.username, TOKEN)

    def _dispatch(self, request: HostRequest) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            said = {"context": None, "message": "You are not permitted.", "exceptionName": "x"}
            return Answer(status=401, json={"errors": [said]})
        answer = super()._dispatch(request)
        return Answer(status=404, json=_ERROR) if answer.status == 404 else answer

    @route("GET", "/repos")
    def listed(self, request: HostRequest) -> Answer:
        return self._page(request, list(self.repositories.values()))

    @route("GET", "/projects/(?P<key>[^/]+)/repos")
    def of_project(self, request: HostRequest, key: str) -> Answer:
        every = self.repositories.values()
        found = [each for each in every if each["project"]["key"].lower() == key.lower()]
        return self._page(request, found) if found else Answer(status=404)

    @route("GET", _ONE)
    def repository(self, _request: HostRequest, key: str, slug: str) -> Answer:
        found = self._found(key, slug)
        if found is not None:
            return Answer(json=found)
        moved = self.moved.get(f"{key}/{slug}")
        if moved is None:
            return Answer(status=404)
        key, _, slug = self.path(self.repositories[moved]).partition("/")
        there = f"{self.url}/projects/{key}/repos/{slug}"
        return Answer(status=302, headers={"Location": there})

    @route("GET", f"{_ONE}/webhooks")
    def list_hooks(self, request: HostRequest, key: str, slug: str) -> Answer:
        return self._refused(key, slug) or self._page(request, list(self.hooks.values()))

    @route("POST", f"{_ONE}/webhooks")
    def make_hook(self, request: HostRequest, key: str, slug: str) -> Answer:
        refused = self._refused(key, slug)
        if refused:
            return refused
        number = len(self.hooks) + 1
        recorded = json.loads((DATA / "webhook.json").read_text())
        self.hooks[number] = {**recorded, "id": number, **request.json()}
        return Answer(status=201, json=self.hooks[number])

    @route("GET", rf"{_ONE}/webhooks/(?P<hook>\d+)")
    def one_hook(self, _request: HostRequest, key: str, slug: str, hook: str) -> Answer:
        return self._refused(key, slug, hook) or Answer(json=self.hooks[int(hook)])

    @route("PUT", rf"{_ONE}/webhooks/(?P<hook>\d+)")
    def change_hook(self, request: HostRequest, key: str, slug: str, hook: str) -> Answer:
        refused = self._refused(key, slug, hook)
        if refused:
            return refused
        self.hooks[int(hook)] |= request.json()
        return Answer(json=self.hooks[int(hook)])

    @route("DELETE", rf"{_ONE}/webhooks/(?P<hook>\d+)")
    def drop_hook(self, _request: HostRequest, key: str, slug: str, hook: str) -> Answer:
        refused = self._refused(key, slug, hook)
        if refused:
            return refused
        del self.hooks[int(hook)]
        return Answer(status=204)

    def _found(self, key: str, slug: str) -> dict[str, Any] | None:
        path = f"{key}/{slug}".lower()
        every = self.repositories.values()
        return next((each for each in every if self.path(each).lower() == path), None)

    def _refused(self, key: str, slug: str, hook: str = "") -> Answer | None:
        if self._found(key, slug) is None:
            return Answer(status=404)
        if not self.administrator:
            said = {"context": None, "message": "You are not permitted.", "exceptionName": "x"}
            return Answer(status=403, json={"errors": [said]})
        return Answer(status=404) if hook and int(hook) not in self.hooks else None

    def _page(self, request: HostRequest, items: list[dict[str, Any]]) -> Answer:
        asked = query(request)
        size, start = int(asked.get("limit", "25")), int(asked.get("start", "0"))
        size = min(size, self.largest_page)
        found = items[start : start + size]
        last = start + size >= len(items)
        page: dict[str, Any] = {"size": len(found), "limit": size, "isLastPage": last}
        page |= {"start": start, "values": found}
        return Answer(json=page if last else {**page, "nextPageStart": start + size})
