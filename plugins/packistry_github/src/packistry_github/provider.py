"""The provider `github`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from packistry.plugin import (
    Change,
    GitRemote,
    GitSourceProvider,
    HttpClient,
    NotFound,
    Project,
    Unavailable,
    WebhookRequest,
)
from packistry_github import deliveries, hooks
from packistry_github.api import Api, an_object, objects, text
from packistry_github.check import notes
from packistry_github.config import GitHubConfig

_NAME = r"(?!\.{1,2}(?:/|\Z))[\w.-]{1,100}"
_PATH = re.compile(f"{_NAME}/{_NAME}", re.ASCII)
_MINE = "owner,collaborator,organization_member"


class GitHub(GitSourceProvider[GitHubConfig]):
    """A project's id is GitHub's number for the repository, which survives renames."""

    name = "github"
    title = "GitHub"
    Config = GitHubConfig
    credentials_url = (
        "{url}/settings/personal-access-tokens/new"
        "?name=Packistry&contents=read&webhooks=write&expires_in=365"
    )

    def __init__(self, config: GitHubConfig, http: HttpClient) -> None:
        super().__init__(config, http)
        self._api = Api(config, http)

    def check(self) -> Sequence[str]:
        self.canonical_url(self.config.url)
        return tuple(notes(self._api, self.config.api_url))

    def projects(self, search: str = "") -> Iterator[Project]:
        """Those of the user, the organisations and the teams, or those of the App's installation.

        A whole "owner/name" also finds a repository that is only public.
        """
        wanted, first = search.strip().lower(), ""
        if _PATH.fullmatch(wanted):
            with suppress(NotFound):
                found = self.project(wanted)
                first = found.id
                yield found
        for repository in self._reachable():
            project = project_of(repository)
            if wanted in project.path.lower() and project.id != first:
                yield project

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        """By the number, "owner/name" or the address of the repository's page or clone."""
        typed = id.strip()
        if typed.isascii() and typed.isdecimal():
            place = f"/repositories/{typed}"
        else:
            place = f"/repos/{self._path(typed)}"
        # A renamed repository answers with a redirect to /repositories/{number}.
        answer = self._api.get(place, follow=True)
        return project_of(answer.json())

    @classmethod
    def commit_url(cls, project: Project, commit: str) -> str:
        return f"{project.web_url}/commit/{commit}" if project.web_url else ""

    def remote(self, project: Project) -> GitRemote:
        """Asks where the repository is now: its old name may belong to somebody else."""
        current = self.project(project.id)
        token = self._api.token()
        return GitRemote(
            url=self.canonical_url(f"{self.config.url}/{current.path}.git"),
            username="x-access-token" if token else "",
            password=token,
        )

    def create_webhook(self, project: Project, url: str, secret: str) -> str:
        return hooks.create(self._api, self.project(project.id), url, secret)

    def delete_webhook(self, project: Project, webhook_id: str) -> None:
        try:
            current = self.project(project.id)
        except NotFound:
            return
        hooks.delete(self._api, current, webhook_id)

    def webhook_active(self, project: Project, webhook_id: str) -> bool:
        return hooks.active(self._api, project, webhook_id)

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        return deliveries.changes(request, secret)

    def delivery_id(self, request: WebhookRequest) -> str:
        return request.header("X-GitHub-Delivery")

    def _reachable(self) -> Iterator[Mapping[str, Any]]:
        if self._api.anonymous:
            return
        if self._api.of_an_app:
            for page in self._api.pages("/installation/repositories"):
                yield from objects(an_object(page.json()).get("repositories"))
            return
        for page in self._api.pages("/user/repos", affiliation=_MINE, sort="full_name"):
            yield from objects(page.json())

    def _path(self, typed: str) -> str:
        """The "owner/name" in what people type or paste."""
        path = typed
        host = urlsplit(self.config.url).netloc
        for start in (f"{self.config.url}/", f"ssh://git@{host}/", f"git@{host}:"):
            path = path.removeprefix(start)
        path = path.strip("/").removesuffix(".git")
        if not _PATH.fullmatch(path):
            raise NotFound(f"A project of {self.config.url} is written owner/name.")
        return path


def project_of(found: object) -> Project:
    """The project that a repository object of the API is."""
    repository = an_object(found)
    number, path = repository.get("id"), text(repository, "full_name")
    if not isinstance(number, int) or not _PATH.fullmatch(path):
        raise Unavailable("GitHub answered with a repository that has no id or no name.")
    return Project(
        id=str(number),
        path=path,
        web_url=text(repository, "html_url"),
        clone_url=text(repository, "clone_url"),
        archived=bool(repository.get("archived") or repository.get("disabled")),
        pushed=text(repository, "pushed_at"),
    )
