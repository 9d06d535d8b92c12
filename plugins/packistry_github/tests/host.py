"""A GitHub that exists only in these tests."""

import copy
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from packistry.testing import HostRequest
from tests.hosts.host import Answer, Description, StatefulHost, query, route

API = "https://api.github.com"
TOKEN = "github_pat_11AAAAAAA0fine0grained"
_REPOSITORY = json.loads((Path(__file__).parent / "data" / "repository.json").read_text())


class GitHubHost(StatefulHost):
    """Knows its repositories by number, and where renamed ones used to be."""

    def __init__(self, url: str = API, *, openapi: Description | None = None) -> None:
        super().__init__(url, openapi=openapi)
        self.repositories: dict[int, dict[str, Any]] = {}
        self.moved: dict[str, int] = {}
        self.token = TOKEN
        self.largest_page = 100
        self.web = "https://github.com"

    def add(self, path: str, number: int, **facts: Any) -> dict[str, Any]:
        made: dict[str, Any] = copy.deepcopy(_REPOSITORY)
        owner, _, name = path.partition("/")
        made |= {"id": number, "full_name": path, "name": name, "archived": False, **facts}
        made |= {"html_url": f"{self.web}/{path}", "clone_url": f"{self.web}/{path}.git"}
        made["owner"]["login"] = owner
        self.repositories[number] = made
        return made

    def rename(self, number: int, path: str) -> None:
        repository = self.repositories[number]
        self.moved[repository["full_name"].lower()] = number
        del self.repositories[number]
        self.add(path, number)

    def may_clone(self, user: str, password: str, path: str) -> bool:
        return (user, password) == ("x-access-token", self.token)

    def _dispatch(self, request: HostRequest) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return Answer(status=401, json={"message": "Bad credentials"})
        return super()._dispatch(request)

    @route("GET", "/user")
    def user(self, _request: HostRequest) -> Answer:
        return Answer(json={"login": "octocat", "id": 1})

    @route("GET", "/user/repos")
    def mine(self, request: HostRequest) -> Answer:
        every = sorted(self.repositories.values(), key=lambda each: each["full_name"])
        return self.page(request, every)

    @route("GET", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)")
    def by_path(self, _request: HostRequest, owner: str, name: str) -> Answer:
        path = f"{owner}/{name}".lower()
        for repository in self.repositories.values():
            if repository["full_name"].lower() == path:
                return Answer(json=repository)
        if path in self.moved:
            there = f"{self.url}/repositories/{self.moved[path]}"
            moved = {"message": "Moved Permanently", "url": there}
            return Answer(status=301, json=moved, headers={"Location": there})
        return Answer(status=404, json={"message": "Not Found"})

    @route("GET", r"/repositories/(?P<number>\d+)")
    def by_number(self, _request: HostRequest, number: str) -> Answer:
        if int(number) not in self.repositories:
            return Answer(status=404, json={"message": "Not Found"})
        return Answer(json=self.repositories[int(number)])

    def page(self, request: HostRequest, items: list[Any]) -> Answer:
        """One page of a list, with the address of the next in the header Link."""
        asked = query(request)
        size = min(int(asked.get("per_page", "30")), self.largest_page)
        number = int(asked.get("page", "1"))
        found = items[(number - 1) * size : number * size]
        if number * size >= len(items):
            return Answer(json=found)
        following = urlencode({**asked, "page": number + 1})
        path = request.url.partition("?")[0]
        return Answer(json=found, headers={"Link": f'<{path}?{following}>; rel="next"'})
