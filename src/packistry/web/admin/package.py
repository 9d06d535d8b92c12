"""One package with all there is to know of it, and its webhook with what was delivered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from markupsafe import Markup
from pyramid.response import Response
from sqlalchemy import case, select

from packistry.models import Outcome, Package, Repository, SyncItem, Version
from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission, readable
from packistry.services.at_host import commit_page
from packistry.services.conditions import conditions, left_out
from packistry.services.overview import REFUSED, Overview
from packistry.services.projects import as_told
from packistry.services.requirements import dependents
from packistry.services.snippets import repository_commands, require_command, token_commands
from packistry.services.versions import DEV, VersionFacts
from packistry.web import filters
from packistry.web.admin.packages import facts_of, find
from packistry.web.charts import SPANS, daily, span_of
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

SPAN = 30
NEWEST = 6
BRANCHES = 3
SYNCS = 6
LEFT_OUT = 8
DEPENDENTS = 6
ALL_DEPENDENTS = 500
REASONS = 3
PLACEHOLDER = "YOUR-TOKEN"


@dataclass(frozen=True, kw_only=True)
class Link:
    """A package that a version needs; `id` is its number where it is here and may be read."""

    name: str
    allows: str
    id: int | None


def show(visit: Visit, services: Services) -> Shown:
    """All of it."""
    package = find(visit, services)
    ids = services.versions.ordered(package)
    newest = services.versions.facts(package, newest_of(services, ids))
    latest = services.versions.latest([package.id]).get(package.id)
    span = span_of(visit.query("days"), SPAN)
    first = now().date() - timedelta(days=span - 1)
    downloads = services.versions.daily(package, first)
    maintains = visit.may(services, Permission.MAINTAIN, package)
    requires = latest.manifest.get("require") or {} if latest else {}
    needing, many = [], 0
    if package.name:
        found, many = dependents(services.session, visit.actor, package.name, limit=DEPENDENTS)
        needing = list(found)
    recent = []
    if package.project_id is not None:
        recent = Overview(services.session, visit.actor).recent(SYNCS, package.project_id)
    return {
        **facts_of(package),
        "maintains": maintains,
        "commit": commits(services, package),
        "filters": services.filters.of(package) if maintains and package.project else None,
        "lists": filters.FIELDS,
        "condition": conditions(services.session, [package])[package.id],
        "project_page": as_told(package.project).web_url if package.project else "",
        "webhook": services.webhooks.facts(package.project) if package.project else None,
        "latest": latest,
        "versions": newest,
        "total": len(ids),
        "change": changed(newest),
        "held": services.protection.held(package),
        "left_out": left_out(services.session, package, LEFT_OUT),
        "recent": recent,
        "reasons": _reasons(services, package, [sync.id for sync in recent]),
        "readme": Markup(package.readme_html),  # noqa: S704 - services.readme made it safe
        "other_name": other_name(services, package) if maintains else None,
        "require": require_command(package.name or "", latest) if latest else "",
        "commands": repository_commands(visit.base_url, package.repository),
        "bearer": token_commands(visit.base_url, PLACEHOLDER)[0],
        "span": span,
        "spans": SPANS,
        "chart": daily("Downloads", "Downloads", downloads, first, now().date()),
        "size": services.versions.size(package),
        "platform": {name: each for name, each in requires.items() if "/" not in name},
        "requires": links(visit, services, package, requires),
        "dependents": needing,
        "many_dependents": many,
    }


@dataclass(frozen=True, kw_only=True)
class OtherName:
    """What composer.json calls a package now; `id` is the package that has this name already."""

    name: str
    id: int | None


def other_name(services: Services, package: Package) -> OtherName | None:
    """The name that it should have; None when it has it, or leads to it already."""
    name = package.composer_name
    if name is None or name == package.abandonment:
        return None
    there = services.packages.find(name, package.repository)
    return OtherName(name=name, id=there[0].id if there else None)


def commits(services: Services, package: Package) -> Callable[[str], str]:
    """What knows the page of a commit at the host; "" where there is none."""
    return partial(commit_page, services.context.plugins, package.project)


def newest_of(services: Services, ids: Sequence[int]) -> list[int]:
    """The highest releases and the first branches of those in order."""
    rows = services.session.execute(
        select(Version.id).where(Version.id.in_(ids), Version.stability == DEV)
    )
    dev = set(rows.scalars())
    released = [each for each in ids if each not in dev]
    branches = [each for each in ids if each in dev]
    return [*released[:NEWEST], *branches[:BRANCHES]]


def links(
    visit: Visit, services: Services, package: Package, requires: Mapping[str, str]
) -> list[Link]:
    """The packages among what is required, with links to those that are here."""
    names = {name.lower() for name in requires if "/" in name}
    rows = services.session.execute(
        select(Package.name, Package.id)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.name.in_(names), readable(visit.actor))
        # Of several with the name, the one beside it.
        .order_by(case((Package.repository_id == package.repository_id, 1), else_=0), Package.id)
    )
    here = {row.name: row.id for row in rows}
    return [
        Link(name=name, allows=str(allows), id=here.get(name.lower()))
        for name, allows in requires.items()
        if "/" in name
    ]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is required otherwise by one version than by another, by key of composer.json."""

    older: Version
    newer: Version
    keys: Sequence[tuple[str, Mapping[str, str], Mapping[str, str]]]


