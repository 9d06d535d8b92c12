"""What is done to several packages of the list at once: look again, abandon, remove."""

from collections.abc import Sequence
from typing import Any

from pyramid.response import Response
from sqlalchemy import func, select

from packistry.errors import Conflict, Invalid
from packistry.inputs import PackageChange
from packistry.models import Package, Repository, Version
from packistry.services import Services
from packistry.services.access import Permission, manages
from packistry.web.admin.packages import as_number, called, replacement
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit
from packistry.wording import plural

MOST = 100
ASKED_FIRST = {"abandon": "packages-abandon", "remove": "packages-remove"}


def pick(visit: Visit) -> Response:
    """What the button says; what is not easily taken back has a page that asks first."""
    picked = visit.texts("package")[:MOST]
    if not picked:
        return _nothing(visit)
    wanted = visit.text("do")
    if wanted in ASKED_FIRST:
        return visit.go(ASKED_FIRST[wanted], _query={"package": picked})
    if wanted != "sync":
        raise Invalid("Choose what to do with them.")
    return _sync(visit, picked)


def _sync(visit: Visit, picked: Sequence[str]) -> Response:
    with visit.change() as services:
        mine = [each for each in _managed(visit, services, picked) if each.project_id is not None]
        for package in mine:
            services.packages.sync(package)
            services.audit.note("package.synced", package)
        number = len(mine)
    if not number:
        raise Conflict("None of these is made from a project, so there is nothing to look at.")
    visit.say(
        f"{plural(number, 'package')} will be looked at now.",
        link="Watch",
        href=visit.url("imports"),
    )
    return visit.go("packages")


def show_abandon(visit: Visit, services: Services) -> Shown:
    """What it means, and the package to use instead."""
    packages = _asked_for(visit, services)
    if not packages:
        return _nothing(visit)
    return {"packages": _named(packages), "form": visit.form(replacement="")}


def abandon(visit: Visit) -> Response:
    """All of them, or none."""
    change = visit.read(PackageChange, abandoned=replacement(visit) or True)
    with visit.change() as services:
        packages = _asked_for(visit, services)
        if not packages:
            return _nothing(visit)
        try:
            for package in packages:
                services.packages.edit(package, change)
        except Invalid as error:
            raise Invalid(str(error), field="replacement") from None
        number = len(packages)
    visit.say(f"{plural(number, 'package')} {_are(number)} marked abandoned.")
    return visit.go("packages")


def show_remove(visit: Visit, services: Services) -> Shown:
    """What is lost with them."""
    packages = _asked_for(visit, services)
    if not packages:
        return _nothing(visit)
    query = select(func.count()).where(Version.package_id.in_([each.id for each in packages]))
    return {
        "packages": _named(packages),
        "versions": services.session.scalar(query) or 0,
        "sure": _sure(packages),
    }


def remove(visit: Visit) -> Response:
    """All of them, once their number was typed, or the name of the only one."""
    with visit.change() as services:
        packages = _asked_for(visit, services)
        if not packages:
            return _nothing(visit)
        sure, number = _sure(packages), len(packages)
        if visit.text("sure").strip() != sure:
            raise Invalid(f"Type {sure} to go on.", field="sure")
        for package in packages:
            services.packages.remove(package)
    visit.say(f"{plural(number, 'package')} {_are(number)} removed.")
    return visit.go("packages")


def _asked_for(visit: Visit, services: Services) -> list[Package]:
    """Those in the address, as far as they are there, and theirs to look after."""
    return _managed(visit, services, visit.request.GET.getall("package")[:MOST])


def _nothing(visit: Visit) -> Response:
    visit.say("Select packages first, by the boxes beside their names.")
    return visit.go("packages")


def _managed(visit: Visit, services: Services, picked: Sequence[str]) -> list[Package]:
    query = (
        select(Package)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.id.in_([as_number(text) for text in picked]), manages(visit.actor))
        .order_by(Package.name, Package.id)
    )
    return list(services.session.scalars(query))


def _named(packages: Sequence[Package]) -> list[tuple[Package, str]]:
    return [(package, called(package)) for package in packages]


def _sure(packages: Sequence[Package]) -> str:
    return called(packages[0]) if len(packages) == 1 else plural(len(packages), "package")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _page(action: str, **views: Any) -> Page:
    return Page(
        name=f"packages-{action}",
        path=f"/admin/packages/{action}",
        template=f"packages/{action}_picked.jinja2",
        permission=Permission.MAINTAIN,
        section="packages",
        **views,
    )


PAGES = (
    Page(
        name="packages-picked",
        path="/admin/packages/picked",
        permission=Permission.MAINTAIN,
        submit=pick,
    ),
    _page("abandon", show=show_abandon, submit=abandon),
    _page("remove", show=show_remove, submit=remove),
)
