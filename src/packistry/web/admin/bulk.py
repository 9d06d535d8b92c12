"""A bulk import: how far it is, live, and what became of each project."""

from pyramid.response import Response

from packistry.models import BulkImport, Repository
from packistry.services import Services
from packistry.services.access import Permission
from packistry.web.listing import Listing, page_number
from packistry.web.pages import Page, Shown, part
from packistry.web.visit import Visit

PART = "part"
PAGE = 50


def _row(visit: Visit, services: Services) -> BulkImport:
    return services.bulk_imports.at(visit.number("bulk"))


def find(visit: Visit, services: Services) -> Repository:
    """The repository that it is for. Raises NotFound."""
    return _row(visit, services).repository


def show(visit: Visit, services: Services) -> Shown:
    """All of it, and as it goes on where only the part that changes is asked for."""
    row = _row(visit, services)
    facts = services.bulk_imports.facts(row)
    page = page_number(visit, facts.added, PAGE)
    rows = services.bulk_imports.projects(row, first=(page - 1) * PAGE, limit=PAGE)
    shown = {
        "bulk": facts,
        "source": row.source,
        "listing": Listing(
            rows=rows, total=facts.added, page=page, size=PAGE, sort="", narrowed=False
        ),
        "live": facts.going,
    }
    if visit.query(PART):
        return part(visit, services, "bulk/progress.jinja2", shown)
    return shown


def again(visit: Visit) -> Response:
    """The source is gone through once more."""
    with visit.change() as services:
        services.bulk_imports.again(_row(visit, services), visit.author)
    return visit.go("bulk-import", bulk=visit.number("bulk"))


PAGES = (
    Page(
        name="bulk-import",
        path="/admin/bulk-imports/{bulk}",
        permission=Permission.MAINTAIN,
        template="bulk/show.jinja2",
        section="imports",
        target=find,
        show=show,
        submit=again,
    ),
)
