"""Proving again who one is, before something that decides who gets in."""

from pyramid.response import Response

from packistry.errors import Forbidden, Invalid
from packistry.services import Services, sign_in
from packistry.services.access import Permission
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit


def show(visit: Visit, services: Services) -> Shown:
    """The password is asked for, and a code of whoever needs one to sign in.

    Whoever has no password signs in again as they did.
    """
    user = services.users.at(visit.who.user_id)
    return {
        "form": visit.form(),
        "email": user.email,
        "by_password": bool(user.email and user.password_hash),
        "by_code": services.second_factors.of(user) is not None,
    }


def prove(visit: Visit) -> Response:
    """To the page that was wanted, or the question again."""
    wanted = visit.safe(visit.query("next"))
    if visit.text("again"):
        sign_in.sign_out(visit.runtime, visit.author, visit.who.user_id, visit.cookies.session)
        response = visit.go("login", _query={"next": wanted})
        visit.cookies.drop(response)
        return response
    with visit.reading() as services:
        if not show(visit, services)["by_password"]:
            raise Invalid("You have no password here: sign in once more as you did.")
    email, password = visit.who.email, visit.secret("password")
    try:
        sign_in.prove(visit.runtime, visit.author, email, password, visit.address)
    except Forbidden:
        raise Invalid("This is not your password.", field="password") from None
    _check_code(visit)
    with visit.change() as services:
        services.sessions.verified(visit.who.session_id)
        services.audit.note("sign-in.proved", services.users.at(visit.who.user_id))
    return visit.go_to(wanted)


def _check_code(visit: Visit) -> None:
    user_id = visit.who.user_id
    with visit.reading() as services:
        if services.second_factors.of(services.users.at(user_id)) is None:
            return
    try:
        sign_in.prove_code(visit.runtime, visit.author, user_id, visit.text("code"), visit.address)
    except Forbidden as error:
        raise Invalid(str(error), field="code") from None


PAGES = (
    Page(
        name="prove",
        path="/admin/prove",
        permission=Permission.PERSON,
        template="prove.jinja2",
        show=show,
        submit=prove,
        enrolling=True,
    ),
)
