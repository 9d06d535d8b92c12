"""The contract of a place projects are imported from."""

import hashlib
import hmac
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, Generic
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from packistry.git.refs import Ref, RefKind, RefusedRef
from packistry.plugin import config as configuration
from packistry.plugin.config import C
from packistry.plugin.errors import InvalidWebhook, PluginError, UnreadableWebhook
from packistry.plugin.http import HttpClient

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST = 500


@dataclass(frozen=True, kw_only=True)
class Project:
    """One repository at a host.

    `id` is what the host never changes, at most 500 printable characters; `path` is what people
    call it now. `clone_url` becomes the "source" that composer clones from, "" for none. What a
    host says is not trusted: other than http(s) links and user information in a clone URL are
    dropped, control characters too. ValueError when the id cannot be one. `pushed` is another text
    after each push, such as its time, where a listing says so; two that differ in nothing else are
    equal.
    """

    id: str
    path: str
    web_url: str = ""
    clone_url: str = ""
    archived: bool = False
    pushed: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.id) <= _LONGEST or _UNPRINTABLE.search(self.id):
            raise ValueError("a project's id has 1 to 500 printable characters")
        object.__setattr__(self, "path", _UNPRINTABLE.sub("", self.path)[:_LONGEST])
        object.__setattr__(self, "web_url", web_link(self.web_url))
        object.__setattr__(self, "clone_url", _without_password(self.clone_url))


@dataclass(frozen=True, kw_only=True)
class RefPushed:
    """A branch or tag appeared or moved. A hint: what it is now is read from the host."""

    project_id: str
    kind: RefKind
    name: str


@dataclass(frozen=True, kw_only=True)
class RefDeleted:
    """A branch or tag is gone. A hint, like every change."""

    project_id: str
    kind: RefKind
    name: str


@dataclass(frozen=True, kw_only=True)
class ProjectChanged:
    """Something changed and the host does not say which refs: look at all of them."""

    project_id: str


@dataclass(frozen=True, kw_only=True)
class ProjectRenamed:
    """The project is now called `path`; its id stays."""

    project_id: str
    path: str


@dataclass(frozen=True, kw_only=True)
class ProjectArchived:
    """The project was made read-only, or (`archived` False) no longer is."""

    project_id: str
    archived: bool


@dataclass(frozen=True, kw_only=True)
class ProjectGone:
    """The project was deleted at the host. Its packages stay served."""

    project_id: str


