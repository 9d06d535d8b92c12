"""The provider `github`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from packistry.plugin import (
    GitRemote,
    GitSourceProvider,
    HttpClient,
    NotFound,
    Project,
    Unavailable,
)
from packistry_github.api import Api, listed
from packistry_github.config import GitHubConfig

_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9-_]{0,99}/[A-Za-z0-9._-]{1,100}")
_MINE = "owner,collaborator,organization_member"


class GitHub(GitSourceProvider[GitHubConfig]):
    """A project's id is GitHub's number for the repository, which survives renames."""

    name = "github"
    title = "GitHub"
    Config = GitHubConfig

    def __init__(self, config: GitHubConfig, http: HttpClient) -> None:
        super().__init__(config, http)
        self._api = Api(config, http)

    def check(self) -> Sequence[str]:
        if not self._api.token():
            self._api.get("/rate_limit").json()
            return ("Without a token only public repositories, and few requests, are possible.",)
        self._api.get("/user").json()
        return ()

    def projects(self, search: str = "") -> Iterator[Project]:
        if not self._api.token():
            return
        for page in self._api.pages("/user/repos", affiliation=_MINE, sort="full_name"):
            for repository in listed(page.json(), page):
                found = project_of(repository)
                if search.lower() in found.path.lower():
                    yield found

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

    def remote(self, project: Project) -> GitRemote:
        """Asks where the repository is now: its old name may belong to somebody else."""
        current = self.project(project.id)
        token = self._api.token()
        return GitRemote(
            url=f"{self.config.url}/{current.path}.git",
            username="x-access-token" if token else "",
            password=token,
        )

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


def project_of(repository: object) -> Project:
    """The project that a repository object of the API is."""
    if not isinstance(repository, Mapping):
        raise Unavailable("GitHub answered with something else than a repository.")
    number, path = repository.get("id"), repository.get("full_name")
    if not isinstance(number, int) or not isinstance(path, str) or not _PATH.fullmatch(path):
        raise Unavailable("GitHub answered with a repository that has no id and name.")
    return Project(
        id=str(number),
        path=path,
        web_url=_text(repository, "html_url"),
        clone_url=_text(repository, "clone_url"),
        archived=bool(repository.get("archived") or repository.get("disabled")),
    )


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""
