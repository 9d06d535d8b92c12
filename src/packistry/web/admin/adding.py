"""Adding packages: from projects of a source, found while one types, or by upload of a zip."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import SEEK_END
from itertools import islice
from typing import Any, BinaryIO

from pyramid.response import Response
from sqlalchemy import select

from packistry import plugin
from packistry.errors import ConfigurationError, Conflict, Forbidden, Invalid, NotFound
from packistry.inputs import NewPackage
from packistry.inputs.many import ManyProjects
from packistry.models import Package, Project, Repository
from packistry.plugin import PluginError, SourceProvider
from packistry.services import Services
from packistry.services.access import Permission, manages
from packistry.services.quotas import BeyondQuota, QuotaUsed, Uploader, counting
from packistry.services.sources import contained
from packistry.services.uploads import Uploads
from packistry.web import filters
from packistry.web.admin.packages import as_number
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit
from packistry.wording import plural

SHOWN = 50
MOST_AT_ONCE = 200
INHERIT = "inherit"
ALL = "all"
LARGEST = 8 * 1024 * 1024 * 1024
"""More than any server lets in: what may be uploaded is a setting, which the server heeds."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a source was asked: its projects, whether there are more, or why it did not say."""

    projects: Sequence[plugin.Project]
    more: bool
    refused: str = ""


def look(visit: Visit) -> Found | None:
    """The projects of the source that was chosen; None while none is, and where it lists none."""
    with visit.reading() as services:
        source = _chosen(visit, [each.id for each in services.sources.all()], "source")
        if source is None:
            return None
        try:
            make = services.context.lister(services.sources.at(source))
        except Conflict:
            return None
        except ConfigurationError as error:
            return Found(projects=(), more=False, refused=str(error))
    words = (visit.query("q") or visit.text("q")).strip()

    def listed() -> list[plugin.Project]:
        provider: SourceProvider[Any] = make()
        return list(islice(provider.projects(words), SHOWN + 1))

    try:
        found = contained("listing", listed)
    except (PluginError, NotFound, ConfigurationError) as error:
        return Found(projects=(), more=False, refused=str(error))
    return Found(projects=found[:SHOWN], more=len(found) > SHOWN)


def _chosen(visit: Visit, ids: Sequence[int], name: str) -> int | None:
    """The one that is asked for, else the only or first one there is."""
    asked = as_number(visit.query(name) or visit.text(name))
    return asked if asked in ids else ids[0] if ids else None


def show(visit: Visit, services: Services) -> Shown:
    """The projects to choose from, those marked that are there."""
    repositories = _repositories(visit, services)
    sources = services.sources.all()
    repository = _chosen(visit, [each.id for each in repositories], "repository")
    source = _chosen(visit, [each.id for each in sources], "source")
    found: Found = visit.learnt or Found(projects=(), more=False)
    return {
        "repositories": repositories,
        "sources": sources,
        "repository": repository,
        "source": source,
        "provider": next(
            (
                services.context.plugins.source_providers.get(each.provider)
                for each in sources
                if each.id == source
            ),
            None,
        ),
        "found": found,
        "there": _there(services, repository, source, found.projects),
        "words": visit.query("q") or visit.text("q"),
        "lists": filters.FIELDS,
        "keep_help": filters.KEEP_HELP,
        "form": visit.form(
            webhook="yes",
            dists=INHERIT,
            tag_policy=INHERIT,
            patterns="*",
            project=(),
        ),
    }


def _repositories(visit: Visit, services: Services) -> Sequence[Repository]:
    query = select(Repository).where(manages(visit.actor)).order_by(Repository.name)
    return services.session.scalars(query).all()


def _there(
    services: Services,
    repository: int | None,
    source: int | None,
    projects: Sequence[plugin.Project],
) -> dict[str, int]:
    """By the host's id of a project: the package that is made from it already."""
    rows = services.session.execute(
        select(Project.external_id, Package.id)
        .join(Package, Package.project_id == Project.id)
        .where(
            Package.repository_id == repository,
            Project.source_id == source,
            Project.external_id.in_([each.id for each in projects]),
        )
        .order_by(Package.id.desc())
    )
    return {row.external_id: row.id for row in rows}


