"""The repositories: list, one with its Composer commands, add, edit, publish, remove.

This module is the model for the others: see docs/web.md.
"""

from collections.abc import Mapping

from pyramid.response import Response
from sqlalchemy import func, select

from packistry.errors import Invalid
from packistry.inputs import NewRepository, RepositoryChange
from packistry.models import Package, Repository, TagPolicy
from packistry.services import Services
from packistry.services.access import Permission, enterable, readable
from packistry.services.snippets import repository_commands, token_commands
from packistry.web.listing import listing, mentions
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit
from packistry.wording import plural

SHOWN_PACKAGES = 8
KEPT_SECONDS = 60
PLACEHOLDER = "YOUR-TOKEN"


def find(visit: Visit, services: Services) -> Repository:
    """The repository in the path. Raises NotFound."""
    return services.repositories.at(visit.number("repository"))


def index(visit: Visit, services: Services) -> Shown:
    """Those that they may enter."""
    number = (
        select(func.count())
        .where(Package.repository_id == Repository.id, readable(visit.actor))
        .correlate(Repository)
        .scalar_subquery()
    )
    query = select(Repository).where(
        enterable(visit.actor),
        *mentions(visit.query("q"), Repository.name, Repository.path, Repository.description),
    )
    rows = listing(
        visit,
        services.session,
        query,
        sorts={
            "name": func.lower(Repository.name),
            "path": Repository.path,
            "packages": number,
        },
        sort="name",
        unique=Repository.id,
    )
    return {
        "listing": rows,
        "packages": _packages(visit, services),
        "may_add": visit.actor.admin,
    }


def _packages(visit: Visit, services: Services) -> Mapping[int, int]:
    """How many packages they may read in each repository, by its id."""
    key = ("packages of repositories", visit.actor.user_id, visit.request.parts.reads.generation())
    query = (
        select(Package.repository_id, func.count())
        .where(readable(visit.actor))
        .group_by(Package.repository_id)
    )
    return visit.kept.get(
        key, KEPT_SECONDS, lambda: {row[0]: row[1] for row in services.session.execute(query)}
    )


def show(visit: Visit, services: Services) -> Shown:
    """One, with what to paste so that Composer uses it."""
    repository = find(visit, services)
    mine = Package.repository_id == repository.id, readable(visit.actor)
    bearer, basic = token_commands(visit.base_url, PLACEHOLDER)
    may_maintain = visit.may(services, Permission.MAINTAIN, repository)
    return {
        "repository": repository,
        "commands": repository_commands(visit.base_url, repository),
        "bearer": bearer,
        "basic": basic,
        "packages": services.session.scalars(
            select(Package).where(*mine).order_by(Package.name).limit(SHOWN_PACKAGES)
        ).all(),
        "total": _packages(visit, services).get(repository.id, 0),
        "may_edit": visit.may(services, Permission.ADMINISTER),
        "may_maintain": may_maintain,
        "maintainers": [user for user, _ in services.grants.maintainers(repository)]
        if may_maintain
        else [],
    }


def show_add(visit: Visit, services: Services) -> Shown:
    """The form for a new one."""
    root = services.repositories.find("")
    return {
        "form": visit.form(public="", tag_policy=TagPolicy.PROTECT.value),
        "repository": None,
        "needs_path": root is not None,
    }


def add(visit: Visit) -> Response:
    """Makes it."""
    new = visit.read(
        NewRepository, **_entered(visit), path=visit.text("path"), public=visit.ticked("public")
    )
    with visit.change() as services:
        made = services.repositories.add(new)
        number = made.id
    visit.say(f"{new.name} is ready. Add packages to it, then paste its commands into a project.")
    return visit.go("repository", repository=number)


def show_edit(visit: Visit, services: Services) -> Shown:
    """The form with what it is now."""
    repository = find(visit, services)
    return {
        "form": visit.form(
            name=repository.name,
            path=repository.path,
            description=repository.description,
            reserved_vendors=repository.reserved_vendors,
            tag_policy=repository.tag_policy.value,
        ),
        "repository": repository,
        "needs_path": repository.path != "" and services.repositories.find("") is not None,
    }


def edit(visit: Visit) -> Response:
    """Changes it. Another path makes its documents stale: the scheduler renders them anew."""
    change = visit.read(RepositoryChange, **_entered(visit), path=visit.text("path"))
    with visit.change() as services:
        repository = find(visit, services)
        moved = repository.path != change.path
        services.repositories.edit(repository, change)
    visit.say(
        "Saved. Its address has changed: tell every project that uses it." if moved else "Saved."
    )
    return visit.go("repository", repository=visit.number("repository"))


def show_visibility(visit: Visit, services: Services) -> Shown:
    """What it means to open or to close it."""
    repository = find(visit, services)
    return {"repository": repository, "size": services.repositories.size(repository)}


def change_visibility(visit: Visit) -> Response:
    """Public becomes private and the other way round, as the form said."""
    public = visit.text("public") == "yes"
    with visit.change() as services:
        repository = find(visit, services)
        services.repositories.edit(repository, RepositoryChange(public=public))
        name = repository.name
    visit.say(
        f"Everybody may read {name} now." if public else f"{name} can be read with a grant only."
    )
    return visit.go("repository", repository=visit.number("repository"))


def show_remove(visit: Visit, services: Services) -> Shown:
    """What is lost with it."""
    repository = find(visit, services)
    return {"repository": repository, "size": services.repositories.size(repository)}


def remove(visit: Visit) -> Response:
    """Removes it once its name was typed."""
    with visit.change() as services:
        repository = find(visit, services)
        name, size = repository.name, services.repositories.size(repository)
        if visit.text("sure").strip() != name:
            raise Invalid(f"Type the name of the repository, {name}, to remove it.", field="sure")
        services.repositories.remove(repository)
    visit.say(f"{name} is removed" + (f" with {plural(size, 'package')}." if size else "."))
    return visit.go("repositories")


def _entered(visit: Visit) -> dict[str, object]:
    return {
        "name": visit.text("name"),
        "description": visit.text("description"),
        "reserved_vendors": visit.text("reserved_vendors").replace(",", " ").split(),
        "tag_policy": visit.text("tag_policy"),
    }


PAGES = (
    Page(
        name="repositories",
        path="/admin/repositories",
        permission=Permission.PERSON,
        template="repositories/index.jinja2",
        show=index,
    ),
    Page(
        name="repository-add",
        path="/admin/repositories/add",
        permission=Permission.ADMINISTER,
        template="repositories/form.jinja2",
        section="repositories",
        show=show_add,
        submit=add,
    ),
    Page(
        name="repository",
        path="/admin/repositories/{repository}",
        permission=Permission.READ,
        template="repositories/show.jinja2",
        section="repositories",
        target=find,
        show=show,
    ),
    Page(
        name="repository-edit",
        path="/admin/repositories/{repository}/edit",
        permission=Permission.ADMINISTER,
        template="repositories/form.jinja2",
        section="repositories",
        target=find,
        show=show_edit,
        submit=edit,
    ),
    Page(
        name="repository-visibility",
        path="/admin/repositories/{repository}/visibility",
        permission=Permission.ADMINISTER,
        template="repositories/visibility.jinja2",
        section="repositories",
        target=find,
        show=show_visibility,
        submit=change_visibility,
    ),
    Page(
        name="repository-remove",
        path="/admin/repositories/{repository}/remove",
        permission=Permission.ADMINISTER,
        template="repositories/remove.jinja2",
        section="repositories",
        target=find,
        show=show_remove,
        submit=remove,
    ),
)
