"""Packages under another name, and in another repository."""

from pyramid.response import Response
from sqlalchemy import select

from packistry.errors import Forbidden, Invalid
from packistry.inputs.moving import NewName
from packistry.models import Repository
from packistry.services import Services
from packistry.services.access import Permission, manages
from packistry.web.admin.packages import as_number, called, facts_of, find
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit


def show_rename(visit: Visit, services: Services) -> Shown:
    """What becomes of the old name."""
    package = find(visit, services)
    suggested = package.composer_name or package.name or ""
    return {**facts_of(package), "form": visit.form(name=suggested)}


def rename(visit: Visit) -> Response:
    """It goes on under another name."""
    new = visit.read(NewName, name=visit.text("name").strip())
    with visit.change() as services:
        package = find(visit, services)
        renamed = services.moving.rename(package, new.name).id
        services.audit.note("package.renamed", package, note=new.name)
        before = called(package)
    visit.say(f"{new.name} is being imported; {before} is abandoned in favour of it.")
    return visit.go("package", package=renamed)


def show_move(visit: Visit, services: Services) -> Shown:
    """The repositories that they maintain."""
    package = find(visit, services)
    others = services.session.scalars(
        select(Repository)
        .where(manages(visit.actor), Repository.id != package.repository_id)
        .order_by(Repository.name)
    ).all()
    return {
        **facts_of(package),
        "others": others,
        "form": visit.form(to=others[0].id if others else ""),
    }


def move(visit: Visit) -> Response:
    """It is in another repository from now on."""
    with visit.change() as services:
        package = find(visit, services)
        repository = services.session.get(Repository, as_number(visit.text("to")))
        if repository is None:
            raise Invalid("Choose the repository that it goes to.", field="to")
        if not visit.may(services, Permission.MAINTAIN, repository):
            raise Forbidden("You may move it only to a repository that you maintain.")
        before = package.repository.name
        services.moving.move(package, repository)
        services.audit.note("package.moved", package, note=f"{before}: {repository.name}")
        said = f"{called(package)} is in {repository.name} now."
    visit.say(said)
    return visit.go("package", package=visit.number("package"))


def _page(name: str, path: str, **views: object) -> Page:
    return Page(
        name=name,
        path=f"/admin/packages/{{package}}/{path}",
        permission=Permission.MAINTAIN,
        template=f"packages/{path}.jinja2",
        section="packages",
        target=find,
        **views,  # type: ignore[arg-type]
    )


PAGES = (
    _page("package-rename", "rename", show=show_rename, submit=rename),
    _page("package-move", "move", show=show_move, submit=move),
)
