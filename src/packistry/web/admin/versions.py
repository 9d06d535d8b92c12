"""The versions of a package: all of them, one with its metadata, its zip, yank and restore."""

import json
import re
from datetime import timedelta

from pyramid.response import Response
from sqlalchemy import select

from packistry.errors import Conflict, NotFound
from packistry.inputs.yanking import Yank
from packistry.models import Dist, Version
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.dists import Dists
from packistry.services.provenance import YANKED, provenance
from packistry.web.admin.package import Change, commits, compare, links
from packistry.web.admin.packages import as_number, facts_of, find
from packistry.web.files import CHUNK, FileBody
from packistry.web.listing import mentions, paged
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

LINK_LIFE = timedelta(minutes=5)
MOST_OTHERS = 200

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def _version(visit: Visit, services: Services) -> Version:
    return services.versions.at(find(visit, services), visit.number("version"))


def index(visit: Visit, services: Services) -> Shown:
    """All, or those whose name holds what is searched for, a page at a time."""
    package = find(visit, services)
    ids = services.versions.ordered(package)
    if words := visit.query("q").strip():
        named = select(Version.id).where(
            Version.package_id == package.id, *mentions(words, Version.name)
        )
        wanted = set(services.session.scalars(named))
        found = paged(visit, [each for each in ids if each in wanted])
    else:
        found = paged(visit, ids)
    return {
        **facts_of(package),
        "many": len(ids) > found.size,
        "listing": found,
        "versions": services.versions.facts(package, found.rows),
        "maintains": visit.may(services, Permission.MAINTAIN, package),
        "commit": commits(services, package),
    }


def show(visit: Visit, services: Services) -> Shown:
    """One: what composer is told of it, and how it differs from another."""
    package = find(visit, services)
    version = _version(visit, services)
    (facts,) = services.versions.facts(package, [version.id])
    ids = services.versions.ordered(package)
    others = [each for each in ids if each != version.id][:MOST_OTHERS]
    return {
        **facts_of(package),
        "version": version,
        "commit": commits(services, package),
        "dist": facts.dist,
        "downloads": facts.downloads,
        "made": provenance(services.session, version),
        "maintains": visit.may(services, Permission.MAINTAIN, package),
        "requires": links(visit, services, package, version.manifest.get("require") or {}),
        "requires_dev": links(visit, services, package, version.manifest.get("require-dev") or {}),
        "platform": {
            name: allows
            for name, allows in (version.manifest.get("require") or {}).items()
            if "/" not in name
        },
        "metadata": json.dumps(version.manifest, ensure_ascii=False, indent=2),
        "others": [each.version for each in services.versions.facts(package, others)],
        "change": _change(visit, services, version, ids),
    }


def _change(visit: Visit, services: Services, version: Version, ids: list[int]) -> Change | None:
    if asked := as_number(visit.query("with")):
        other = services.versions.at(version.package, asked)
    else:
        # The one below it; the highest for that which is last, such as a branch.
        others = [*ids[ids.index(version.id) + 1 :], *ids[: ids.index(version.id)]]
        if not others:
            return None
        other = services.versions.at(version.package, others[0])
    return None if other is version else compare(other, version)


def show_yank(visit: Visit, services: Services) -> Shown:
    """What it means."""
    return {
        **facts_of(find(visit, services)),
        "version": _version(visit, services),
        "form": visit.form(reason=""),
    }


def yank(visit: Visit) -> Response:
    """Composer chooses it no more."""
    said = visit.read(Yank, reason=visit.text("reason"))
    with visit.change() as services:
        package, version = find(visit, services), _version(visit, services)
        services.versions.yank(package, version)
        if said.reason:
            services.audit.note(YANKED, version, note=said.reason)
        name = version.name
    visit.say(f"{name} is yanked. Lock files that name it still install it.")
    return visit.go("package-versions", package=visit.number("package"))


def restore(visit: Visit) -> Response:
    """Composer may choose it again."""
    with visit.change() as services:
        package, version = find(visit, services), _version(visit, services)
        services.versions.restore(package, version)
        name = version.name
    visit.say(f"{name} may be installed again.")
    return visit.go("package-versions", package=visit.number("package"))


def show_zip(visit: Visit, services: Services) -> Shown:
    """Its dist, or why there is none."""
    package, version = find(visit, services), _version(visit, services)
    dist = services.session.get(Dist, version.dist_id) if version.dist_id else None
    if dist is None or not dist.built:
        return {**facts_of(package), "version": version, "dist": dist}
    visit.request.parts.tally.downloaded(package.id, dist.id, version.name)
    storage = services.context.storage
    link = storage.url(dist.storage_key, expires=LINK_LIFE)
    if link is not None:
        found = [("Location", link), ("Cache-Control", "no-store")]
        return Response(status=302, headerlist=found)
    try:
        stored = storage.open(dist.storage_key)
    except FileNotFoundError:
        raise NotFound(
            "The storage has lost this zip. `packistry gc --verify` builds it anew."
        ) from None
    body = FileBody(stored, start=0, length=dist.size)
    wrapper = visit.request.environ.get("wsgi.file_wrapper")
    safe = _UNSAFE.sub("-", f"{package.name}-{version.name}").strip("-.")[:200]
    return Response(
        status=200,
        headerlist=[
            ("Content-Type", "application/zip"),
            ("Content-Length", str(dist.size)),
            ("Content-Disposition", f'attachment; filename="{safe}.zip"'),
            ("Content-Security-Policy", "sandbox"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "private, no-store"),
        ],
        app_iter=body if wrapper is None else wrapper(body, CHUNK),
    )


def build(visit: Visit) -> Response:
    """Has a zip built that nobody has asked for before."""
    with visit.reading() as services:
        dist_id = _version(visit, services).dist_id
    if dist_id is None:
        raise Conflict("This version has no zip: it is made of what it requires alone.")
    Dists(visit.runtime).want(dist_id)
    visit.say("It is being built. Open this page again in a moment.")
    return visit.go("package-zip", package=visit.number("package"), version=visit.number("version"))


def _page(name: str, path: str, template: str, permission: Permission, **views: object) -> Page:
    return Page(
        name=name,
        path=f"/admin/packages/{{package}}/versions{path}",
        template=f"packages/{template}.jinja2" if template else "",
        permission=permission,
        section="packages",
        target=find,
        **views,  # type: ignore[arg-type]
    )


PAGES = (
    _page("package-versions", "", "versions", Permission.READ, show=index),
    _page("package-version", "/{version}", "version", Permission.READ, show=show),
    _page("package-zip", "/{version}/zip", "zip", Permission.READ, show=show_zip, submit=build),
    _page(
        "version-yank", "/{version}/yank", "yank", Permission.MAINTAIN, show=show_yank, submit=yank
    ),
    _page("version-restore", "/{version}/restore", "", Permission.MAINTAIN, submit=restore),
)
