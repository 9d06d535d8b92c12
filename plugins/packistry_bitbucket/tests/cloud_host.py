"""A Bitbucket Cloud that exists only in these tests."""

import base64
import copy
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from packistry.testing import HostRequest
from tests.hosts.host import Answer, StatefulHost, query, route
from tests.hosts.openapi import OpenAPI

DATA = Path(__file__).parent / "data" / "cloud"
API = "https://api.bitbucket.org/2.0"
EMAIL = "ada@example.org"
TOKEN = "ATATT3xFfGF0exampleOfAnApiToken"
LIB = "{7dd600e6-0d9c-4801-b967-cb4cc17359ff}"

_REPOSITORY = json.loads((DATA / "repo.json").read_text())
_ERROR = json.loads((DATA / "error.json").read_text())
_BASIC = "Basic " + base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()


class CloudHost(StatefulHost):
    """Knows its repositories by UUID. Both an API token and an access token open it."""

    def __init__(self) -> None:
        super().__init__(API)
        self.settle("https://bitbucket.org", API)
        self.repositories: dict[str, dict[str, Any]] = {}
        self.hooks: dict[str, dict[str, Any]] = {}
        self.scopes = ""
        self.administrator = True
        self.largest_page = 100
        self.secrets: dict[str, str] = {}
        self._made = 0

    def settle(self, web: str, api: str = "") -> None:
        """Be at this address from now on."""
        self.web, self.url = web, api or f"{web}/2.0"
        allowed = ("pagelen", "page", "fields")
        self.openapi = OpenAPI(DATA / "openapi.json", self.url, parameters=allowed)

    def add(self, path: str, uuid: str, **facts: Any) -> dict[str, Any]:
        made: dict[str, Any] = copy.deepcopy(_REPOSITORY)
        made |= {"uuid": uuid, "full_name": path, "slug": path.partition("/")[2], **facts}
        clone = self.web.replace("://", "://ada@", 1)
        made["links"]["clone"][0]["href"] = f"{clone}/{path}.git"
        made["links"]["html"]["href"] = f"{self.web}/{path}"
        self.repositories[uuid] = made
        return made

    def may_clone(self, user: str, password: str, path: str) -> bool:
        return (user, password) in {
            ("x-token-auth", TOKEN),
            ("x-bitbucket-api-token-auth", TOKEN),
        }

    def _dispatch(self, request: HostRequest) -> Answer:
        if request.headers.get("Authorization") not in (_BASIC, f"Bearer {TOKEN}"):
            said = {"message": "Token is invalid, expired, or not supported for this endpoint."}
            return Answer(status=401, json={"type": "error", "error": said})
        answer = super()._dispatch(request)
        if answer.status == 404 and not request.url.count("/hooks/"):
            return Answer(status=404, json=_ERROR)
        return answer

    @route("GET", "/repositories/(?P<workspace>[^/]+)")
    def listed(self, request: HostRequest, workspace: str) -> Answer:
        found = [
            repository
            for repository in self.repositories.values()
            if repository["full_name"].startswith(f"{workspace}/")
        ]
        if workspace != "acme":
            return Answer(status=404)
        found.sort(key=lambda each: str(each["full_name"]))
        return self._page(request, found)

    @route("GET", "/repositories/(?P<workspace>[^/]+)/(?P<place>[^/]+)")
    def repository(self, _request: HostRequest, workspace: str, place: str) -> Answer:
        return self._found(workspace, place)

    @route("GET", "/repositories/(?P<workspace>[^/]+)/(?P<place>[^/]+)/hooks")
    def list_hooks(self, request: HostRequest, workspace: str, place: str) -> Answer:
        return self._refused(workspace, place) or self._page(request, list(self.hooks.values()))

    @route("POST", "/repositories/(?P<workspace>[^/]+)/(?P<place>[^/]+)/hooks")
    def make_hook(self, request: HostRequest, workspace: str, place: str) -> Answer:
        refused = self._refused(workspace, place)
        if refused:
            return refused
        self._made += 1
        uuid = f"{{d53603cc-3f67-45ea-b310-{self._made:012}}}"
        hook: dict[str, Any] = json.loads((DATA / "hook.json").read_text()) | {"uuid": uuid}
        self.hooks[uuid] = hook | {"secret_set": False}
        return Answer(status=201, json=self._written(uuid, request))

    @route("GET", "/repositories/(?P<workspace>[^/]+)/(?P<place>[^/]+)/hooks/(?P<uid>[^/]+)")
    def one_hook(self, _request: HostRequest, workspace: str, place: str, uid: str) -> Answer:
        return self._refused(workspace, place, uid) or Answer(json=self.hooks[unquote(uid)])

    @route("PUT", "/repositories/(?P<workspace>[^/]+)/(?P<place>[^/]+)/hooks/(?P<uid>[^/]+)")
    def change_hook(self, request: HostRequest, workspace: str, place: str, uid: str) -> Answer:
        refused = self._refused(workspace, place, uid)
        return refused or Answer(json=self._written(unquote(uid), request))

    @route("DELETE", "/repositories/(?P<workspace>[^/]+)/(?P<place>[^/]+)/hooks/(?P<uid>[^/]+)")
    def drop_hook(self, _request: HostRequest, workspace: str, place: str, uid: str) -> Answer:
        refused = self._refused(workspace, place, uid)
        if refused:
            return refused
        del self.hooks[unquote(uid)]
        return Answer(status=204)

    def _found(self, workspace: str, place: str) -> Answer:
        wanted = unquote(place)
        for uuid, repository in self.repositories.items():
            owner, _, slug = repository["full_name"].partition("/")
            if wanted in (uuid, slug) and unquote(workspace) in (owner, "{}"):
                return Answer(json=repository)
        return Answer(status=404)

    def _refused(self, workspace: str, place: str, uid: str = "") -> Answer | None:
        if self._found(workspace, place).status == 404:
            return Answer(status=404)
        if not self.administrator:
            said = {"message": "Your credentials lack one or more required privilege scopes."}
            return Answer(status=403, json={"type": "error", "error": said})
        if uid and unquote(uid) not in self.hooks:
            said = {"message": f"{unquote(uid)} does not exist"}
            return Answer(status=404, json={"type": "error", "error": said})
        return None

    def _written(self, uuid: str, request: HostRequest) -> dict[str, Any]:
        said = request.json()
        self.hooks[uuid] |= {key: value for key, value in said.items() if key != "secret"}
        self.hooks[uuid]["secret_set"] = bool(said.get("secret"))
        self.secrets[uuid] = said.get("secret", "")
        return self.hooks[uuid]

    def _page(self, request: HostRequest, items: list[dict[str, Any]]) -> Answer:
        asked = query(request)
        size = min(int(asked.get("pagelen", "10")), self.largest_page)
        number = int(asked.get("page", "1"))
        page: dict[str, Any] = {"pagelen": size, "page": number}
        page["values"] = items[(number - 1) * size : number * size]
        if number * size < len(items):
            following = urlencode({**asked, "page": number + 1})
            page["next"] = f"{request.url.partition('?')[0]}?{following}"
        told = {"X-OAuth-Scopes": self.scopes} if self.scopes else {}
        return Answer(json=page, headers=told)
