"""What this server did lately."""

from packistry.services import Services
from packistry.services.access import Permission
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit


def show(visit: Visit, services: Services) -> Shown:
    """The overview."""
    return {"repositories": services.repositories.all() if visit.actor.admin else []}


PAGES = (
    Page(
        name="overview",
        path="/",
        permission=Permission.PERSON,
        template="overview.jinja2",
        show=show,
    ),
)
