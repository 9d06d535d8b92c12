"""The people: list, one, add, edit, rights, password, second factor, remove."""

from typing import Any

from pyramid.response import Response
from sqlalchemy import ColumnElement, false, func, select

from packistry.errors import Invalid
from packistry.inputs import NewPassword, NewUser, UserChange
from packistry.models import AuthenticationSource, IdentityLink, Role, Token, User
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.reach import Reach
from packistry.services.second_factors import Standing
from packistry.web.admin import rights
from packistry.web.admin.tokens import abilities, state_of
from packistry.web.listing import listing, mentions
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

ROLES = (
    (Role.USER.value, "User", "Sees and installs what is granted, and what is public"),
    (Role.ADMIN.value, "Administrator", "May do everything here"),
)
PASSWORD = "password"  # noqa: S105 - a word


def find(visit: Visit, services: Services) -> User:
    """The person in the path. Raises NotFound."""
    return services.users.at(visit.number("user"))


def index(visit: Visit, services: Services) -> Shown:
    """All of them."""
    query = select(User).where(
        *mentions(visit.query("q"), User.name, User.email), *_narrowed(visit, services)
    )
    rows = listing(
        visit,
        services.session,
        query,
        sorts={
            "name": func.lower(User.name),
            "role": User.role,
            "since": User.created_at,
        },
        sort="name",
        unique=User.id,
        filters=("role", "state", "by", "factor"),
    )
    people = [user for (user,) in rows.rows]
    return {
        "listing": rows,
        "links": _links(services, people),
        "standings": services.second_factors.standings(people),
        "by": [(str(source.id), source.name) for source in _sources(services)],
    }


def _narrowed(visit: Visit, services: Services) -> list[ColumnElement[bool]]:
    role, state, by = visit.query("role"), visit.query("state"), visit.query("by")
    wanted: list[ColumnElement[bool]] = []
    if role:
        wanted.append(User.role == role if role in list(Role) else false())
    if factor := visit.query("factor"):
        known = factor in list(Standing)
        wanted.append(services.second_factors.stands(Standing(factor)) if known else false())
    if state:
        wanted.append(User.active.is_(state != "off"))
    if by == PASSWORD:
        wanted.append(User.password_hash != "")
    elif by:
        source = int(by) if by.isascii() and by.isdigit() and len(by) < 10 else 0
        wanted.append(
            User.id.in_(select(IdentityLink.user_id).where(IdentityLink.source_id == source))
        )
    return wanted


def _sources(services: Services) -> list[AuthenticationSource]:
    query = select(AuthenticationSource).order_by(AuthenticationSource.name)
    return list(services.session.scalars(query))


def _links(services: Services, people: list[User]) -> dict[int, list[str]]:
    """The names of the sources that people sign in at, by their number."""
    query = (
        select(IdentityLink.user_id, AuthenticationSource.name)
        .join(AuthenticationSource, AuthenticationSource.id == IdentityLink.source_id)
        .where(IdentityLink.user_id.in_([user.id for user in people]))
        .order_by(AuthenticationSource.name)
    )
    found: dict[int, list[str]] = {}
    for user_id, name in services.session.execute(query):
        found.setdefault(user_id, []).append(name)
    return found


def show(visit: Visit, services: Services) -> Shown:
    """One: how they get in, what they may, their tokens."""
    user = find(visit, services)
    tokens = select(Token).where(Token.user_id == user.id, Token.revoked_at.is_(None))
    links = select(IdentityLink).where(IdentityLink.user_id == user.id)
    grants = services.grants.of(user)
    given_by = {
        source.id: source.name
        for source in _sources(services)
        if any(grant.given_by == source.id for grant in grants)
    }
    return {
        "user": user,
        "grants": grants,
        "given_by": given_by,
        "links": services.session.scalars(links.order_by(IdentityLink.id)).all(),
        "sessions": services.sessions.of(user),
        "factor": services.second_factors.of(user),
        "standing": services.second_factors.standings([user])[user.id],
        "tokens": [
            (token, state_of(token))
            for token in services.session.scalars(tokens.order_by(Token.id.desc()))
        ],
        "abilities": abilities,
    }


def show_add(visit: Visit, services: Services) -> Shown:  # noqa: ARG001 - as pages ask for it
    """The form for somebody new."""
    return {"user": None, "roles": ROLES, "form": visit.form(role=Role.USER.value)}


def add(visit: Visit) -> Response:
    """Lets them in."""
    password = visit.secret("password") if visit.text("password") else None
    new = visit.read(
        NewUser,
        name=visit.text("name"),
        email=visit.text("email"),
        role=visit.text("role"),
        password=password,
    )
    with visit.change() as services:
        number = services.users.add(new).id
    visit.say(f"{new.name} is added.")
    return visit.go("member", user=number)


def show_edit(visit: Visit, services: Services) -> Shown:
    """The form with what they are now."""
    user = find(visit, services)
    form = visit.form(
        name=user.name, email=user.email, role=user.role.value, active=_word(user.active)
    )
    return {"user": user, "roles": ROLES, "form": form}


