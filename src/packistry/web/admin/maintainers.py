"""Who looks after a repository: the list, and the people to choose from."""

from collections.abc import Sequence

from pyramid.response import Response
from sqlalchemy import func, select

from packistry.errors import Invalid, NotFound
from packistry.models import AuthenticationSource, Grant, Repository, Role, User
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.grants import Rights
from packistry.web.admin.packages import as_number
from packistry.web.admin.repositories import find
from packistry.web.listing import mentions
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

SHOWN = 10


def show(visit: Visit, services: Services) -> Shown:
    """Those there are, and who else could be one."""
    repository = find(visit, services)
    maintainers = services.grants.maintainers(repository)
    people = _others(visit, services, repository)
    return {
        "repository": repository,
        "maintainers": [(user, _given_by(services, grants)) for user, grants in maintainers],
        "people": people[:SHOWN],
        "more": len(people) > SHOWN,
    }


def change(visit: Visit) -> Response:
    """What the button beside a person says."""
    wanted = visit.text("do")
    if wanted not in ("add", "remove"):
        raise Invalid("Choose what to do.")
    with visit.change() as services:
        repository = find(visit, services)
        try:
            user = services.users.at(as_number(visit.text("user")))
            if wanted == "add":
                services.grants.grant(user, repository, Rights(manage=True))
            else:
                services.grants.revoke(user, repository, Rights(manage=True))
        except NotFound as error:
            raise Invalid(str(error)) from None
        name, home = user.name, repository.name
    if wanted == "add":
        visit.say(f"{name} looks after {home} now.")
    else:
        visit.say(
            f"{name} is no maintainer of {home} any more, and may still read and write there."
        )
    return visit.go("repository-maintainers", repository=visit.number("repository"))


def _given_by(services: Services, grants: Sequence[Grant]) -> str:
    """The sign-in source that makes them one and will again; "" where none does."""
    number = next((each.given_by for each in grants if each.given_by is not None), None)
    source = None if number is None else services.session.get(AuthenticationSource, number)
    return "" if source is None else source.name


def _others(visit: Visit, services: Services, repository: Repository) -> Sequence[User]:
    there = select(Grant.user_id).where(
        Grant.repository_id == repository.id, Grant.can_manage, Grant.user_id.is_not(None)
    )
    query = (
        select(User)
        .where(
            User.active.is_(True),
            User.role != Role.ADMIN,
            User.id.not_in(there),
            *mentions(visit.query("q"), User.name, User.email),
        )
        .order_by(func.lower(User.name), User.id)
        .limit(SHOWN + 1)
    )
    return services.session.scalars(query).all()


PAGES = (
    Page(
        name="repository-maintainers",
        path="/admin/repositories/{repository}/maintainers",
        permission=Permission.ADMINISTER,
        template="repositories/maintainers.jinja2",
        section="repositories",
        target=find,
        show=show,
        submit=change,
    ),
)
