"""What needs somebody, and what this server did lately; on an empty one, the first steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.overview import Overview
from packistry.services.snippets import repository_commands, token_commands
from packistry.web.charts import daily
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit
from packistry.web.words import ago, plural

SPANS = (7, 30, 90, 365)
SPAN = 90
MOST = 6
BUSIEST = 500
KEPT_SECONDS = 60
RECENT = 8
SOON = timedelta(days=7)
IN_USE = timedelta(days=30)
PLACEHOLDER = "YOUR-TOKEN"


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something that needs somebody: what, why in the words of who said it, and what mends it."""

    title: str
    text: str
    said: str = ""
    kind: str = "bad"
    page: str = ""
    button: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)


def show(visit: Visit, services: Services) -> Shown:
    """The overview."""
    overview = Overview(services.session, visit.actor)
    numbers = overview.numbers()
    used = overview.ever_downloaded()
    span = _span(visit)
    last = now().date()
    first = last - timedelta(days=span - 1)
    # Numbers alone: what they are of is looked up again, as far as it may be seen.
    who = 0 if visit.actor.admin else visit.actor.user_id
    downloads = visit.kept.get(
        ("downloads", who, first), KEPT_SECONDS, lambda: overview.downloads(first)
    )
    week = last - timedelta(days=6)
    busiest = visit.kept.get(
        ("busiest", week), KEPT_SECONDS, lambda: overview.busiest(week, BUSIEST)
    )
    return {
        "numbers": numbers,
        "steps": visit.actor.admin and not (numbers.packages and used),
        "used": used,
        "sources": services.sources.all() if visit.actor.admin and not numbers.packages else [],
        "providers": _providers(services) if visit.actor.admin else [],
        "snippets": _snippets(visit, services),
        "needs": needs(visit, services, overview),
        "span": span,
        "spans": SPANS,
        "chart": daily("Downloads", "Downloads", downloads, first, last),
        "most": overview.most(busiest, MOST),
        "recent": overview.recent(RECENT),
    }


def needs(visit: Visit, services: Services, overview: Overview) -> list[Need]:
    """What needs whoever looks, the worst first."""
    found = [
        Need(
            title=f"{source.name} cannot be read",
            said=why,
            text=f"{plural(count, 'project')} may be out of date; what is here still installs.",
            page="source",
            parts={"source": source.id},
            button="Open source",
        )
        for source, count, why in overview.unreachable()
    ]
    if visit.actor.admin:
        found += _of_the_server(services)
    found += _expiring(overview)
    return found


def _of_the_server(services: Services) -> list[Need]:
    failures = [
        Need(
            title=f"The plugin {failure.plugin} was left out",
            said=failure.error,
            text="Its sources and ways to sign in do not work until it loads.",
            page="plugins",
            button="Show plugins",
        )
        for failure in services.context.plugins.failures
    ]
    return failures + _moved_tags(services)


def _moved_tags(services: Services) -> list[Need]:
    held = services.protection.held()
    if not held:
        return []
    names = ", ".join(f"{tag.package} {tag.version}" for tag in held[:3])
    more = f" and {len(held) - 3} more" if len(held) > 3 else ""
    verb = "is" if len(held) == 1 else "are"
    return [
        Need(
            kind="warn",
            title=f"{plural(len(held), 'released tag')} moved and {verb} held",
            text=f"{names}{more}: the first release stays served until you accept the new one.",
            page="package",
            parts={"package": held[0].package_id},
            button="Decide",
        )
    ]


def _expiring(overview: Overview) -> list[Need]:
    present = now()
    return [
        Need(
            kind="warn",
            title=f"The token {token.name} expires {ago(token.expires_at)}",
            text=f"It was used {ago(token.last_used_at)}. What installs with it stops then.",
            page="token",
            parts={"token": token.id},
            button="Open token",
        )
        for token in overview.expiring(present + SOON, present - IN_USE, present)
        if token.expires_at is not None and token.last_used_at is not None
    ]


def _span(visit: Visit) -> int:
    asked = visit.query("days")
    return next((span for span in SPANS if asked == str(span)), SPAN)


def _providers(services: Services) -> list[tuple[str, str]]:
    known = services.context.plugins.source_providers
    return sorted((each.title, name) for name, each in known.items())


def _snippets(visit: Visit, services: Services) -> list[str]:
    """How to use the first repository that they may enter."""
    repositories = services.repositories.readable(visit.actor, limit=1)
    if not repositories:
        return []
    commands = repository_commands(visit.base_url, repositories[0])
    if not repositories[0].public:
        commands.append(token_commands(visit.base_url, PLACEHOLDER)[0])
    return commands


PAGES = (
    Page(
        name="overview",
        path="/",
        permission=Permission.PERSON,
        template="overview.jinja2",
        show=show,
    ),
)
