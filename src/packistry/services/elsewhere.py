"""Signing in at an authentication source: sent away, come back, and let in or told why not.

The source is asked between transactions, never inside one.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from packistry.errors import ConfigurationError, PackistryError
from packistry.git.redaction import plain, redact
from packistry.models import AuthenticationSource
from packistry.plugin import AuthBackend, Identity, PluginError, SignedIn, SignInRefused
from packistry.services import identities
from packistry.services.audit import Author
from packistry.services.identities import Refused
from packistry.services.plugins import PluginMissing
from packistry.services.sessions import SOURCE, Signed, actor_of
from packistry.services.sign_in import Browser
from packistry.services.transactions import Changes

log = logging.getLogger(__name__)

NOT_BEGUN = (
    "This sign-in was not begun in this browser, took longer than ten minutes, or was finished "
    "already. Begin again."
)
OFF = "Nobody can sign in with this any more. Choose another way."
OUT_OF_ORDER = (
    "{source} cannot sign anybody in at the moment. Try again later, or tell an administrator of "
    "this server, who finds the reason in the audit log."
)
NOT_FRESH = "Sign in again first, and connect the account within a quarter of an hour."
LONGEST_NOTE = 1000


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Where the browser goes, and the cookie that it has to bring back."""

    url: str
    cookie: str


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Somebody who came back. `cookie`: their session; "" when they only connected an account."""

    cookie: str
    next: str


def callback_url(base_url: str, source_id: int) -> str:
    """Where a source sends people back to, as it has to be registered there."""
    return f"{base_url}/auths/{source_id}/callback"


def begin(
    transactions: Changes,
    author: Author,
    source_id: int,
    callback_url: str,
    browser: Browser,
    *,
    next_path: str = "",
    connect: Signed | None = None,
) -> Departure:
    """Send a browser to a source, to sign in, or to `connect` an account for who is signed in.

    Raises NotFound, Throttled, and Refused in words for whoever wanted to sign in.
    """
    transactions.attempt(lambda services: services.throttles.pace(browser.address))
    name, make = _backend(transactions, source_id)
    with _told(transactions, author, name):
        redirect = make().begin(callback_url)
    memo: dict[str, Any] = {
        SOURCE: source_id,
        "memo": dict(redirect.memo),
        "next": next_path,
        "connect": connect.user_id if connect else None,
        "session": connect.session_id if connect else None,
    }
    with transactions.change(author) as services:
        cookie = services.sessions.remember(memo, address=browser.address, agent=browser.agent)
    return Departure(url=redirect.url, cookie=cookie)


def finish(
    transactions: Changes,
    author: Author,
    source_id: int,
    callback_url: str,
    answer: Mapping[str, str],
    *,
    pending: str,
    browser: Browser,
    signed: Signed | None,
) -> Arrival:
    """Let in whoever comes back with `answer`, in the browser that has the cookie `pending`.

    Raises NotFound, Throttled, and Refused in words for whoever wanted to sign in.
    """
    transactions.attempt(lambda services: services.throttles.pace(browser.address))
    # Used up before anything else, whatever comes of it.
    with transactions.change(author) as services:
        memo = services.sessions.recall(pending) if pending else None
    name, make = _backend(transactions, source_id)
    with _told(transactions, author, name):
        if memo is None or memo.get(SOURCE) != source_id:
            raise Refused(NOT_BEGUN)
        identity = make().finish(callback_url, answer, memo["memo"])
        if memo["connect"] is not None:
            _connect(transactions, author, source_id, identity, memo, signed)
            return Arrival(cookie="", next=memo["next"])
        cookie = _admit(transactions, author, source_id, identity, browser)
    return Arrival(cookie=cookie, next=memo["next"])


def sign_out_url(transactions: Changes, memo: Mapping[str, Any], return_url: str) -> str | None:
    """Where a browser is signed out at the source, too; None where it is not to be, or cannot."""
    if SOURCE not in memo:
        return None
    with transactions.reading() as services:
        source = services.session.get(AuthenticationSource, memo[SOURCE])
        if source is None or not (source.active and source.single_sign_out):
            return None
        make = services.context.backends.maker(source)
    try:
        return make().end_session(return_url, str(memo.get("logout_hint", "")))
    except PackistryError as error:
        # They are signed out here in any case.
        log.warning("A source cannot say where people are signed out: %s", error)
        return None


@contextmanager
def _told(transactions: Changes, author: Author, source: str) -> Iterator[None]:
    """What goes wrong is in the audit log, and told to the person in words meant for them."""
    try:
        yield
    except (Refused, SignInRefused) as error:
        _note(transactions, author, source, str(error))
        if isinstance(error, Refused):
            raise
        raise Refused(str(error)) from error
    except (PluginError, PluginMissing, ConfigurationError) as error:
        _note(transactions, author, source, str(error))
        raise Refused(OUT_OF_ORDER.format(source=source)) from error
    except PackistryError:
        raise
    # A plugin may raise anything, and its text, which nobody has checked, may hold a secret.
    except (Exception, SystemExit) as error:
        log.exception("The plugin of the authentication source %s failed", source)
        words = f"The plugin failed ({type(error).__name__}). The server's log has the details."
        _note(transactions, author, source, words)
        raise Refused(OUT_OF_ORDER.format(source=source)) from error


def _note(transactions: Changes, author: Author, source: str, text: str) -> None:
    note = redact(plain(text))[:LONGEST_NOTE]
    with transactions.change(author) as services:
        services.audit.note("sign-in.refused", name=source, note=note)


def _backend(transactions: Changes, source_id: int) -> tuple[str, Callable[[], AuthBackend[Any]]]:
    with transactions.reading() as services:
        source = services.authentication_sources.at(source_id)
        if not source.active:
            raise Refused(OFF)
        try:
            return source.name, services.context.backends.maker(source)
        except ConfigurationError as error:
            # Its secrets do not decrypt; told like what else is wrong with a source.
            return source.name, partial(_fail, error)


def _fail(error: ConfigurationError) -> AuthBackend[Any]:
    raise error


def _admit(
    transactions: Changes,
    author: Author,
    source_id: int,
    identity: Identity,
    browser: Browser,
) -> str:
    def work(services: Any) -> str:
        source = _still_on(services, source_id)
        admitted = services.identities.admit(source, identity)
        user = admitted.user
        services.audit.note(
            "sign-in.succeeded",
            user,
            actor=actor_of(user),
            note=f"{source.name}: {admitted.how}",
            after=identities.evidence(identity),
        )
        services.events.announce(SignedIn(user=user.label, backend=source.provider))
        hint = identity.logout_hint if source.single_sign_out else ""
        memo = {SOURCE: source.id, "logout_hint": hint}
        cookie: str = services.sessions.begin(
            user,
            address=browser.address,
            agent=browser.agent,
            replaces=browser.cookie,
            memo=memo,
        )
        return cookie

    return transactions.attempt(work, author)


def _connect(
    transactions: Changes,
    author: Author,
    source_id: int,
    identity: Identity,
    memo: Mapping[str, Any],
    signed: Signed | None,
) -> None:
    wanted = (memo["connect"], memo["session"])
    if signed is None or (signed.user_id, signed.session_id) != wanted:
        raise Refused(NOT_BEGUN)
    if not signed.fresh:
        raise Refused(NOT_FRESH)
    user_id = signed.user_id

    def work(services: Any) -> None:
        source = _still_on(services, source_id)
        user = services.users.at(user_id)
        services.identities.connect(source, identity, user)
        services.audit.note(
            "user.connected", user, note=source.name, after=identities.evidence(identity)
        )

    transactions.attempt(work, author)


def _still_on(services: Any, source_id: int) -> AuthenticationSource:
    source: AuthenticationSource = services.authentication_sources.at(source_id)
    if not source.active:
        raise Refused(OFF)
    return source
