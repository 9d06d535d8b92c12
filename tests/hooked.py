"""A plugin whose host sends webhooks, as a test wants them; and an installation beside it."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from packistry.models import Delivery, Package, Sync, Via, Webhook
from packistry.plugin import (
    Change,
    NotFound,
    Project,
    ProjectArchived,
    ProjectChanged,
    ProjectGone,
    ProjectRenamed,
    RefDeleted,
    RefKind,
    RefPushed,
    Snapshot,
    SourceProvider,
    WebhookRequest,
    check_signature,
    hookimpl,
)
from packistry.runtime import Runtime
from packistry.services.access import SYSTEM
from packistry.services.audit import Author
from packistry.services.plugins import Plugins
from packistry.services.upkeep import Upkeep
from tests import faulty
from tests.importing import Importing

PROVIDER = "hooked"
POINTS = [
    EntryPoint(name="builtin", value="packistry.builtin", group="packistry"),
    EntryPoint(name="hooked", value="tests.hooked", group="packistry"),
]

Fault = Callable[[], None]


@dataclass(kw_only=True)
class Host(faulty.Host):
    """One project. `hooks` are its webhooks by id: (address, secret). `asked`: API calls.

    `on_project`, `on_create`, `on_delete` and `on_receive` may raise.
    """

    archived: bool = False
    id_now: str = ""
    hooks: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    on_project: Fault = faulty.nothing
    on_create: Fault = faulty.nothing
    on_delete: Fault = faulty.nothing
    on_receive: Fault = faulty.nothing
    numbers: Iterator[int] = field(default_factory=lambda: count(1))


class Hooked(faulty.Faulty):
    """Deliveries are signed as most hosts do; the body is {"changes": [[kind, …], …]}."""

    name = PROVIDER
    title = "Hooked host"

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        host = _host(id)
        host.asked.append("project")
        host.on_project()
        return Project(id=host.id_now or id, path=host.path, archived=host.archived)

    @contextmanager
    def open(self, project: Project, workspace: Path) -> Iterator[Snapshot]:
        host = _host(project.id)
        if project.path != host.path:
            raise NotFound("There is no project of this name.")
        host.on_open()
        # As it is now, also when more is pushed meanwhile.
        yield faulty.HostSnapshot(replace(host, refs=dict(host.refs)))

    def create_webhook(self, project: Project, url: str, secret: str) -> str:
        host = _host(project.id)
        host.asked.append("create")
        host.on_create()
        made = {hook[0]: name for name, hook in host.hooks.items()}
        name = made.get(url) or f"hook-{next(host.numbers)}"
        host.hooks[name] = (url, secret)
        return name

    def delete_webhook(self, project: Project, webhook_id: str) -> None:
        host = _host(project.id)
        host.asked.append("delete")
        host.on_delete()
        host.hooks.pop(webhook_id, None)

    def webhook_active(self, project: Project, webhook_id: str) -> bool:
        host = _host(project.id)
        host.asked.append("active")
        return webhook_id in host.hooks

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        check_signature(request, secret)
        changes = [_change(*each) for each in request.json()["changes"]]
        for change in changes:
            _host(change.project_id).on_receive()
        return changes

    def delivery_id(self, request: WebhookRequest) -> str:
        return request.header("X-Hooked-Delivery")


def _host(project_id: str) -> Host:
    host = faulty.HOSTS.get(project_id)
    if not isinstance(host, Host):
        raise NotFound("There is no such project.")
    return host


def _change(word: str, project: str, *rest: Any) -> Change:
    match word:
        case "push":
            return RefPushed(project_id=project, kind=RefKind(rest[0]), name=rest[1])
        case "delete":
            return RefDeleted(project_id=project, kind=RefKind(rest[0]), name=rest[1])
        case "rename":
            return ProjectRenamed(project_id=project, path=rest[0])
        case "archive":
            return ProjectArchived(project_id=project, archived=rest[0])
        case "gone":
            return ProjectGone(project_id=project)
        case _:
            return ProjectChanged(project_id=project)


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    return [Hooked]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A delivery as a host sends it."""

    path: str
    headers: dict[str, str]
    body: bytes


def signed(url: str, secret: str, changes: Sequence[Sequence[Any]], *, delivery: str = "") -> Sent:
    return signed_body(url, secret, json.dumps({"changes": changes}).encode(), delivery=delivery)


def signed_body(url: str, secret: str, body: bytes, *, delivery: str = "") -> Sent:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}
    headers |= {"X-Hooked-Event": "push"}
    if delivery:
        headers["X-Hooked-Delivery"] = delivery
    return Sent(path=urlsplit(url).path, headers=headers, body=body)


class Hooking(Importing):
    """Importing from hosts that send webhooks; project "7" has acme/lib 1.0.0."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.host = self.new_host("7")
        self._deliveries = count(1)

    def new_host(self, project: str, name: str = "acme/lib") -> Host:
        host = Host(path=name)
        host.push("main", {"name": name})
        host.push("1.0.0", {"name": name})
        faulty.HOSTS[project] = host
        return host

    def added(self, project: str = "7", **options: Any) -> int:
        """The id of a package whose webhook was made, if it could be."""
        package = self.add(project, provider=PROVIDER, **options)
        self.upkeep(package)
        return package

    def use_url(self, url: str) -> None:
        """The installation as it is after a start with another PACKISTRY_URL."""
        self.runtime.settings = self.runtime.settings.model_copy(update={"url": url})
        self.runtime.__dict__.pop("context", None)

    def upkeep(self, package: int) -> Webhook:
        """Do what is due for the webhook, and give it."""
        Upkeep(self.runtime).run(self.webhook(package).id)
        return self.webhook(package)

    def webhook(self, package: int) -> Webhook:
        (row,) = self._rows(Webhook, Webhook.project_id == self.package(package).project_id)
        found: Webhook = row
        return found

    def repair(self, package: int) -> None:
        """What somebody does who wants the webhook made anew."""
        author = Author(actor=SYSTEM, via=Via.CLI)
        with self.runtime.change(author) as services:
            services.packages.repair_webhook(services.packages.get(str(package)))

    def webhooks(self) -> list[Webhook]:
        return self._rows(Webhook)

    def change_webhook(self, webhook: int, **values: object) -> None:
        with self.runtime.transaction() as services:
            row = services.session.get_one(Webhook, webhook)
            for name, value in values.items():
                setattr(row, name, value)

    def delivery(
        self, *changes: Sequence[Any], project: str = "7", delivery: str | None = None
    ) -> Sent:
        """What the host sends to the webhook it has."""
        host = faulty.HOSTS[project]
        assert isinstance(host, Host)
        ((url, secret),) = host.hooks.values()
        number = f"d-{next(self._deliveries)}" if delivery is None else delivery
        return signed(url, secret, changes, delivery=number)

    def deliveries(self) -> list[Delivery]:
        return self._rows(Delivery)

    def owed(self) -> list[Sync]:
        """Syncs because of webhooks."""
        return self._rows(Sync, Sync.reason == "webhook")

    def package_of(self, project: str = "7") -> int:
        with self.runtime.transaction() as services:
            query = select(Package.id).where(Package.project.has(external_id=project))
            found: int = services.session.scalars(query).one()
            return found


@contextmanager
def hooking(runtime: Runtime) -> Iterator[Hooking]:
    """The installation with the plugin, and its hosts until it ends."""
    runtime.plugins = Plugins.load(POINTS, strict=True)
    before: Mapping[str, faulty.Host] = dict(faulty.HOSTS)
    yield Hooking(runtime)
    faulty.HOSTS.clear()
    faulty.HOSTS.update(before)
