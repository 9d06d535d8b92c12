"""The provider `gitea`, for Gitea and Forgejo."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from packistry.plugin import (
    Change,
    CredentialsError,
    GitRemote,
    GitSourceProvider,
    HttpClient,
    NotFound,
    Project,
    Unavailable,
    WebhookRequest,
)
from packistry_gitea import deliveries, hooks
from packistry_gitea.api import Api, an_object, objects, text
from packistry_gitea.check import notes
from packistry_gitea.config import GiteaConfig

_NAME = r"(?!\.{1,2}(?:/|\Z))[\w.-]{1,100}"
_PATH = re.compile(f"{_NAME}/{_NAME}", re.ASCII)


class Gitea(GitSourceProvider[GiteaConfig]):
    """A project's id is the host's number for the repository, which survives renames."""

    name = "gitea"
    title = "Gitea or Forgejo"
    Config = GiteaConfig
    credentials_url = "{url}/user/settings/applications"

    def __init__(self, config: GiteaConfig, http: HttpClient) -> None:
        super().__init__(config, http)
        self._api = Api(config, http)

    def check(self) -> Sequence[str]:
        self.canonical_url(self.config.url)
        return tuple(notes(self._api, self.config.api_url))

    def projects(self, search: str = "") -> Iterator[Project]:
        """Those the token's user owns or was given access to.

        A whole "owner/name" also finds a repository that is only public.
        """
        wanted, first = search.strip().lower(), ""
        if _PATH.fullmatch(wanted):
            with suppress(NotFound):
                found = self.project(wanted)
                first = found.id
                yield found
        for repository in self._reachable(wanted):
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
        return project_of(self._api.get(place, follow=True).json())

    @classmethod
    def commit_url(cls, project: Project, commit: str) -> str:
        return f"{project.web_url}/commit/{commit}" if project.web_url else ""

    def remote(self, project: Project) -> GitRemote:
        """Asks where the repository is now: its old name may belong to somebody else."""
        current = self.project(project.id)
        return GitRemote(
            url=self.canonical_url(f"{self.config.url}/{current.path}.git"),
            # With a token as the password, any user name will do.
            username="oauth2",
            password=self.config.token.get_secret_value(),
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
        return deliveries.delivery_id(request)

    def _reachable(self, wanted: str) -> Iterator[Mapping[str, Any]]:
        try:
            for page in self._api.pages("/user/repos"):
                yield from objects(page.json())
        except CredentialsError as error:
            # A token that is limited to repositories may not say who its user is.
            if error.response is None or error.response.status != 403:
                raise
        else:
            return
        name = wanted.rpartition("/")[2]
        for page in self._api.pages("/repos/search", sort="id", **({"q": name} if name else {})):
            yield from objects(an_object(page.json()).get("data"))

    def _path(self, typed: str) -> str:
        """The "owner/name" in what people type or paste."""
        path = typed
        host = urlsplit(self.config.url).hostname
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
        raise Unavailable("The host answered with a repository that has no id or no name.")
    return Project(
        id=str(number),
        path=path,
        web_url=text(repository, "html_url"),
        clone_url=text(repository, "clone_url"),
        archived=repository.get("archived") is True,
        pushed=text(repository, "updated_at"),
    )
