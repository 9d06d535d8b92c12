"""What needs somebody, and what this server did lately; on an empty one, the first steps."""

from datetime import timedelta

from packistry.models import Repository, Version
from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.overview import Overview
from packistry.services.snippets import repository_commands, require_command, token_commands
from packistry.web.charts import SPANS, daily, span_of
from packistry.web.needs import needs
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

SPAN = 90
MOST = 6
RECENT = 8
LOOKED_AT = 10
PLACEHOLDER = "YOUR-TOKEN"


def show(visit: Visit, services: Services) -> Shown:
    """The overview."""
    overview = Overview(services.session, visit.actor)
    found = needs(services, visit.actor)
    visit.needs = len(found)
    numbers = overview.numbers()
    used = overview.ever_downloaded()
    steps = visit.actor.admin and not (numbers.packages and used)
    home, first_version = _first(visit, services) if steps else (None, None)
    span = span_of(visit.query("days"), SPAN)
    last = now().date()
    first = last - timedelta(days=span - 1)
    downloads = overview.downloads(first)
    return {
        "numbers": numbers,
        "steps": steps,
        "used": used,
        "sources": services.sources.all() if visit.actor.admin and not numbers.packages else [],
        "providers": _providers(services) if visit.actor.admin else [],
        "home": home,
        "snippets": _snippets(visit, home, first_version),
        "needs": found,
        "span": span,
        "spans": SPANS,
        "chart": daily("Downloads", "Downloads", downloads, first, last),
        "most": overview.busiest(MOST),
        "recent": overview.recent(RECENT),
    }


def _providers(services: Services) -> list[tuple[str, str]]:
    known = services.context.plugins.source_providers
    return sorted((each.title, name) for name, each in known.items())


def _first(visit: Visit, services: Services) -> tuple[Repository | None, Version | None]:
    """The first repository that has something to install, with that; else the first."""
    homes = services.repositories.readable(visit.actor, limit=LOOKED_AT)
    found = ((home, services.versions.example(home, visit.actor)) for home in homes)
    full = next(((home, version) for home, version in found if version), None)
    return full or (homes[0] if homes else None, None)


def _snippets(visit: Visit, home: Repository | None, version: Version | None) -> list[str]:
    """How to use the repository, up to the first install."""
    if home is None:
        return []
    commands = repository_commands(visit.base_url, home)
    if not home.public:
        commands.append(token_commands(visit.base_url, PLACEHOLDER)[0])
    if version is not None:
        commands.append(require_command(version.package.name or "", version))
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
