"""One's own page: name, password, browsers that are signed in, tokens, theme."""

from pyramid.response import Response
from sqlalchemy import func, select

from packistry.errors import Conflict, Forbidden, Invalid
from packistry.inputs import NewPassword, UserChange
from packistry.models import Token, TokenKind, User
from packistry.services import Services, sign_in
from packistry.services.access import Permission
from packistry.web.admin.tokens import abilities, state_of
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

SHOWN_TOKENS = 10
OTHERS = "others"


def me(visit: Visit, services: Services) -> User:
    """Whoever is signed in."""
    return services.users.at(visit.who.user_id)


def show(visit: Visit, services: Services) -> Shown:
    """All of it."""
    user = me(visit, services)
    mine = select(Token).where(
        Token.kind == TokenKind.PERSONAL, Token.user_id == user.id, Token.revoked_at.is_(None)
    )
    newest = mine.order_by(Token.id.desc()).limit(SHOWN_TOKENS)
    count = select(func.count()).select_from(mine.subquery())
    return {
        "user": user,
        "sessions": services.sessions.of(user),
        "tokens": [(token, state_of(token)) for token in services.session.scalars(newest)],
        "abilities": abilities,
        "tokens_total": services.session.scalar(count) or 0,
    }


def show_name(visit: Visit, services: Services) -> Shown:
    """The form with the name now."""
    return {"form": visit.form(name=me(visit, services).name)}


def change_name(visit: Visit) -> Response:
    """What people call them."""
    change = visit.read(UserChange, name=visit.text("name"))
    with visit.change() as services:
        services.users.edit(me(visit, services), change)
    visit.say("Saved.")
    return visit.go("profile")


def show_password(visit: Visit, services: Services) -> Shown:
    """The form, which asks for the present password where there is one."""
    user = me(visit, services)
    if not user.password_hash:
        # There is no present one to ask for.
        visit.demand_proof()
    return {"form": visit.form(), "user": user}


def change_password(visit: Visit) -> Response:
    """Another password, once the present one was right. Other browsers are signed out."""
    with visit.reading() as services:
        user = me(visit, services)
        email, has_one = user.email, bool(user.password_hash)
    if not email:
        raise Conflict("You have no e-mail address here that you could sign in with a password as.")
    new = visit.read(NewPassword, password=visit.secret("password"))
    if not has_one:
        visit.demand_proof()
    else:
        _check(visit, email)
    with visit.change() as services:
        user = me(visit, services)
        services.users.reset_password(user, new.password, but=visit.who.session_id)
    visit.say("The new password counts. Everywhere else you are signed out.")
    return visit.go("profile")


def _check(visit: Visit, email: str) -> None:
    try:
        sign_in.prove(visit.runtime, visit.author, email, visit.secret("current"), visit.address)
    except Forbidden:
        raise Invalid("This is not your present password.", field="current") from None


def end_session(visit: Visit) -> Response:
    """Signs one browser out, or all others."""
    chosen = visit.text("session")
    if chosen != OTHERS and not (chosen.isascii() and chosen.isdigit() and len(chosen) < 10):
        raise Invalid("Choose a session of the list on your page.")
    with visit.change() as services:
        user = me(visit, services)
        if chosen == OTHERS:
            services.sessions.end_all(user, but=visit.who.session_id)
        else:
            services.sessions.revoke(user, int(chosen))
        services.audit.note("sign-in.revoked", user)
    visit.say("All others are signed out." if chosen == OTHERS else "It is signed out.")
    return visit.go("profile")


PAGES = (
    Page(
        name="profile",
        path="/admin/profile",
        permission=Permission.PERSON,
        template="profile/show.jinja2",
        show=show,
    ),
    Page(
        name="profile-name",
        path="/admin/profile/name",
        permission=Permission.PERSON,
        template="profile/name.jinja2",
        section="profile",
        show=show_name,
        submit=change_name,
    ),
    Page(
        name="profile-password",
        path="/admin/profile/password",
        permission=Permission.PERSON,
        template="profile/password.jinja2",
        section="profile",
        show=show_password,
        submit=change_password,
    ),
    Page(
        name="profile-sessions",
        path="/admin/profile/sessions",
        permission=Permission.PERSON,
        submit=end_session,
    ),
)
