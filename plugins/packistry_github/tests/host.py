"""A GitHub that exists only in these tests."""

import copy
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from packistry.testing import HostRequest
from tests.hosts.host import Answer, StatefulHost, query, route
from tests.hosts.openapi import OpenAPI

API = "https://api.github.com"
TOKEN = "github_pat_11AAAAAAA0fine0grained"
DATA = Path(__file__).parent / "data"
NOT_FOUND = Answer(status=404, json={"message": "Not Found", "status": "404"})
# What GitHub answers a rename with, though its description leaves it out.
UNDESCRIBED = {("GET", r"/repositories/\d+(/hooks/\d+)?"): ()}


def assert_polite(request: HostRequest) -> None:
    """GitHub refuses who does not say who asks, and changes answers for who names no version."""
    assert request.headers.get("User-Agent")
    assert request.headers.get("X-GitHub-Api-Version") == "2022-11-28"
    assert request.headers.get("Accept") == "application/vnd.github+json"


def data(name: str) -> Any:
    return json.loads((DATA / name).read_text("utf-8"))


def described(url: str) -> OpenAPI:
    """GitHub's own description of its API, as it is at this base URL."""
    return OpenAPI(DATA / "openapi.json", url, also=UNDESCRIBED)


class GitHubHost(StatefulHost):
    """Knows its repositories by number, where renamed ones used to be, and their webhooks.

    `scopes`: those of a classic token; None is a fine-grained one. `headers` go with every answer.
    `app`: the App whose proofs are believed, as (ID, public key).
    """

    def __init__(self, url: str = API) -> None:
        super().__init__(url, openapi=described(url))
        self.web = "https://github.com"
        self.repositories: dict[int, dict[str, Any]] = {}
        self.moved: dict[str, int] = {}
        self.hooks: dict[int, list[dict[str, Any]]] = {}
        self.token = TOKEN
        self.scopes: str | None = None
        self.headers: dict[str, str] = {}
        self.largest_page = 100
        self.app: tuple[str, RSAKey] | None = None
        self.installations = [{"id": 42}]
        self.permissions = {"contents": "read", "metadata": "read", "repository_hooks": "write"}
        self.token_seconds = 3600.0

    def add(self, path: str, number: int, **facts: Any) -> dict[str, Any]:
        made: dict[str, Any] = copy.deepcopy(data("repository.json"))
        owner, _, name = path.partition("/")
        made |= {"id": number, "full_name": path, "name": name, "archived": False, **facts}
        made |= {"html_url": f"{self.web}/{path}", "clone_url": f"{self.web}/{path}.git"}
        made["owner"]["login"] = owner
        made["permissions"] = {"admin": True, "push": True, "pull": True}
        self.repositories[number] = made
        return made

    def rename(self, number: int, path: str) -> None:
        self.moved[self.repositories.pop(number)["full_name"].lower()] = number
        self.add(path, number)

    def may_clone(self, user: str, password: str, path: str) -> bool:
        return (user, password) == ("x-access-token", self.token)

    def _dispatch(self, request: HostRequest) -> Answer:
        assert_polite(request)
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given != self.token and not self._proves(given):
            return Answer(status=401, json={"message": "Bad credentials"})
        answer = super()._dispatch(request)
        scopes = {} if self.scopes is None else {"X-OAuth-Scopes": self.scopes}
        headers = {**scopes, **self.headers, **answer.headers}
        return Answer(status=answer.status, json=answer.json, body=answer.body, headers=headers)

    def _proves(self, given: str) -> bool:
        if self.app is None or given.count(".") != 2:
            return False
        try:
            claims = jwt.decode(given, self.app[1], algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return False
        age = claims["exp"] - claims["iat"]
        # Its clock is a little behind.
        past = claims["iat"] <= time.time() - 30
        return bool(claims["iss"] == self.app[0] and age <= 600 and past)

    @route("GET", "/user")
    def user(self, _request: HostRequest) -> Answer:
        if self.token.startswith("ghs_"):
            return Answer(status=403, json={"message": "Resource not accessible by integration"})
        return Answer(json={"login": "octocat", "id": 1})

    @route("GET", "/rate_limit")
    def rate_limit(self, _request: HostRequest) -> Answer:
        return Answer(json={"resources": {"core": {"limit": 60}}})

    @route("GET", "/user/repos")
    def mine(self, request: HostRequest) -> Answer:
        found, headers = self._page(request, self._sorted())
        return Answer(json=found, headers=headers)

    @route("GET", "/installation/repositories")
    def installed(self, request: HostRequest) -> Answer:
        found, headers = self._page(request, self._sorted())
        told = {"total_count": len(self.repositories), "repositories": found}
        return Answer(json=told, headers=headers)

    @route("GET", "/app/installations")
    def all_installations(self, _request: HostRequest) -> Answer:
        return Answer(json=self.installations)

    @route("POST", r"/app/installations/(?P<number>\d+)/access_tokens")
    def installation_token(self, _request: HostRequest, number: str) -> Answer:
        if int(number) not in [each["id"] for each in self.installations]:
            return NOT_FOUND
        self.token = f"ghs_{len(self.requests)}"
        expires = datetime.fromtimestamp(time.time() + self.token_seconds, UTC)
        told = {"token": self.token, "expires_at": f"{expires:%Y-%m-%dT%H:%M:%SZ}"}
        return Answer(status=201, json={**told, "permissions": self.permissions})

    @route("GET", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)")
    def by_path(self, _request: HostRequest, owner: str, name: str) -> Answer:
        return self._repository(owner, name) or self._elsewhere(owner, name)

    @route("GET", r"/repositories/(?P<number>\d+)")
    def by_number(self, _request: HostRequest, number: str) -> Answer:
        found = self.repositories.get(int(number))
        return Answer(json=found) if found else NOT_FOUND

    @route("GET", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/contents/composer.json")
    def manifest(self, _request: HostRequest, owner: str, name: str) -> Answer:
        return Answer(json={"type": "file"}) if self._repository(owner, name) else NOT_FOUND

    @route("GET", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks")
    def list_hooks(self, request: HostRequest, owner: str, name: str) -> Answer:
        found, headers = self._page(request, self._hooks(owner, name))
        return Answer(json=[_shown(hook) for hook in found], headers=headers)

    @route("POST", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks")
    def create_hook(self, request: HostRequest, owner: str, name: str) -> Answer:
        hooks, asked = self._hooks(owner, name), request.json()
        if any(hook["config"]["url"] == asked["config"]["url"] for hook in hooks):
            fault = {"resource": "Hook", "code": "custom"}
            fault["message"] = "Hook already exists on this repository"
            told = {"message": "Validation Failed", "errors": [fault]}
            return Answer(status=422, json=told)
        hooks.append({"id": 1000 + len(hooks), **asked})
        return Answer(status=201, json=_shown(hooks[-1]))

    @route("GET", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks/(?P<hook>[0-9]+)")
    def one_hook(self, _request: HostRequest, owner: str, name: str, hook: str) -> Answer:
        found = self._hook(owner, name, hook)
        return Answer(json=_shown(found)) if found else NOT_FOUND

    @route("PATCH", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks/(?P<hook>[0-9]+)")
    def change_hook(self, request: HostRequest, owner: str, name: str, hook: str) -> Answer:
        found = self._hook(owner, name, hook)
        if found is None:
            return NOT_FOUND
        found |= request.json()
        return Answer(json=_shown(found))

    @route("DELETE", "/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/hooks/(?P<hook>[0-9]+)")
    def delete_hook(self, _request: HostRequest, owner: str, name: str, hook: str) -> Answer:
        found = self._hook(owner, name, hook)
        if found is None:
            return NOT_FOUND
        self._hooks(owner, name).remove(found)
        return Answer(status=204)

    def _sorted(self) -> list[Any]:
        return sorted(self.repositories.values(), key=lambda each: str(each["full_name"]))

    def _repository(self, owner: str, name: str) -> Answer | None:
        for repository in self.repositories.values():
            if repository["full_name"].lower() == f"{owner}/{name}".lower():
                return Answer(json=repository)
        return None

    def _elsewhere(self, owner: str, name: str) -> Answer:
        number = self.moved.get(f"{owner}/{name}".lower())
        if number is None:
            return NOT_FOUND
        there = f"{self.url}/repositories/{number}"
        moved = {"message": "Moved Permanently", "url": there}
        return Answer(status=301, json=moved, headers={"Location": there})

    def _hooks(self, owner: str, name: str) -> list[dict[str, Any]]:
        found = self._repository(owner, name)
        assert found is not None, "webhooks are asked for at the repository's present name"
        assert isinstance(found.json, dict)
        return self.hooks.setdefault(found.json["id"], [])

    def _hook(self, owner: str, name: str, hook: str) -> dict[str, Any] | None:
        found = [each for each in self._hooks(owner, name) if each["id"] == int(hook)]
        return found[0] if found else None

    def _page(self, request: HostRequest, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
        """A page of a list, and the header that has the address of the next."""
        asked = query(request)
        size = min(int(asked.get("per_page", "30")), self.largest_page)
        number = int(asked.get("page", "1"))
        found = items[(number - 1) * size : number * size]
        if number * size >= len(items):
            return found, {}
        following = urlencode({**asked, "page": number + 1})
        return found, {"Link": f'<{request.url.partition("?")[0]}?{following}>; rel="next"'}


def _shown(hook: Mapping[str, Any]) -> dict[str, Any]:
    """A webhook as the host tells of it: the secret never comes back."""
    return {**hook, "config": {**hook["config"], "secret": "********"}}