Change = RefPushed | RefDeleted | ProjectChanged | ProjectRenamed | ProjectArchived | ProjectGone
"""What a webhook can mean."""


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """A delivery as it came in: nothing of it is verified. Header names are case-insensitive."""

    headers: Mapping[str, str]
    body: bytes

    def __post_init__(self) -> None:
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self.headers)
        object.__setattr__(self, "headers", MappingProxyType(headers))

    def header(self, name: str) -> str:
        """The header's value; "" when it was not sent."""
        return self.headers.get(name, "")

    def json(self) -> Any:
        """The body as JSON; UnreadableWebhook when it is none. Verify the request before."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise UnreadableWebhook("The delivery's body is not JSON.") from None


def check_signature(
    request: WebhookRequest,
    secret: str,
    *,
    header: str = "X-Hub-Signature-256",
    prefix: str = "sha256=",
) -> None:
    """Raises InvalidWebhook unless `header` is `prefix` + hex HMAC-SHA256 of the body.

    Takes the same time whatever is wrong. An empty secret or header never passes.
    """
    expected = prefix + hmac.new(_bytes(secret), request.body, hashlib.sha256).hexdigest()
    _compare(expected, request.header(header), secret)


def check_token(request: WebhookRequest, secret: str, *, header: str) -> None:
    """Raises InvalidWebhook unless `header` is the secret itself; compares in constant time."""
    _compare(secret, request.header(header), secret)


def _compare(expected: str, given: str, secret: str) -> None:
    # compare_digest raises TypeError for a str that is not ASCII, so bytes are compared.
    same = hmac.compare_digest(_bytes(expected), _bytes(given))
    if not (same and secret and given):
        raise InvalidWebhook("The delivery is not signed with this project's secret.")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class Snapshot(ABC):
    """What a project contains, as it was when it was opened.

    Everything in it is hostile: core checks each manifest, readme and archive itself, and takes no
    manifest above 1 MiB. A `path` is a folder below the top, written "a/b"; "" is the top.
    """

    @property
    @abstractmethod
    def default_branch(self) -> str | None:
        """The name of the branch people mean when they name none; None when there is none."""

    @abstractmethod
    def refs(self) -> Iterator[Ref | RefusedRef]:
        """All branches and tags, each once. RefusedRef for a name that cannot be used.

        `Ref.commit` identifies the content: 40 or 64 hex digits. A host without commits gives a
        hash of the content, so that an unchanged ref is not read again.
        """

    @abstractmethod
    def manifest(self, ref: Ref, path: str = "") -> bytes | None:
        """The composer.json in the folder; None when there is none or it cannot be read."""

    def manifests(self, refs: Iterable[Ref], path: str = "") -> Mapping[str, bytes | None]:
        """The manifests of many refs by `Ref.commit`. Override it if that can be quicker."""
        by_commit = {ref.commit: ref for ref in refs}
        return {commit: self.manifest(ref, path) for commit, ref in by_commit.items()}

    @abstractmethod
    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> AbstractContextManager[BinaryIO]:
        """A seekable zip of the folder, all below one top folder named `prefix`.

        The same bytes whenever it is made of the same commit, path and prefix: no present time,
        sorted names. UnsafeContent when the tree must not be served, NotFound when it is gone.
        """

    def expect(self, refs: Iterable[Ref], path: str = "") -> None:  # noqa: B027 - optional
        """Archives of these refs are asked for next, about in this order. A hint, and no more."""

    def notices(self, ref: Ref, path: str = "") -> Sequence[str]:
        """What a user of the archive should know, such as files it only has pointers to."""
        return ()

    @abstractmethod
    def readme(self, ref: Ref, path: str = "") -> str | None:
        """The readme in the folder as written (Markdown or text); None when it has none."""


class SourceProvider(ABC, Generic[C]):
    """A git host, or anything else that projects are imported from.

    One object serves one configured source and may be used by several threads. Its methods run
    in jobs and may take their time; they raise `PluginError`s, whose text an administrator reads.
    """

    name: ClassVar[str]
    """Stored in the database and part of URLs: lower-case letters, digits, "-". Never changes."""

    title: ClassVar[str]
    """What people call it."""

    Config: ClassVar[type[configuration.Config]]
    """What an administrator fills in; `C` is the same class."""

    credentials_url: ClassVar[str] = ""
    """The page at the host where people make a token, "" for none. "{url}" in it stands for what
    the field `url` of the configuration holds, and so on for other fields that are no secrets."""

    lists_projects: ClassVar[bool] = False
    """Whether the place can say which projects it has. Follows from implementing `projects`."""

    supports_webhooks: ClassVar[bool] = False
    """Whether the host tells us of changes. Follows from implementing `receive_webhook`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "lists_projects" not in cls.__dict__ and "projects" in cls.__dict__:
            cls.lists_projects = True
        if "supports_webhooks" not in cls.__dict__ and "receive_webhook" in cls.__dict__:
            cls.supports_webhooks = True

    def __init__(self, config: C, http: HttpClient) -> None:
        self.config = config
        self.http = http

    @abstractmethod
    def check(self) -> Sequence[str]:
        """What an administrator should know, such as when the token expires; usually ().

        Raises CredentialsError (which says, in words, what scope is missing) or another.
        """

    def projects(self, search: str = "") -> Iterator[Project]:
        """Projects these credentials reach whose path holds `search`, lazily.

        The caller stops when it has enough. A place that cannot list leaves it out.
        """
        yield from ()

    @abstractmethod
    def project(self, id: str) -> Project:  # noqa: A002 - the word everyone uses for it
        """The project as it is now, found by `Project.id` or by what people type for it.

        The result's id is the stable one, which survives renames. NotFound when there is none.
        """

    @abstractmethod
    def open(self, project: Project, workspace: Path) -> AbstractContextManager[Snapshot]:
        """The project's content, as current as it is now.

        `workspace` is a folder of this project alone, kept between calls for the provider to
        cache in; it may be found empty at any time, and other processes may use it meanwhile.
        NotFound, CredentialsError, Unavailable … when the content cannot be had.
        """

    def open_kept(self, project: Project, workspace: Path) -> AbstractContextManager[Snapshot]:
        """The project's content as it was last opened, if it is still at hand; else as `open`.

        For what is read by its commit alone, also while the host is away.
        """
        return self.open(project, workspace)

    @classmethod
    def commit_url(cls, project: Project, commit: str) -> str:
        """The page of a commit at the host; "" when there is none. Asks nobody."""
        return ""

    def create_webhook(self, project: Project, url: str, secret: str) -> str:
        """Has the host send changes to `url`, signed with `secret`; the host's id for it."""
        raise PluginError(f"{self.title} cannot send webhooks.")

    def delete_webhook(self, project: Project, webhook_id: str) -> None:
        """Removes what `create_webhook` made. It is fine if it is gone already."""
        raise PluginError(f"{self.title} cannot send webhooks.")

    def webhook_active(self, project: Project, webhook_id: str) -> bool:
        """Whether the host still has the webhook and still sends to it.

        When False, core deletes it and makes it again.
        """
        return True

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        """What a delivery means; () for a ping or for events that do not matter here.

        Verifies first, in constant time and on the raw bytes, then parses: InvalidWebhook when it
        is not signed with `secret` or cannot be read. Opens no URL the payload names.
        """
        raise InvalidWebhook(f"{self.title} cannot send webhooks.")

    def delivery_id(self, request: WebhookRequest) -> str:
        """What the host calls this delivery, the same when it is sent again; "" if it has no id."""
        return ""


def web_link(url: str) -> str:
    """The URL if it is one that a page may link to, "" otherwise."""
    try:
        parts = urlsplit(_UNPRINTABLE.sub("", url))
    except ValueError:
        return ""
    return parts.geturl() if parts.scheme in ("http", "https") and parts.hostname else ""


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(_UNPRINTABLE.sub("", url))
    except ValueError:
        return ""
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme in ("http", "https"):
        return parts._replace(netloc=host).geturl()
    # `git@` in an SSH address is part of it; a password there is not.
    return parts._replace(netloc=user.partition(":")[0] + at + host).geturl()