def add(visit: Visit) -> Response:
    """A package for each project chosen or named; or for all that fit."""
    if visit.text("what") == ALL:
        return _add_all(visit)
    wanted = dict.fromkeys([*visit.texts("project"), *visit.text("addresses").split()])
    if not wanted:
        raise Invalid("Choose at least one project.", field="addresses")
    if len(wanted) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} at once.", field="addresses")
    new = _how(visit)
    numbers = as_number(visit.text("repository")), as_number(visit.text("source"))
    with visit.reading() as services:
        _managed(visit, services, numbers[0])
        try:
            make = services.context.provider_maker(services.sources.at(numbers[1]))
        except ConfigurationError as error:
            raise Invalid(str(error), field="source") from None

    def projects() -> list[plugin.Project]:
        provider: SourceProvider[Any] = make()
        return [provider.project(each) for each in wanted]

    try:
        found = contained("look at projects", projects)
    except (NotFound, ConfigurationError) as error:
        raise Invalid(str(error), field="source") from None
    with visit.change() as services:
        repository = _managed(visit, services, numbers[0])
        source = services.sources.at(numbers[1])
        added = services.packages.add(repository, source, found, new)
        syncs = [sync.id for _, sync in added]
        name = repository.name
    if len(syncs) == 1:
        return visit.go("import", sync=syncs[0])
    visit.say(f"{plural(len(syncs), 'package')} are being imported into {name}.")
    return visit.go("imports")


def _add_all(visit: Visit) -> Response:
    """Has a job go through the source, which may take its time."""
    new = _how(visit)
    if new.subdirectory:
        raise Invalid("A folder is one of a project that you choose.", field="subdirectory")
    patterns = visit.text("patterns").split()
    if not patterns:
        raise Invalid("Say which projects: * is all of them.", field="patterns")
    many = visit.read(ManyProjects, patterns=patterns, archived=visit.ticked("archived"))
    with visit.change() as services:
        repository = _managed(visit, services, as_number(visit.text("repository")))
        source = services.sources.at(as_number(visit.text("source")))
        row = services.bulk_imports.start(repository, source, new, many, visit.author)
        note = f"{', '.join(many.patterns)} of {source.name}"
        services.audit.note("repository.bulk-import", repository, note=note)
        number = row.id
    return visit.go("bulk-import", bulk=number)


def _how(visit: Visit) -> NewPackage:
    """How what is added is imported."""
    said = {name: visit.text(name) for name in ("dists", "tag_policy", "keep_dists")}
    own = {name: None if value.strip() in ("", INHERIT) else value for name, value in said.items()}
    return visit.read(
        NewPackage,
        subdirectory=visit.text("subdirectory"),
        webhook=visit.ticked("webhook"),
        **own,
        **filters.entered(visit, blank=None),
    )


def _managed(visit: Visit, services: Services, number: int) -> Repository:
    """Raises Forbidden unless they maintain it."""
    repository = services.repositories.at(number)
    if not visit.may(services, Permission.MAINTAIN, repository):
        raise Forbidden("Only the maintainers of a repository, and administrators, may do this.")
    return repository


def show_upload(visit: Visit, services: Services) -> Shown:
    """The form."""
    repositories = _repositories(visit, services)
    return {
        "repositories": repositories,
        "form": visit.form(
            repository=visit.query("repository") or (repositories[0].id if repositories else ""),
            version="",
        ),
        "most": visit.runtime.settings.max_archive_bytes,
    }


def upload(visit: Visit) -> Response:
    """A version of the package that the zip's composer.json names."""
    sent = visit.request.POST.get("file")
    stream: BinaryIO | None = getattr(sent, "file", None)
    if stream is None:
        raise Invalid("Choose a zip.", field="file")
    with stream:
        size = stream.seek(0, SEEK_END)
        if size > visit.runtime.settings.max_archive_bytes:
            raise Invalid("The zip is larger than this server takes.", field="file")
        with visit.reading() as services:
            repository = _managed(visit, services, as_number(visit.text("repository")))
            path = repository.path
        uploads = Uploads(visit.runtime, visit.author)
        name = uploads.named(stream)
        uploads.allow(path, name)
        try:
            with counting(visit.runtime, _counted(visit), size) as taken:
                version = visit.text("version")[:301]
                published = uploads.publish(path, name, stream, version=version)
                taken.stored = published.created
        except (BeyondQuota, QuotaUsed) as error:
            raise Invalid(str(error), field="file") from None
    known = "" if published.created else " It was there already."
    visit.say(f"{name} {published.name} is ready to be installed.{known}")
    return visit.go("package", package=published.package_id)


def _counted(visit: Visit) -> Uploader | None:
    """Whose uploads are counted; None where nobody's are."""
    limited = visit.runtime.settings.upload_bytes_a_day
    return Uploader(user_id=visit.who.user_id) if limited else None


PAGES = (
    Page(
        name="package-add",
        path="/admin/add-packages",
        permission=Permission.MAINTAIN,
        template="packages/add.jinja2",
        section="packages",
        ask=look,
        show=show,
        submit=add,
    ),
    Page(
        name="package-upload",
        path="/admin/upload",
        permission=Permission.MAINTAIN,
        template="packages/upload.jinja2",
        section="packages",
        show=show_upload,
        submit=upload,
        largest=LARGEST,
    ),
)
