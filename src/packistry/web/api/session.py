"""Signing in and out, and oneself."""

from pydantic import SecretStr
from pyramid.request import Request
from pyramid.response import Response

from packistry.errors import Forbidden, Invalid
from packistry.inputs import NewPassword, UserChange, read
from packistry.services import Services, sign_in
from packistry.services.access import Permission
from packistry.services.sessions import new_cookie
from packistry.web import headers
from packistry.web.api.call import ApiVisit, Call
from packistry.web.api.people import UserShape, user_shape
from packistry.web.api.shapes import Body, Moment, NewSecret, Shape, Words
from packistry.web.visit import Visit

TAG = "Session"


class Credentials(Body):
    """What somebody signs in with."""

    email: Words
    password: SecretStr


class Myself(Body):
    """What somebody changes about themselves: a new password needs the present one."""

    name: Words | None = None
    current_password: SecretStr | None = None
    password: NewSecret | None = None
    password_confirmation: SecretStr | None = None


class SignInPlace(Shape):
    """A place to sign in at. A browser goes to `redirect_url`."""

    id: int
    name: str
    icon_url: str
    redirect_url: str


class SessionShape(Shape):
    """A browser that is signed in; `current`: the one that asks."""

    id: int
    address: str
    agent: str
    created_at: Moment
    seen_at: Moment
    expires_at: Moment
    current: bool


def csrf_cookie(request: Request) -> Response:
    """The cookie XSRF-TOKEN, which clients of the PHP Packistry get before they sign in."""
    visit = Visit(request)
    response = Response(status=204)
    if not visit.cookies.session:
        # It stands for this browser until somebody signs in.
        visit.cookies.session = new_cookie()
        visit.cookies.keep(response, visit.cookies.session)
    visit.cookies.keep_csrf(response)
    headers.protect_data(response)
    response.headers["Cache-Control"] = "no-store"
    return response


def login(visit: ApiVisit) -> UserShape:
    """Signed in by cookie."""
    sent = visit.body(Credentials)
    try:
        cookie = sign_in.sign_in(
            visit.runtime, visit.author, sent.email, sent.password, visit.browser
        )
    except Forbidden as error:
        raise Invalid(str(error), field="email") from None
    with visit.reading() as services:
        visit.begin(services, cookie)
        return user_shape(services, services.users.at(visit.user_id))


def logout(visit: ApiVisit) -> None:
    """Signed out. A token stays what it is: revoke it."""
    if visit.signed is None:
        raise Invalid("A token is not signed out: revoke it instead.")
    sign_in.sign_out(visit.runtime, visit.author, visit.user_id, visit.cookies.session)
    visit.end()


def me(visit: ApiVisit, services: Services) -> UserShape:
    """Whoever asks."""
    return user_shape(services, services.users.at(visit.user_id))


def change_me(visit: ApiVisit) -> UserShape:
    """Another name or password. With the password the other browsers are signed out."""
    sent = visit.body(Myself)
    password = _new_password(visit, sent)
    name = read(UserChange, name=sent.name)
    with visit.change() as services:
        user = services.users.at(visit.user_id)
        services.users.edit(user, name)
        if password is not None:
            services.users.reset_password(
                user, password.password, but=visit.signed.session_id if visit.signed else None
            )
        return user_shape(services, user)


def _new_password(visit: ApiVisit, sent: Myself) -> NewPassword | None:
    if sent.password is None:
        return None
    if sent.password_confirmation not in (None, sent.password):
        raise Invalid("Password: the confirmation is another one.", field="password")
    new = read(NewPassword, password=sent.password)
    with visit.reading() as services:
        email = services.users.at(visit.user_id).email or ""
    try:
        present = sent.current_password or SecretStr("")
        sign_in.prove(visit.runtime, visit.author, email, present, visit.address)
    except Forbidden:
        raise Invalid("This is not your present password.", field="current_password") from None
    return new


def sessions(visit: ApiVisit, services: Services) -> list[SessionShape]:
    """The browsers that are signed in as whoever asks."""
    mine = services.sessions.of(services.users.at(visit.user_id))
    here = visit.signed.session_id if visit.signed else None
    names = ("id", "address", "agent", "created_at", "seen_at", "expires_at")
    return [
        SessionShape(**{name: getattr(each, name) for name in names}, current=each.id == here)
        for each in mine
    ]


def end_sessions(visit: ApiVisit) -> None:
    """All but the one that asks, if it is one."""
    with visit.change() as services:
        user = services.users.at(visit.user_id)
        services.sessions.end_all(user, but=visit.signed.session_id if visit.signed else None)
        services.audit.note("sign-in.revoked", user)


def end_session(visit: ApiVisit) -> None:
    """One browser has to sign in again."""
    with visit.change() as services:
        user = services.users.at(visit.user_id)
        services.sessions.revoke(user, visit.number("session"))
        services.audit.note("sign-in.revoked", user)


def auths(visit: ApiVisit, services: Services) -> list[SignInPlace]:
    """Other places to sign in at."""
    return [
        SignInPlace(
            id=each.id,
            name=each.name,
            icon_url=f"{visit.base_url}/auths/{each.id}/icon",
            redirect_url=f"{visit.base_url}/auths/{each.id}/redirect",
        )
        for each in services.authentication_sources.offered()
    ]


CALLS = (
    Call(
        name="login",
        method="POST",
        path="/login",
        permission=Permission.OPEN,
        tag=TAG,
        summary="Sign in with a password; the answer sets the session's cookie",
        body=Credentials,
        returns=UserShape,
        do=login,
    ),
    Call(
        name="logout",
        method="POST",
        path="/logout",
        permission=Permission.PERSON,
        tag=TAG,
        summary="Sign out",
        do=logout,
    ),
    Call(
        name="me",
        method="GET",
        path="/me",
        permission=Permission.PERSON,
        tag=TAG,
        summary="Who you are and what you may do",
        returns=UserShape,
        show=me,
    ),
    Call(
        name="me-edit",
        method="PATCH",
        path="/me",
        permission=Permission.PERSON,
        tag=TAG,
        summary="Change your name or your password",
        body=Myself,
        returns=UserShape,
        do=change_me,
    ),
    Call(
        name="sessions",
        method="GET",
        path="/me/sessions",
        permission=Permission.PERSON,
        tag=TAG,
        summary="Where you are signed in",
        returns=list[SessionShape],
        show=sessions,
    ),
    Call(
        name="sessions-end",
        method="DELETE",
        path="/me/sessions",
        permission=Permission.PERSON,
        tag=TAG,
        summary="Sign out everywhere but here",
        do=end_sessions,
    ),
    Call(
        name="session-end",
        method="DELETE",
        path="/me/sessions/{session}",
        permission=Permission.PERSON,
        tag=TAG,
        summary="Sign one browser out",
        do=end_session,
    ),
    Call(
        name="auths",
        method="GET",
        path="/auths",
        permission=Permission.OPEN,
        tag=TAG,
        summary="The places beside a password to sign in at",
        returns=list[SignInPlace],
        show=auths,
    ),
)