COMPARED = ("require", "require-dev", "conflict", "replace", "provide")


def compare(older: Version, newer: Version) -> Change:
    """Only what differs."""
    keys = []
    for key in COMPARED:
        before, after = older.manifest.get(key) or {}, newer.manifest.get(key) or {}
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if names:
            keys.append(
                (
                    key,
                    {name: before[name] for name in names if name in before},
                    {name: after[name] for name in names if name in after},
                )
            )
    return Change(older=older, newer=newer, keys=keys)


def changed(newest: Sequence[VersionFacts]) -> Change | None:
    """What the highest stable version changed since the one before it."""
    stable = [each.version for each in newest if each.version.stability == "stable"]
    return compare(stable[1], stable[0]) if len(stable) > 1 else None


def _reasons(
    services: Services, package: Package, sync_ids: Sequence[int]
) -> Mapping[int, Sequence[SyncItem]]:
    """By sync: the first of the package's refs that it left out or held."""
    query = (
        select(SyncItem)
        .where(
            SyncItem.package_id == package.id,
            SyncItem.sync_id.in_(sync_ids),
            SyncItem.outcome.in_((*REFUSED, Outcome.HELD)),
        )
        .order_by(SyncItem.id)
    )
    found: dict[int, list[SyncItem]] = {}
    for item in services.session.scalars(query):
        of_sync = found.setdefault(item.sync_id, [])
        if len(of_sync) < REASONS:
            of_sync.append(item)
    return found


def show_dependents(visit: Visit, services: Services) -> Shown:
    """All that need it."""
    package = find(visit, services)
    found, many = dependents(
        services.session, visit.actor, package.name or "", limit=ALL_DEPENDENTS
    )
    return {**facts_of(package), "dependents": found, "many_dependents": many}


def show_webhook(visit: Visit, services: Services) -> Shown:
    """How it is, and what came."""
    package = find(visit, services)
    project = package.project
    providers = services.context.plugins.source_providers
    provider = providers.get(project.source.provider) if project else None
    return {
        **facts_of(package),
        "sends": provider is not None and provider.supports_webhooks,
        "webhook": services.webhooks.facts(project) if project else None,
        "deliveries": services.deliveries.recent(project) if project else [],
    }


def repair(visit: Visit) -> Response:
    """Has it made anew."""
    with visit.change() as services:
        package = find(visit, services)
        services.packages.repair_webhook(package)
        services.audit.note("package.webhook-repaired", package)
    visit.say("The webhook is being made anew. Its state shows here in a moment.")
    return visit.go("package-webhook", package=visit.number("package"))


def retry(visit: Visit) -> Response:
    """A look at the project that a delivery was about."""
    with visit.change() as services:
        package = find(visit, services)
        delivery = services.deliveries.get(visit.number("delivery"), of=package)
        owed = services.deliveries.retry(delivery).id
        services.audit.note("package.synced", package)
    return visit.go("import", sync=owed)


PAGES = (
    Page(
        name="package",
        path="/admin/packages/{package}",
        permission=Permission.READ,
        template="packages/show.jinja2",
        section="packages",
        target=find,
        show=show,
    ),
    Page(
        name="package-dependents",
        path="/admin/packages/{package}/dependents",
        permission=Permission.READ,
        template="packages/dependents.jinja2",
        section="packages",
        target=find,
        show=show_dependents,
    ),
    Page(
        name="package-webhook",
        path="/admin/packages/{package}/webhook",
        permission=Permission.MAINTAIN,
        template="packages/webhook.jinja2",
        section="packages",
        target=find,
        show=show_webhook,
        submit=repair,
    ),
    Page(
        name="delivery-retry",
        path="/admin/packages/{package}/deliveries/{delivery}/retry",
        permission=Permission.MAINTAIN,
        section="packages",
        target=find,
        submit=retry,
    ),
)
