"""The page about the JSON API."""

from packistry.services import Services
from packistry.services.access import Permission
from packistry.web.api import openapi
from packistry.web.api.call import CALLS, PREFIX
from packistry.web.api.readable import sections
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit


def show(visit: Visit, _services: Services) -> Shown:
    """What each call takes and answers."""
    document = openapi.document(visit.request.registry[CALLS], visit.base_url)
    return {
        "sections": sections(document),
        "example": f'curl -H "Authorization: Bearer $TOKEN" {visit.base_url}{PREFIX}/me',
        "document": f"{PREFIX}/openapi.json",
    }


PAGES = (
    Page(
        name="api",
        path="/api/docs",
        permission=Permission.PERSON,
        template="api.jinja2",
        show=show,
    ),
)
