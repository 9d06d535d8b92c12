"""The people, in the API."""

from typing import Any

from sqlalchemy import func, select

from packistry.errors import Forbidden
from packistry.inputs import NewPassword, NewUser, UserChange, read
from packistry.inputs.rights import RightsChange
from packistry.models import Role, User
from packistry.services import Services, links
from packistry.services.access import Permission
from packistry.services.reach import Reach
from packistry.services.second_factors import Standing
from packistry.web.api import granting
from packistry.web.api.call import ApiVisit, calls_below
from packistry.web.api.granting import GrantBody
from packistry.web.api.paging import paged
from packistry.web.api.people import UserShape, user_shape, user_shapes
from packistry.web.api.shapes import (
    Body,
    ListQuery,
    Moment,
    NewSecret,
    Number,
    Paged,
    Shape,
    Words,
    list_query,
)
from packistry.web.listing import mentions

TAG = "Users"
MYSELF = "Nobody can remove or shut out themselves: have another administrator do it."

UserList = list_query("UserList", "name", "email", "role", second_factor=Standing)


class UserBody(Body):
    """A person to be let in. `grants` says more than the two lists, which give reading."""

    name: Words
    email: Words
    role: Role = Role.USER
    password: NewSecret | None = None
    repositories: list[Number] = []
    packages: list[Number] = []
    grants: list[GrantBody] | None = None


class UserPatch(Body):
    """What changes about a person; what is not sent stays.

    A list takes away the rights on what it does not name, and gives reading on what is new in it.
    """

    name: Words | None = None
    email: Words | None = None
    role: Role | None = None
    active: bool | None = None
    password: NewSecret | None = None
    repositories: list[Number] | None = None
    packages: list[Number] | None = None
    grants: list[GrantBody] | None = None


class LinkShape(Shape):
    """A one-time link with which somebody chooses a password. It is told this once."""

    url: str
    expires_at: Moment


def index(visit: ApiVisit, services: Services) -> Paged[UserShape]:
    """All of them."""
    asked: Any = visit.narrowed(ListQuery)
    query = select(User).where(*mentions(asked.search, User.name, User.email))
    if asked.second_factor is not None:
        query = query.where(services.second_factors.stands(asked.second_factor))
    return paged(
        visit,
        services.session,
        query,
        sorts={
            "name": func.lower(User.name),
            "email": func.coalesce(User.email, ""),
            "role": User.role,
        },
        unique=User.id,
        shapes=lambda rows: user_shapes(services, [row.User for row in rows]),
    )


def show(visit: ApiVisit, services: Services) -> UserShape:
    """One of them."""
    return user_shape(services, services.users.at(visit.number("id")))


def add(visit: ApiVisit) -> UserShape:
    """Lets somebody in."""
    sent = visit.body(UserBody)
    new = read(NewUser, name=sent.name, email=sent.email, role=sent.role, password=sent.password)
    wanted = granting.listed(sent.repositories, sent.packages)
    if sent.grants is not None:
        wanted = granting.one_by_one(sent.grants)
    with visit.change() as services:
        user = services.users.add(new)
        Reach(services.session, visit.actor).grant(user, wanted)
        return user_shape(services, user)


def edit(visit: ApiVisit) -> UserShape:
    """Changes what is known of them, their password, and what they may."""
    sent = visit.body(UserPatch)
    facts: dict[str, Any] = sent.model_dump(include={"name", "email", "role", "active"})
    change = read(UserChange, **facts)
    password = None if sent.password is None else read(NewPassword, password=sent.password)
    with visit.change() as services:
        user = services.users.at(visit.number("id"))
        if sent.active is False:
            _not_myself(visit, user)
        services.users.edit(user, change)
        if password is not None:
            services.users.reset_password(user, password.password)
        wanted = _wanted(services, user, sent)
        if wanted is not None:
            Reach(services.session, visit.actor).grant(user, wanted)
        return user_shape(services, user)


def _wanted(services: Services, user: User, sent: UserPatch) -> RightsChange | None:
    if sent.grants is not None:
        return granting.one_by_one(sent.grants)
    if sent.repositories is None and sent.packages is None:
        return None
    return granting.kept(services, user, sent.repositories, sent.packages)


def remove(visit: ApiVisit) -> UserShape:
    """With their tokens and sessions."""
    with visit.change() as services:
        user = services.users.at(visit.number("id"))
        _not_myself(visit, user)
        told = user_shape(services, user)
        services.users.remove(user)
        return told


def reset_second_factor(visit: ApiVisit) -> None:
    """For who lost it. They are signed out."""
    with visit.change() as services:
        user = services.users.at(visit.number("id"))
        services.second_factors.reset(user)
        services.audit.note("user.second-factor-off", user)


def link(visit: ApiVisit) -> LinkShape:
    """For whoever has no password yet, or lost it; links before it are void."""
    with visit.change() as services:
        user = services.users.at(visit.number("id"))
        token = services.links.hand_over(user)
        services.audit.note("user.link-made", user)
        made = services.links.get(token)
        return LinkShape(url=links.address(visit.base_url, token), expires_at=made.expires_at)


def _not_myself(visit: ApiVisit, user: User) -> None:
    if user.id == visit.user_id:
        raise Forbidden(MYSELF)


_call = calls_below("/users", tag=TAG, permission=Permission.ADMINISTER)

CALLS = (
    _call("users", "GET", "", "All users", query=UserList, returns=Paged[UserShape], show=index),
    _call(
        "user-add",
        "POST",
        "",
        "Let somebody in",
        body=UserBody,
        returns=UserShape,
        status=201,
        do=add,
        proof=True,
    ),
    _call("user", "GET", "/{id}", "One user", returns=UserShape, show=show),
    _call(
        "user-edit",
        "PATCH",
        "/{id}",
        "Change a user",
        also=("PUT",),
        body=UserPatch,
        returns=UserShape,
        do=edit,
        proof=True,
    ),
    _call(
        "user-link",
        "POST",
        "/{id}/link",
        "Make a one-time link with which a user chooses a password",
        returns=LinkShape,
        status=201,
        do=link,
        proof=True,
    ),
    _call(
        "user-remove",
        "DELETE",
        "/{id}",
        "Remove a user with their tokens and sessions",
        returns=UserShape,
        do=remove,
        proof=True,
    ),
    _call(
        "user-second-factor-remove",
        "DELETE",
        "/{id}/second-factor",
        "Take the second factor from a user who lost it; absent is fine",
        do=reset_second_factor,
        proof=True,
    ),
)
