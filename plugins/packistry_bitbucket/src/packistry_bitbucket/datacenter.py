"""The provider `bitbucket-datacenter`: a Bitbucket of one's own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from packistry.plugin import (
    Change,
    ConfigError,
    GitRemote,
    GitSourceProvider,
    HttpClient,
    HttpResponse,
    NotFound,
    Project,
    Unavailable,
    WebhookRequest,
    wrong_address,
)
from packistry_bitbucket import webhooks
from packistry_bitbucket.answers import clone_url, link, mapping, values
from packistry_bitbucket.config import DataCenterConfig
from packistry_bitbucket.words import SERVER_RIGHTS, explained, explained_webhook

_AT_ONCE = "1000"


class BitbucketDataCenter(GitSourceProvider[DataCenterConfig]):
    """A project's id is the repository's number, its path the project's key and the slug.

    Bitbucket finds repositories by path alone, so that one which was renamed is looked for in
    the list of all.
    """

    name = "bitbucket-datacenter"
    title = "Bitbucket Data Center"
    Config = DataCenterConfig
    credentials_url = "{url}/account"

    def __init__(self, config: DataCenterConfig, http: HttpClient) -> None:
        super().__init__(config, http)
        token = config.token.get_secret_value()
        self._api = http.at(f"{config.url}/rest/api/latest", {"Authorization": f"Bearer {token}"})

    def check(self) -> Sequence[str]:
        self.canonical_url(self.config.url)
        # Of a project's key, Bitbucket answers 404 too.
        with nullcontext() if self.config.project else wrong_address(), self._explained():
            found = values(self._api.get(self._listing(), params={"limit": "1"}))
        return [] if found else ["This token reaches no repository yet."]

    def projects(self, search: str = "") -> Iterator[Project]:
        wanted = search.strip().lower()
        pages = self._api.pages(self._listing(), params={"limit": _AT_ONCE}, next_page=_next_page)
        with self._explained():
            for page in pages:
                for found in values(page):
                    project = self._project(found)
                    if wanted in project.path.lower():
                        yield project

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        typed = id.strip().removeprefix(self.config.url).strip("/")
        numbered = typed.isascii() and typed.isdecimal()
        found = self._numbered(typed) if numbered else self._named(typed)
        if found is None:
            raise NotFound(f"Bitbucket has no repository {typed}, or hides it from this token.")
        return found

    @classmethod
    def commit_url(cls, project: Project, commit: str) -> str:
        page = project.web_url.removesuffix("/browse")
        return f"{page}/commits/{commit}" if page else ""

    def remote(self, project: Project) -> GitRemote:
        """Where the repository is now, below the configured URL: its old path may be another's."""
        return GitRemote(
            url=self.canonical_url(self._clone_url(self._current(project).path)),
            username=self.config.username or "x-token-auth",
            password=self.config.token.get_secret_value(),
        )

    def create_webhook(self, project: Project, url: str, secret: str) -> str:
        hooks = f"{_repository(self._current(project).path)}/webhooks"
        wanted = {
            "name": "Packistry",
            "events": list(webhooks.SERVER_EVENTS),
            "configuration": {"secret": secret},
            "url": url,
            "active": True,
        }
        with explained_webhook(project.path, SERVER_RIGHTS):
            found = self._webhook(hooks, url)
            if found:
                answer = self._api.put(f"{hooks}/{quote(found, safe='')}", json=wanted)
            else:
                answer = self._api.post(hooks, json=wanted)
        made = mapping(answer).get("id")
        if not isinstance(made, int):
            raise Unavailable("Bitbucket did not say which webhook it made.", response=answer)
        return str(made)

    def delete_webhook(self, project: Project, webhook_id: str) -> None:
        try:
            with explained_webhook(project.path, SERVER_RIGHTS):
                self._api.delete(self._hook(project, webhook_id))
        except NotFound:
            return

    def webhook_active(self, project: Project, webhook_id: str) -> bool:
        try:
            with explained_webhook(project.path, SERVER_RIGHTS):
                found = mapping(self._api.get(self._hook(project, webhook_id)))
        except NotFound:
            return False
        return bool(found.get("active") and "repo:refs_changed" in (found.get("events") or ()))

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        webhooks.verify(request, secret)
        return webhooks.server_changes(request.header("X-Event-Key"), request.json())

    def delivery_id(self, request: WebhookRequest) -> str:
        return request.header("X-Request-Id")

    def _explained(self) -> AbstractContextManager[None]:
        url = self.config.url
        no_api = (
            f"There is no Bitbucket API at {url}. Enter the address of Bitbucket itself, with its"
            " context path if it has one and without /rest."
        )
        return explained(
            url,
            SERVER_RIGHTS,
            refused=f"Bitbucket at {url} does not accept this token: it is mistyped, expired,"
            f" revoked or of another Bitbucket. Make a new one and enter it. {SERVER_RIGHTS}",
            missing=f"Bitbucket at {url} has no project {self.config.project}, or hides it from"
            " this token."
            if self.config.project
            else no_api,
            no_api=no_api,
        )

    def _listing(self) -> str:
        key = self.config.project
        return f"projects/{quote(key, safe='~')}/repos" if key else "repos"

    def _named(self, path: str) -> Project | None:
        key, _, slug = path.removeprefix("scm/").removesuffix(".git").partition("/")
        if key == "projects" and "/repos/" in slug:
            key, _, slug = slug.partition("/repos/")
            slug = slug.partition("/")[0]
        if {key, slug} & {"", ".", ".."} or "/" in slug:
            return None
        if self.config.project and key.lower() != self.config.project.lower():
            raise NotFound(f"This source is for the project {self.config.project}, not {key}.")
        try:
            with self._explained():
                found = self._api.get(_repository(f"{key}/{slug}"), follow=True)
        except NotFound:
            return None
        return self._project(mapping(found))

    def _numbered(self, number: str) -> Project | None:
        return next((project for project in self.projects() if project.id == number), None)

    def _current(self, project: Project) -> Project:
        """The repository with this number, which is most often where it was."""
        there = self._named(project.path)
        return there if there and there.id == project.id else self.project(project.id)

    def _hook(self, project: Project, webhook_id: str) -> str:
        return f"{_repository(self._current(project).path)}/webhooks/{quote(webhook_id, safe='')}"

    def _clone_url(self, path: str) -> str:
        key, _, slug = path.partition("/")
        if {key, slug} & {"", ".", ".."} or "/" in slug:
            raise ConfigError(f"{path} is not the path of a Bitbucket repository.")
        return f"{self.config.url}/scm/{quote(key.lower(), safe='~')}/{quote(slug)}.git"

    def _webhook(self, hooks: str, url: str) -> str:
        """The id of the one that sends to the URL; "" without one."""
        pages = self._api.pages(hooks, params={"limit": _AT_ONCE}, next_page=_next_page)
        found = (hook for page in pages for hook in values(page))
        return next((str(hook.get("id")) for hook in found if hook.get("url") == url), "")

    def _project(self, found: Mapping[str, Any]) -> Project:
        try:
            path = f"{found['project']['key']}/{found['slug']}"
            return Project(
                id=str(int(found["id"])),
                path=path,
                web_url=link(found, "self"),
                clone_url=clone_url(found, "http", "https") or self._clone_url(path),
                archived=bool(found.get("archived")),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Unavailable("Bitbucket described a repository in a way we do not know.") from None


def _repository(path: str) -> str:
    key, _, slug = path.partition("/")
    return f"projects/{quote(key, safe='~')}/repos/{quote(slug, safe='')}"


def _next_page(response: HttpResponse) -> str | None:
    page = mapping(response)
    start = page.get("nextPageStart")
    if page.get("isLastPage", True) or not isinstance(start, int):
        return None
    parts = urlsplit(response.url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), "start": str(start)}
    return parts._replace(query=urlencode(query)).geturl()
