"""The second factor of a person: asked for, set up, recovered, switched off."""

import segno
from pyramid.response import Response

from packistry.errors import Conflict, Forbidden, Invalid, NotFound
from packistry.models import User
from packistry.services import Services, sign_in
from packistry.services.access import Permission
from packistry.services.second_factors import ENFORCED, address
from packistry.services.sign_in import SECOND
from packistry.web import pages
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

QR_SCALE = 5


def show_code(visit: Visit, services: Services) -> Shown:
    """The question for a code; whoever has given no password yet is sent to do so."""
    try:
        user, _ = sign_in.waiting(services, visit.cookies.pending(SECOND))
    except NotFound:
        return visit.go("login")
    if services.second_factors.of(user) is None:
        return visit.go("second-factor-set-up")
    return {"form": visit.form()}


def show_set_up(visit: Visit, services: Services) -> Shown:
    """The QR code, for whom a second factor is demanded."""
    try:
        user, _ = sign_in.waiting(services, visit.cookies.pending(SECOND))
    except NotFound:
        return visit.go("login")
    if services.second_factors.of(user) is not None:
        return visit.go("second-factor")
    return {"form": visit.form(), **_qr(visit, services, user)}


def enter(visit: Visit) -> Response:
    """Signed in, or the question again; after a set-up by way of the recovery codes."""
    pending = visit.cookies.pending(SECOND)
    try:
        cookie, wanted, recovery = sign_in.with_code(
            visit.runtime, visit.author, pending, visit.text("code"), visit.browser
        )
    except NotFound:
        return visit.go("login")
    except Forbidden as error:
        raise Invalid(str(error), field="code") from None
    path = visit.safe(wanted) if wanted else visit.url("overview")
    response = visit.signed_in(cookie, path)
    if recovery:
        response = _shown_once(visit, recovery, path)
        visit.cookies.keep(response, cookie)
    visit.cookies.drop_pending(response, SECOND)
    return response


def show(visit: Visit, services: Services) -> Shown:
    """One's own: off, waiting for the first code, or on."""
    user = services.users.at(visit.who.user_id)
    factor = services.second_factors.of(user)
    key = services.second_factors.key(user)
    return {
        "form": visit.form(),
        "factor": factor,
        "left": len(factor.recovery) if factor else 0,
        "has_password": user.password_hash != "",
        "demanded": services.second_factors.demanded(user),
        **(_qr(visit, services, user) if key else {"key": "", "picture": ""}),
    }


def change(visit: Visit) -> Response:
    """What the button says. A fresh proof is asked for first."""
    visit.demand_proof()
    wanted = visit.text("do")
    if wanted == "begin":
        with visit.change() as services:
            services.second_factors.begin(services.users.at(visit.who.user_id))
    elif wanted == "confirm":
        return _confirm(visit)
    elif wanted == "recover":
        with visit.change() as services:
            user = services.users.at(visit.who.user_id)
            codes = services.second_factors.new_recovery_codes(user)
            services.audit.note("user.recovery-codes-made", user)
        return _shown_once(visit, codes, visit.url("profile-second-factor"))
    elif wanted == "remove":
        _remove(visit)
    else:
        raise Invalid("Choose what to do.")
    return visit.go("profile-second-factor")


def _confirm(visit: Visit) -> Response:
    try:
        with visit.change() as services:
            user = services.users.at(visit.who.user_id)
            codes = services.second_factors.confirm(user, visit.text("code"))
            services.sessions.end_all(user, but=visit.who.session_id)
            services.audit.note("user.second-factor-on", user)
    except Forbidden as error:
        raise Invalid(str(error), field="code") from None
    return _shown_once(visit, codes, visit.url("profile-second-factor"))


def _remove(visit: Visit) -> None:
    with visit.change() as services:
        user = services.users.at(visit.who.user_id)
        confirmed = services.second_factors.of(user) is not None
        if confirmed and services.second_factors.demanded(user):
            raise Conflict(ENFORCED)
        services.second_factors.remove(user)
        if confirmed:
            services.audit.note("user.second-factor-off", user)
    visit.say("Your password alone signs you in." if confirmed else "Nothing was set up.")


def _qr(visit: Visit, services: Services, user: User) -> dict[str, str]:
    key = services.second_factors.key(user)
    code = segno.make(address(key, user.email or user.name, visit.host), error="m", micro=False)
    return {
        "key": " ".join(key[start : start + 4] for start in range(0, len(key), 4)),
        "picture": code.svg_data_uri(scale=QR_SCALE, light="#fff", dark="#000"),
    }


def _shown_once(visit: Visit, codes: list[str], path: str) -> Response:
    with visit.reading() as services:
        shown = {"codes": codes, "path": path}
        return pages.answer(visit, services, "second/codes.jinja2", shown)


PAGES = (
    Page(
        name="second-factor",
        path="/login/code",
        permission=Permission.OPEN,
        template="second/code.jinja2",
        show=show_code,
        submit=enter,
    ),
    Page(
        name="second-factor-set-up",
        path="/login/set-up",
        permission=Permission.OPEN,
        template="second/set_up.jinja2",
        show=show_set_up,
        submit=enter,
    ),
    Page(
        name="profile-second-factor",
        path="/admin/profile/second-factor",
        permission=Permission.PERSON,
        template="second/mine.jinja2",
        section="profile",
        show=show,
        submit=change,
        enrolling=True,
    ),
)
