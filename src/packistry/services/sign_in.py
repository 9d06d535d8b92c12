"""Signing in with a password: counted first, compared outside of any transaction, then let in."""

from dataclasses import dataclass

from pydantic import SecretStr

from packistry.errors import Forbidden
from packistry.models import User
from packistry.services import passwords
from packistry.services.audit import Author
from packistry.services.sessions import actor_of
from packistry.services.transactions import Changes

LONGEST_EMAIL = 255
LONGEST_PASSWORD = 1024
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
    account = email.strip().lower()[:LONGEST_EMAIL]
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


def sign_in(
    transactions: Changes, author: Author, email: str, password: SecretStr, browser: Browser
) -> str:
    """The cookie of the new session. Raises what `prove` raises."""
    user_id = prove(transactions, author, email, password, browser.address)
    with transactions.change(author) as services:
        user = services.users.at(user_id)
        services.audit.note("sign-in.succeeded", user, actor=actor_of(user))
        return services.sessions.begin(
            user, address=browser.address, agent=browser.agent, replaces=browser.cookie
        )


def sign_out(transactions: Changes, author: Author, user_id: int, cookie: str) -> None:
    """The browser is signed in no more."""
    with transactions.change(author) as services:
        services.sessions.end(cookie)
        services.audit.note("sign-in.ended", services.session.get_one(User, user_id))
