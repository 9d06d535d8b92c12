"""The provider `gitlab`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from packistry.plugin import (
    Change,
    ConfigError,
    CredentialsError,
    GitRemote,
    GitSourceProvider,
    HttpClient,
    HttpResponse,
    NotFound,
    Project,
    Unavailable,
    WebhookRequest,
    linked_next,
    wrong_address,
)
from packistry_gitlab import webhooks
from packistry_gitlab.config import GitLabConfig
from packistry_gitlab.words import SCOPES, explained, explained_webhook, no_api

_READING = {"read_api", "read_repository"}
_SCOPES = _READING | {"api", "read_user", "write_repository", "read_registry", "write_registry"}
_SOON = 30
_SEARCHABLE = 3


class GitLab(GitSourceProvider[GitLabConfig]):
    """A project's id is GitLab's number for it."""

    name = "gitlab"
    title = "GitLab"
    Config = GitLabConfig
    credentials_url = "{url}/-/user_settings/personal_access_tokens?name=Packistry&scopes=api"

    def __init__(self, config: GitLabConfig, http: HttpClient) -> None:
        super().__init__(config, http)
        # Bearer serves every kind of token; PRIVATE-TOKEN does not serve those of OAuth.
        token = config.token.get_secret_value()
        self._api = http.at(f"{config.url}/api/v4", {"Authorization": f"Bearer {token}"})

    def check(self) -> Sequence[str]:
        self.canonical_url(self.config.url)
        with wrong_address(), explained(self.config.url):
            token = self._token()
        notes = [*_scope_notes(token), *_expiry_notes(token)]
        if next(self.projects(), None) is None:
            notes.append(
                "This token reaches no project yet. Add its user to a project or group, as Reporter"
                " to read or as Maintainer for webhooks too."
            )
        return notes

    def projects(self, search: str = "") -> Iterator[Project]:
        wanted = search.strip().lower()
        url, params = self._listing(wanted.rsplit("/", 1)[-1])
        pages = self._api.pages(url, params=params, next_page=_next_page)
        try:
            with explained(self.config.url):
                for found in (each for page in pages for each in _list(page)):
                    project = self._project(found)
                    if wanted in project.path.lower():
                        yield project
        except NotFound as error:
            if self.config.group:
                words = f"GitLab has no group {self.config.group} that this token can see."
                raise NotFound(words, response=error.response) from error
            raise

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        asked = self._asked(id)
        try:
            # The old path of a project that moved redirects to its number.
            with explained(self.config.url):
                answer = self._api.get(f"projects/{quote(asked, safe='')}", follow=True)
        except NotFound as error:
            raise NotFound(
                f"GitLab has no project {asked}, or hides it from this token: its user must be at"
                " least a Reporter there.",
                response=error.response,
            ) from error
        return self._project(answer.json())

    @classmethod
    def commit_url(cls, project: Project, commit: str) -> str:
        return f"{project.web_url}/-/commit/{commit}" if project.web_url else ""

    def remote(self, project: Project) -> GitRemote:
        """Where the project is now, below the configured URL: its old path may be another's."""
        current = self.project(project.id)
        return GitRemote(
            url=self.canonical_url(self._clone_url(current.path)),
            username="oauth2",
            password=self.config.token.get_secret_value(),
        )

    def create_webhook(self, project: Project, url: str, secret: str) -> str:
        """GitLab signs what it sends from 19.0 on; the secret itself is sent by older ones only."""
        hooks = f"projects/{quote(project.id, safe='')}/hooks"
        wanted = {
            "url": url,
            "name": "Packistry",
            "push_events": True,
            "tag_push_events": True,
            "enable_ssl_verification": url.startswith("https://"),
            "signing_token": webhooks.signing_token(secret),
        }
        with explained_webhook(project.path, url):
            # GitLab does not revive a webhook it has disabled, however it is edited.
            for found in self._webhooks(hooks, url):
                self.delete_webhook(project, found)
            answer = self._api.post(hooks, json=wanted)
            made = _object(answer)
            if not isinstance(made.get("id"), int):
                raise Unavailable("GitLab did not say which webhook it made.", response=answer)
            if made.get("signing_token_present") is not True:
                # It has ignored the signing token, silently.
                self._api.put(f"{hooks}/{made['id']}", json={"url": url, "token": secret})
        return str(made["id"])

    def delete_webhook(self, project: Project, webhook_id: str) -> None:
        try:
            with explained_webhook(project.path):
                self._api.delete(_webhook(project, webhook_id))
        except NotFound:
            return

    def webhook_active(self, project: Project, webhook_id: str) -> bool:
        """False when it is gone, switched off for good, without secret or told to send less."""
        try:
            with explained_webhook(project.path):
                found = _object(self._api.get(_webhook(project, webhook_id)))
        except NotFound:
            return False
        events = found.get("push_events", True) and found.get("tag_push_events", True)
        # Before 19.0 GitLab does not say whether there is a secret.
        signed = found.get("signing_token_present", True) or found.get("token_present")
        # One that is temporarily disabled comes back by itself.
        return bool(events and signed) and found.get("alert_status") != "disabled"

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        webhooks.verify(request, secret)
        return webhooks.changes(request.json())

    def delivery_id(self, request: WebhookRequest) -> str:
        return webhooks.delivery_id(request)

    def _token(self) -> Mapping[str, Any]:
        """What GitLab says about the token; nothing when it does not keep accounts of it."""
        try:
            return _object(self._api.get("personal_access_tokens/self"))
        except NotFound:
            # GitLab before 15.5, or a token of OAuth.
            try:
                _object(self._api.get("user"))
            except NotFound as error:
                raise NotFound(no_api(self.config.url), response=error.response) from error
            return {}

    def _listing(self, word: str) -> tuple[str, dict[str, str]]:
        """Where projects are listed, and how: `word` is what their paths must hold."""
        params = {"order_by": "id", "sort": "asc", "per_page": "100"}
        if self.config.group:
            # GitLab would only look at the projects' own names, not at their groups'.
            group = quote(self.config.group, safe="")
            listed = {"include_subgroups": "true", "with_shared": "false"}
            return f"groups/{group}/projects", {**params, **listed}
        params["membership"] = "true"
        if len(word) < _SEARCHABLE:
            return "projects", {**params, "pagination": "keyset"}
        return "projects", {**params, "search": word, "search_namespaces": "true"}

    def _asked(self, typed: str) -> str:
        """The number or path that was typed, perhaps as the URL of a web page or a clone."""
        asked = typed.strip().removesuffix(".git").strip("/")
        asked = asked.removeprefix(f"git@{urlsplit(self.config.url).hostname}:")
        if "://" not in asked:
            return asked
        below = asked.removeprefix(self.config.url + "/")
        if below == asked:
            raise NotFound(f"{asked} is not on {self.config.url}, where this source looks.")
        return below.partition("/-/")[0]

    def _clone_url(self, path: str) -> str:
        if not path or any(name in ("", ".", "..") for name in path.split("/")):
            raise ConfigError(f"{path} is not the path of a GitLab project.")
        return f"{self.config.url}/{quote(path)}.git"

    def _webhooks(self, hooks: str, url: str) -> list[str]:
        """The ids of those that send to the URL."""
        pages = self._api.pages(hooks, params={"per_page": "100"}, next_page=_next_page)
        return [
            str(found["id"]) for page in pages for found in _list(page) if found.get("url") == url
        ]

    def _project(self, found: Any) -> Project:
        try:
            path = found["path_with_namespace"]
            return Project(
                id=str(found["id"]),
                path=path,
                web_url=found.get("web_url") or "",
                clone_url=found.get("http_url_to_repo") or self._clone_url(path),
                # One that waits for its deletion is read-only as well.
                archived=bool(
                    found.get("archived")
                    or found.get("marked_for_deletion_on")
                    or found.get("marked_for_deletion_at")
                ),
                pushed=str(found.get("last_activity_at") or ""),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Unavailable("GitLab described a project in a way we do not know.") from None


def _scope_notes(token: Mapping[str, Any]) -> list[str]:
    scopes = {scope for scope in token.get("scopes") or () if isinstance(scope, str)}
    if token.get("revoked") or token.get("active") is False:
        raise CredentialsError("The access token has expired or been revoked. Enter a new one.")
    # Tokens with fine-grained permissions have scopes of other names: the listing is the test.
    if not scopes & _SCOPES or "api" in scopes:
        return []
    if scopes >= _READING:
        return [
            "Without the scope api Packistry makes no webhooks: changes are seen by looking"
            " at intervals."
        ]
    raise CredentialsError(f"This token has only {', '.join(sorted(scopes))}. {SCOPES}")


def _expiry_notes(token: Mapping[str, Any]) -> list[str]:
    try:
        day = date.fromisoformat(str(token.get("expires_at")))
    except ValueError:
        return []
    left = (day - datetime.now(UTC).date()).days
    if left < 0:
        raise CredentialsError(f"The access token expired on {day}. Make a new one and enter it.")
    if left > _SOON:
        return []
    return [f"This token expires on {day}: make a new one and enter it before."]


def _next_page(response: HttpResponse) -> str | None:
    """The next page by `Link`, or by the number that some proxies leave of it."""
    page = response.header("X-Next-Page")
    linked = linked_next(response)
    if linked or not page.isdecimal():
        return linked
    parts = urlsplit(response.url)
    query = {**dict(parse_qsl(parts.query)), "page": page}
    return parts._replace(query=urlencode(query)).geturl()


def _webhook(project: Project, webhook_id: str) -> str:
    return f"projects/{quote(project.id, safe='')}/hooks/{quote(webhook_id, safe='')}"


def _object(response: HttpResponse) -> Mapping[str, Any]:
    found = response.json()
    if not isinstance(found, dict):
        raise Unavailable("GitLab answered with something unexpected.", response=response)
    return found


def _list(response: HttpResponse) -> list[Any]:
    found = response.json()
    if not isinstance(found, list):
        raise Unavailable("GitLab answered with something unexpected.", response=response)
    return found
