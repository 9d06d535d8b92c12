"""The provider `bitbucket`: bitbucket.org."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar
from urllib.parse import quote

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
)
from packistry_bitbucket import webhooks
from packistry_bitbucket.answers import clone_url, link, mapping, next_page, values
from packistry_bitbucket.config import CloudConfig
from packistry_bitbucket.words import CLOUD_SCOPES, explained, explained_webhook

_ANY_WORKSPACE = "%7B%7D"


class BitbucketCloud(GitSourceProvider[CloudConfig]):
    """A project's id is the repository's UUID, with its braces."""

    name = "bitbucket"
    title = "Bitbucket Cloud"
    Config = CloudConfig
    credentials_url = "https://id.atlassian.com/manage-profile/security/api-tokens"

    web_url: ClassVar[str] = "https://bitbucket.org"
    api_url: ClassVar[str] = "https://api.bitbucket.org/2.0"

    def __init__(self, config: CloudConfig, http: HttpClient) -> None:
        super().__init__(config, http)
        self._workspace = quote(config.workspace, safe="")
        self._api = http.at(self.api_url, {"Authorization": _authorization(config)})

    def check(self) -> Sequence[str]:
        with self._explained(self._no_workspace()):
            answer = self._api.get(f"repositories/{self._workspace}", params={"pagelen": "1"})
            found = values(answer)
        notes = _scope_notes(answer)
        if not found:
            notes.append(f"This token reaches no repository in the workspace {self._workspace}.")
        return notes

    def projects(self, search: str = "") -> Iterator[Project]:
        # Bitbucket searches for names, which people change, not for the slugs that make the path.
        wanted = search.strip().lower()
        params = {"pagelen": "100", "sort": "full_name"}
        pages = self._api.pages(
            f"repositories/{self._workspace}", params=params, next_page=next_page
        )
        with self._explained(self._no_workspace()):
            for page in pages:
                for found in values(page):
                    project = self._project(found)
                    if wanted in project.path.lower():
                        yield project

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        slug = self._slug(id)
        try:
            with self._explained():
                found = self._api.get(self._repository(slug), follow=True)
        except NotFound as error:
            found = self._moved(slug, error)
        return self._project(mapping(found))

    @classmethod
    def commit_url(cls, project: Project, commit: str) -> str:
        return f"{project.web_url}/commits/{commit}" if project.web_url else ""

    def remote(self, project: Project) -> GitRemote:
        """Where the repository is now, below bitbucket.org: its old path may be another's."""
        current = self.project(project.id)
        own = "x-bitbucket-api-token-auth" if self.config.email else "x-token-auth"
        return GitRemote(
            url=self.canonical_url(self._clone_url(current.path)),
            username=own,
            password=self.config.token.get_secret_value(),
        )

    def create_webhook(self, project: Project, url: str, secret: str) -> str:
        hooks = f"{self._repository(project.id)}/hooks"
        wanted = {
            "description": "Packistry",
            "url": url,
            "active": True,
            "secret": secret,
            "events": list(webhooks.CLOUD_EVENTS),
        }
        with explained_webhook(project.path, CLOUD_SCOPES):
            found = self._webhook(hooks, url)
            if found:
                answer = self._api.put(f"{hooks}/{quote(found, safe='')}", json=wanted)
            else:
                answer = self._api.post(hooks, json=wanted)
        made = mapping(answer).get("uuid")
        if not isinstance(made, str) or not made:
            raise Unavailable("Bitbucket did not say which webhook it made.", response=answer)
        return made

    def delete_webhook(self, project: Project, webhook_id: str) -> None:
        hook = f"{self._repository(project.id)}/hooks/{quote(webhook_id, safe='')}"
        try:
            with explained_webhook(project.path, CLOUD_SCOPES):
                self._api.delete(hook)
        except NotFound:
            return

    def webhook_active(self, project: Project, webhook_id: str) -> bool:
        hook = f"{self._repository(project.id)}/hooks/{quote(webhook_id, safe='')}"
        try:
            with explained_webhook(project.path, CLOUD_SCOPES):
                found = mapping(self._api.get(hook))
        except NotFound:
            return False
        # Without its secret what it sends is refused.
        signs = found.get("secret_set", True)
        return bool(found.get("active") and signs and "repo:push" in (found.get("events") or ()))

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        webhooks.verify(request, secret)
        return webhooks.cloud_changes(request.header("X-Event-Key"), request.json())

    def delivery_id(self, request: WebhookRequest) -> str:
        return request.header("X-Request-UUID")

    def _explained(self, missing: str = "") -> AbstractContextManager[None]:
        which = f"with the e-mail {self.config.email}" if self.config.email else "without an e-mail"
        return explained(
            self.api_url,
            CLOUD_SCOPES,
            refused=f"Bitbucket does not accept this token {which}: it is mistyped, expired or"
            " revoked, or an app password, which Bitbucket ended in July 2026. An API token needs"
            " its account's e-mail, an access token none. Make a new one and enter it."
            f" {CLOUD_SCOPES}",
            missing=missing,
        )

    def _no_workspace(self) -> str:
        return f"Bitbucket has no workspace {self.config.workspace}, or hides it from this token."

    def _slug(self, typed: str) -> str:
        """The UUID or slug in this workspace that was typed, perhaps as a path or URL."""
        slug = typed.strip().removesuffix(".git").strip("/")
        for start in (f"{self.web_url}/", "git@bitbucket.org:"):
            slug = slug.removeprefix(start)
        workspace, slash, rest = slug.partition("/")
        if slash and workspace.lower() != self.config.workspace.lower():
            words = f"This source is for the workspace {self.config.workspace}, not {workspace}."
            raise NotFound(words)
        return rest.partition("/")[0] if slash else slug

    def _repository(self, slug: str) -> str:
        return f"repositories/{self._workspace}/{quote(slug, safe='')}"

    def _moved(self, slug: str, error: NotFound) -> HttpResponse:
        """A repository by UUID that is in another workspace now."""
        try:
            if slug.startswith("{"):
                return self._api.get(f"repositories/{_ANY_WORKSPACE}/{quote(slug, safe='')}")
        except NotFound:
            pass
        words = f"Bitbucket has no repository {slug} in {self.config.workspace}, or hides it."
        raise NotFound(words, response=error.response) from error

    def _clone_url(self, path: str) -> str:
        workspace, _, slug = path.partition("/")
        if {workspace, slug} & {"", ".", ".."} or "/" in slug:
            raise ConfigError(f"{path} is not the path of a Bitbucket repository.")
        return f"{self.web_url}/{quote(workspace)}/{quote(slug)}.git"

    def _webhook(self, hooks: str, url: str) -> str:
        """The id of the one that sends to the URL; "" without one."""
        pages = self._api.pages(hooks, params={"pagelen": "100"}, next_page=next_page)
        found = (hook for page in pages for hook in values(page))
        return next((str(hook.get("uuid")) for hook in found if hook.get("url") == url), "")

    def _project(self, found: Mapping[str, Any]) -> Project:
        try:
            path = found["full_name"]
            return Project(
                id=found["uuid"],
                path=path,
                web_url=link(found, "html"),
                clone_url=clone_url(found, "https") or self._clone_url(path),
                pushed=str(found.get("updated_on") or ""),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Unavailable("Bitbucket described a repository in a way we do not know.") from None


def _authorization(config: CloudConfig) -> str:
    token = config.token.get_secret_value()
    if not config.email:
        return f"Bearer {token}"
    return "Basic " + base64.b64encode(f"{config.email}:{token}".encode()).decode()


def _scope_notes(answer: HttpResponse) -> list[str]:
    """What the scopes that Bitbucket may name in a header do not allow."""
    scopes = answer.header("X-OAuth-Scopes")
    if not scopes or "webhook" in scopes:
        return []
    return [
        "Without the webhook scopes Packistry makes no webhooks: changes are seen by looking at"
        " intervals."
    ]
