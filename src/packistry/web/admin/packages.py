"""The packages: list, one with all there is to know of it, look again, edit, decide, remove."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyramid.response import Response
from sqlalchemy import ColumnElement, Text, exists, func, select, type_coerce

from packistry.database import distinct_values
from packistry.errors import Conflict, Invalid, NotFound
from packistry.inputs import PackageChange, package_name
from packistry.models import Dists, Package, Repository, TagPolicy
from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission, enterable, manages, readable
from packistry.services.conditions import Condition, conditions
from packistry.services.search import rare
from packistry.web import filters
from packistry.web.charts import Spark, spark
from packistry.web.listing import Counting, listing, mentions, words_of
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

WEEKS = 12
UPLOADS = "uploads"
INHERIT = "inherit"
KEPT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Row:
    """A package in the list."""

    package: Package
    repository: Repository
    condition: Condition
    latest: str
    installs: Spark
    changed: datetime | None
    mine: bool


def find(visit: Visit, services: Services) -> Package:
    """The package in the path. Raises NotFound."""
    return services.packages.at(visit.number("package"))


def index(visit: Visit, services: Services) -> Shown:
    """Those that they may read."""
    first = now().date() - timedelta(days=7 * WEEKS - 1)
    home = (
        select(func.lower(Repository.name))
        .where(Repository.id == Package.repository_id)
        .correlate(Package)
        .scalar_subquery()
    )
    words = words_of(visit.query("q"))
    few = rare(services.session, words)
    # Only the numbers: what is told of a package is looked up for those of one page.
    query = select(Package.id).where(readable(visit.actor), *_wanted(visit))
    if few is not None:
        query = query.where(few)
    found = listing(
        visit,
        services.session,
        query,
        sorts={
            "name": Package.name,
            "repository": home,
            "installs": Package.quarter_downloads,
            "changed": Package.modified,
        },
        sort="name",
        unique=Package.id,
        filters=("repository", "source", "type"),
        counting=_counting(words, few),
    )
    rows = _rows(visit, services, [row.id for row in found.rows], first)
    return {
        "listing": found,
        "rows": rows,
        "may_pick": any(row.mine for row in rows),
        "repositories": services.session.scalars(
            select(Repository).where(enterable(visit.actor)).order_by(Repository.name)
        ).all(),
        "sources": services.sources.all() if visit.actor.admin else [],
        "types": _types(visit, services),
        "may_add": visit.may(services, Permission.MAINTAIN),
    }


def _counting(words: Sequence[str], few: ColumnElement[bool] | None) -> Counting:
    if few is not None:
        return Counting.FETCHED
    # To look for words is to read packages.
    return Counting.AHEAD if words else Counting.ALL


def _wanted(visit: Visit) -> list[ColumnElement[bool]]:
    keywords = type_coerce(Package.keywords, Text)
    wanted = mentions(visit.query("q"), Package.name, Package.description, keywords)
    if repository := as_number(visit.query("repository")):
        wanted.append(Package.repository_id == repository)
    if (kind := visit.query("type")) != "":
        wanted.append(Package.type == kind)
    source = visit.query("source") if visit.actor.admin else ""
    if source == UPLOADS:
        wanted.append(Package.project_id.is_(None))
    elif number := as_number(source):
        wanted.append(Package.source_id == number)
    return wanted


def as_number(text: str) -> int:
    """A number of ours; 0 for what cannot be one."""
    # Longer ones are none, and some databases refuse them.
    return int(text[:9]) if text.isascii() and text.isdigit() else 0


def _types(visit: Visit, services: Services) -> Sequence[str]:
    key = ("types", visit.actor.user_id, visit.request.parts.reads.generation())
    types = distinct_values(Package.type)
    query = select(types.c.value).order_by(types.c.value)
    if not visit.actor.admin:
        query = query.where(
            exists().where(Package.type == types.c.value, readable(visit.actor)).correlate(types)
        )
    return visit.kept.get(key, KEPT_SECONDS, lambda: services.session.scalars(query).all())


def _rows(visit: Visit, services: Services, ids: Sequence[int], first: date) -> list[Row]:
    query = (
        select(Package, Repository)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.id.in_(ids))
    )
    by_id = {row.Package.id: row for row in services.session.execute(query)}
    found = [by_id[each] for each in ids]
    packages = [row.Package for row in found]
    state = conditions(services.session, packages)
    latest = services.versions.latest(ids)
    daily = services.versions.daily_of(ids, first)
    homes = {row.Repository.id for row in found}
    mine = set(
        services.session.scalars(
            select(Repository.id).where(Repository.id.in_(homes), manages(visit.actor))
        )
    )
    return [
        Row(
            package=row.Package,
            repository=row.Repository,
            condition=state[row.Package.id],
            latest=latest[row.Package.id].name if row.Package.id in latest else "",
            installs=spark(daily.get(row.Package.id, {}), first, WEEKS),
            changed=_moment(row.Package.modified),
            mine=row.Repository.id in mine,
        )
        for row in found
    ]


def _moment(modified: int) -> datetime | None:
    return datetime.fromtimestamp(modified, UTC) if modified else None


def sync(visit: Visit) -> Response:
    """A look at its project."""
    with visit.change() as services:
        package = find(visit, services)
        owed = services.packages.sync(package).id
        services.audit.note("package.synced", package)
    if visit.has("import"):
        return visit.go("import", sync=owed)
    visit.say("It will be looked at now.")
    return visit.go("package", package=visit.number("package"))


def show_edit(visit: Visit, services: Services) -> Shown:
    """The form with what it is now."""
    package = find(visit, services)
    here = package.abandoned_here
    return {
        **facts_of(package),
        "form": visit.form(
            dists=package.dists.value if package.dists else INHERIT,
            tag_policy=package.tag_policy.value if package.tag_policy else INHERIT,
            keep_dists=package.keep_dists,
            abandoned=INHERIT if here is None else "yes" if here else "no",
            replacement=here if isinstance(here, str) else "",
            **filters.shown(package),
        ),
        "lists": filters.FIELDS,
        "keep_help": filters.KEEP_HELP,
        "dists": _inherited_dists(package),
        "tag_policy": _inherited_policy(package),
    }


def _inherited_dists(package: Package) -> Dists | None:
    return package.project.source.dists if package.project else None


def _inherited_policy(package: Package) -> TagPolicy:
    source = package.project.source if package.project else None
    return (source and source.tag_policy) or package.repository.tag_policy


def edit(visit: Visit) -> Response:
    """Changes it."""
    change = visit.read(
        PackageChange,
        dists=visit.text("dists") or None,
        tag_policy=visit.text("tag_policy") or None,
        keep_dists=_kept(visit),
        abandoned=_abandoned(visit),
        **_lists(visit),
    )
    with visit.change() as services:
        services.packages.edit(find(visit, services), change)
    visit.say("Saved.")
    return visit.go("package", package=visit.number("package"))


def _kept(visit: Visit) -> str | None:
    """Only a package that is made from a project is asked for it; blank: as its source says."""
    asked = "keep_dists" in visit.request.POST
    return visit.text("keep_dists").strip() or INHERIT if asked else None


def _lists(visit: Visit) -> Mapping[str, Any]:
    """Only a package that is made from a project is asked for them."""
    asked = any(name in visit.request.POST for name, _ in filters.FIELDS)
    return filters.entered(visit, blank=INHERIT) if asked else {}


def replacement(visit: Visit) -> str:
    """The package to use instead, "" for none. Raises Invalid."""
    entered = visit.text("replacement").strip()
    try:
        return package_name(entered) if entered else ""
    except ValueError as error:
        raise Invalid(f"Replacement: {error}.", field="replacement") from None


def _abandoned(visit: Visit) -> bool | str:
    said, instead = visit.text("abandoned"), replacement(visit)
    if said == "yes":
        return instead or True
    if instead:
        raise Invalid(
            "Only a package that is abandoned has another in its place.", field="replacement"
        )
    return False if said == "no" else INHERIT


def decide(visit: Visit) -> Response:
    """A released tag that moved: take its new commit, or keep the old one."""
    version, commit = visit.text("version"), visit.text("commit")
    accepted = visit.text("decision") == "accept"
    with visit.change() as services:
        package = find(visit, services)
        decided = services.protection.accept if accepted else services.protection.refuse
        try:
            decided(package, version, commit=commit)
        except NotFound as error:
            raise Conflict(str(error)) from None
        action = "package.tag-accepted" if accepted else "package.tag-refused"
        services.audit.note(action, package, note=f"{version}: {commit}")
    said = f"{version} becomes what its tag points to." if accepted else f"{version} stays."
    visit.say(said)
    return visit.go("package", package=visit.number("package"))


def show_remove(visit: Visit, services: Services) -> Shown:
    """What is lost with it."""
    package = find(visit, services)
    return {**facts_of(package), "versions": len(services.versions.ordered(package))}


def remove(visit: Visit) -> Response:
    """Removes it once its name was typed."""
    with visit.change() as services:
        package = find(visit, services)
        name = called(package)
        if visit.text("sure").strip() != name:
            raise Invalid(f"Type the name of the package, {name}, to remove it.", field="sure")
        services.packages.remove(package)
    visit.say(f"{name} is removed.")
    return visit.go("packages")


def called(package: Package) -> str:
    """Its name, or what it will be made from until it has one."""
    if package.name:
        return package.name
    return package.project.path if package.project else f"number {package.id}"


def facts_of(package: Package) -> Mapping[str, Any]:
    """What every page about one package needs."""
    return {"package": package, "name": called(package), "repository": package.repository}


def _page(name: str, path: str, template: str = "", **options: Any) -> Page:
    return Page(
        name=name,
        path=f"/admin/packages/{{package}}{path}",
        template=f"packages/{template}.jinja2" if template else "",
        permission=options.pop("permission", Permission.MAINTAIN),
        section="packages",
        target=find,
        **options,
    )


PAGES = (
    Page(
        name="packages",
        path="/admin/packages",
        permission=Permission.PERSON,
        template="packages/index.jinja2",
        show=index,
    ),
    _page("package-sync", "/sync", submit=sync),
    _page("package-edit", "/edit", "edit", show=show_edit, submit=edit),
    _page("package-decide", "/decide", submit=decide),
    _page("package-remove", "/remove", "remove", show=show_remove, submit=remove),
)