def edit(visit: Visit) -> Response:
    """Changes them. With another role or access they are signed out everywhere."""
    with visit.reading() as services:
        has_email = find(visit, services).email is not None
    email = visit.text("email")
    change = visit.read(
        UserChange,
        name=visit.text("name"),
        email=email if email or has_email else None,
        role=visit.text("role"),
        active=visit.text("active"),
    )
    with visit.change() as services:
        user = find(visit, services)
        # To write down that it was decided by hand, only if it was.
        if user.active == change.active:
            change = change.model_copy(update={"active": None})
        services.users.edit(user, change)
    visit.say("Saved.")
    return visit.go("member", user=visit.number("user"))


def show_rights(visit: Visit, services: Services) -> Shown:
    """The tree with what was granted by hand."""
    user = find(visit, services)
    return {
        "user": user,
        "branches": Reach(services.session, visit.actor).tree(user),
        "form": visit.form(grant=rights.chosen(services, user)),
    }


def change_rights(visit: Visit) -> Response:
    """From the next request on they, and their tokens, may this and no more."""
    wanted = rights.entered(visit)
    with visit.change() as services:
        Reach(services.session, visit.actor).grant(find(visit, services), wanted)
    visit.say("Saved. It counts from the next request on, for their tokens too.")
    return visit.go("member", user=visit.number("user"))


def show_password(visit: Visit, services: Services) -> Shown:
    """The form for another password."""
    return {"user": find(visit, services), "form": visit.form()}


def reset_password(visit: Visit) -> Response:
    """They sign in with this one alone, and are signed out everywhere."""
    new = visit.read(NewPassword, password=visit.secret("password"))
    with visit.change() as services:
        user = find(visit, services)
        services.users.reset_password(user, new.password)
        name = user.name
    visit.say(f"{name} signs in with the new password from now on.")
    return visit.go("member", user=visit.number("user"))


def show_second_factor(visit: Visit, services: Services) -> Shown:
    """What it means to take it away."""
    user = find(visit, services)
    factor = services.second_factors.of(user)
    if factor is None:
        return _without(visit, user)
    return {
        "user": user,
        "factor": factor,
        "demanded": services.second_factors.demanded(user),
        "sessions": len(services.sessions.of(user)),
    }


def take_second_factor(visit: Visit) -> Response:
    """For whoever lost their telephone and recovery codes. They are signed out everywhere."""
    with visit.change() as services:
        user = find(visit, services)
        if services.second_factors.of(user) is None:
            return _without(visit, user)
        services.second_factors.reset(user)
        services.audit.note("user.second-factor-off", user)
        name = user.name
    visit.say(f"{name} signs in with the password alone, until they set another up.")
    return visit.go("member", user=visit.number("user"))


def _without(visit: Visit, user: User) -> Response:
    visit.say(f"{user.name} has no second factor.")
    return visit.go("member", user=user.id)


def show_remove(visit: Visit, services: Services) -> Shown:
    """What ends with it."""
    user = find(visit, services)
    tokens = select(func.count()).where(Token.user_id == user.id, Token.revoked_at.is_(None))
    return {
        "user": user,
        "tokens": services.session.scalar(tokens) or 0,
        "sessions": len(services.sessions.of(user)),
    }


def remove(visit: Visit) -> Response:
    """Removes them, once their address or name was typed."""
    with visit.change() as services:
        user = find(visit, services)
        label = user.label
        if visit.text("sure").strip() != label:
            raise Invalid(f"Type {label} to remove this person.", field="sure")
        services.users.remove(user)
    visit.say(f"{label} is removed, signed out everywhere, and their tokens open nothing.")
    return visit.go("members")


def _word(active: bool) -> str:
    return "true" if active else "false"


def _page(name: str, path: str, template: str, **rest: Any) -> Page:
    return Page(
        name=name,
        path=f"/admin/members/{{user}}{path}",
        permission=Permission.ADMINISTER,
        template=f"members/{template}.jinja2",
        section="members",
        target=find,
        **rest,
    )


PAGES = (
    Page(
        name="members",
        path="/admin/members",
        permission=Permission.ADMINISTER,
        template="members/index.jinja2",
        show=index,
    ),
    Page(
        name="member-add",
        path="/admin/members/add",
        permission=Permission.ADMINISTER,
        template="members/form.jinja2",
        section="members",
        show=show_add,
        submit=add,
        proof=True,
    ),
    _page("member", "", "show", show=show),
    _page("member-edit", "/edit", "form", show=show_edit, submit=edit, proof=True),
    _page("member-rights", "/rights", "reach", show=show_rights, submit=change_rights),
    _page(
        "member-password",
        "/password",
        "password",
        show=show_password,
        submit=reset_password,
        proof=True,
    ),
    _page(
        "member-second-factor",
        "/second-factor",
        "second_factor",
        show=show_second_factor,
        submit=take_second_factor,
        proof=True,
    ),
    _page("member-remove", "/remove", "remove", show=show_remove, submit=remove, proof=True),
)
