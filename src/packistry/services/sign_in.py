"""Signing in with a password: counted first, compared outside of any transaction, then let in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from packistry.errors import Forbidden, NotFound
from packistry.inputs import folded
from packistry.models import User
from packistry.services import passwords, sessions
from packistry.services.audit import Author
from packistry.services.sessions import actor_of
from packistry.services.transactions import Changes

if TYPE_CHECKING:
    from packistry.services import Services

LONGEST_EMAIL = 255
LONGEST_PASSWORD = 1024
NEEDED = (
    "This account needs a second factor. Sign in on the web page; programs use a token instead."
)
TOO_LATE = "This sign-in took longer than ten minutes, or was finished already. Begin again."
SECOND, PASSWORD = "second", "password"
REFUSED = "This e-mail address and password do not belong together."


@dataclass(frozen=True, kw_only=True)
class Browser:
    """Who is asking: the address, what the browser calls itself, and its present cookie."""

    address: str
    agent: str = ""
    cookie: str = ""


def prove(
    transactions: Changes, author: Author, email: str, password: SecretStr, address: str
) -> int:
    """The id of the user whose password this is.

    Raises Throttled, and Forbidden with one sentence, after one time, whatever is wrong.
    """
    account = folded(email)[:LONGEST_EMAIL]
    secret = password.get_secret_value()[:LONGEST_PASSWORD]
    transactions.attempt(lambda services: services.throttles.attempt(account, address))
    with transactions.reading() as services:
        user = services.users.find(account)
        user_id, stored = (user.id, user.password_hash) if user and user.active else (0, "")
    if not passwords.verify(stored, secret):
        with transactions.change(author) as services:
            services.audit.note("sign-in.refused", name=account, note=REFUSED)
        raise Forbidden(REFUSED)
    with transactions.change(author) as services:
        services.throttles.succeeded(account, address)
        if passwords.outdated(stored):
            services.users.rehash(services.users.at(user_id), passwords.hash_password(secret))
    return user_id


class SecondFactorNeeded(Forbidden):
    """The password was right, and more is needed: `pending` brings them to where it is asked for.

    `known`: they have a second factor; else they have to set one up first.
    """

    def __init__(self, pending: str, *, known: bool) -> None:
        super().__init__(NEEDED)
        self.pending = pending
        self.known = known


def sign_in(
    transactions: Changes,
    author: Author,
    email: str,
    password: SecretStr,
    browser: Browser,
    *,
    next_path: str = "",
) -> str:
    """The cookie of the new session.

    Raises what `prove` raises, and SecondFactorNeeded, whose `pending` remembers `next_path`.
    """
    user_id = prove(transactions, author, email, password, browser.address)
    with transactions.change(author) as services:
        user = services.users.at(user_id)
        known = services.second_factors.of(user) is not None
        if known or services.second_factors.demanded(user):
            if not known:
                services.second_factors.begin(user)
            memo = {SECOND: user_id, PASSWORD: sessions.hash_of(user.password_hash)}
            pending = services.sessions.remember(
                {**memo, "next": next_path}, address=browser.address, agent=browser.agent
            )
        else:
            return _begin(services, user, browser)
    raise SecondFactorNeeded(pending, known=known)


def waiting(services: "Services", pending: str) -> tuple[User, str]:
    """Whose second factor is waited for with this cookie, and where they wanted to go.

    Raises NotFound when it is nobody's any more.
    """
    memo = services.sessions.pending(pending) if pending else None
    user = services.session.get(User, memo[SECOND]) if memo and SECOND in memo else None
    # Another password in the meantime voids what the old one began.
    if (
        memo is None
        or user is None
        or not user.active
        or memo[PASSWORD] != sessions.hash_of(user.password_hash)
    ):
        raise NotFound(TOO_LATE)
    return user, str(memo["next"])


def with_code(
    transactions: Changes, author: Author, pending: str, code: str, browser: Browser
) -> tuple[str, str, list[str]]:
    """(the cookie of the new session, where they wanted to go, new recovery codes).

    There are recovery codes when the code confirmed a factor that they had to set up. Raises
    Throttled, NotFound when it took too long, and Forbidden for a wrong code.
    """
    with transactions.reading() as services:
        user_id = waiting(services, pending)[0].id
    with _one_guess(transactions, author, user_id, browser.address) as services:
        user, next_path = waiting(services, pending)
        recovery: list[str] = []
        if services.second_factors.of(user) is not None:
            services.second_factors.check(user, code)
        else:
            recovery = services.second_factors.confirm(user, code)
            services.audit.note("user.second-factor-on", user, actor=actor_of(user))
        services.sessions.recall(pending)
        return _begin(services, user, browser), next_path, recovery


def prove_code(
    transactions: Changes, author: Author, user_id: int, code: str, address: str
) -> None:
    """Their app shows this code, or it is one of their recovery codes.

    Raises Throttled, and Forbidden for a wrong code.
    """
    with _one_guess(transactions, author, user_id, address) as services:
        services.second_factors.check(services.users.at(user_id), code)


@contextmanager
def _one_guess(
    transactions: Changes, author: Author, user_id: int, address: str
) -> Iterator["Services"]:
    """A transaction in which a code is looked at: counted before, noted when it is wrong."""
    account = f"second factor of {user_id}"
    transactions.attempt(lambda services: services.throttles.attempt(account, address))
    try:
        with transactions.change(author) as services:
            yield services
            services.throttles.succeeded(account, address)
    except Forbidden as error:
        with transactions.change(author) as services:
            user = services.users.at(user_id)
            services.audit.note("sign-in.refused", user, note=str(error))
        raise


def _begin(services: "Services", user: User, browser: Browser) -> str:
    services.audit.note("sign-in.succeeded", user, actor=actor_of(user))
    return services.sessions.begin(
        user, address=browser.address, agent=browser.agent, replaces=browser.cookie
    )


def sign_out(transactions: Changes, author: Author, user_id: int, cookie: str) -> None:
    """The browser is signed in no more."""
    with transactions.change(author) as services:
        services.sessions.end(cookie)
        services.audit.note("sign-in.ended", services.session.get_one(User, user_id))
