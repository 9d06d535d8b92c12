"""Browsers that are signed in: a cookie's sha256 in the database, until it ends or is ended."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from packistry.errors import NotFound
from packistry.models import BrowserSession, Role, SecondFactor, User
from packistry.models.base import now
from packistry.services.access import Actor
from packistry.settings import Settings

COOKIE_BYTES = 32
LONGEST_AGENT = 255
# How often it is written down that a session is in use.
SEEN_EVERY = timedelta(minutes=1)
# What decides who gets in is changed only so soon after a sign-in.
FRESH = timedelta(minutes=15)
# A sign-in under way elsewhere has this long to come back.
PENDING = timedelta(minutes=10)
# What the memo of a session has that was begun at an authentication source.
SOURCE = "source"


@dataclass(frozen=True, kw_only=True)
class Signed:
    """Who is signed in, with which session."""

    session_id: int
    user_id: int
    name: str
    email: str
    role: Role
    actor: Actor
    verified_at: datetime
    seen_at: datetime
    to_enrol: bool
    """A second factor is demanded of them, and they have none yet: nothing else comes before it."""

    @property
    def stale(self) -> bool:
        """Whether it has to be written down again that the session is in use."""
        return now() - self.seen_at > SEEN_EVERY

    @property
    def fresh(self) -> bool:
        """Whether they proved who they are not long ago."""
        return now() - self.verified_at <= FRESH


def new_cookie() -> str:
    """A cookie's value that nobody can guess."""
    return secrets.token_urlsafe(COOKIE_BYTES)


def hash_of(cookie: str) -> str:
    """What is kept of a cookie."""
    return sha256(cookie.encode()).hexdigest()


class Sessions:
    """The sessions of browsers."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._idle = timedelta(hours=settings.session_idle_hours)
        self._longest = timedelta(hours=settings.session_hours)
        self._demanding = frozenset(settings.second_factor_roles)

    def recognise(self, cookie: str) -> Signed | None:
        """Who is signed in with the cookie; None when nobody is, any more, or may be."""
        moment = now()
        row = self._session.execute(
            select(BrowserSession, User)
            .join(User, User.id == BrowserSession.user_id)
            .where(
                BrowserSession.hash == hash_of(cookie),
                BrowserSession.expires_at > moment,
                BrowserSession.seen_at > moment - self._idle,
                User.active.is_(True),
            )
        ).one_or_none()
        if row is None:
            return None
        browser, user = row.BrowserSession, row.User
        return _signed(browser, user, to_enrol=self._has_to_enrol(browser, user))

    def _has_to_enrol(self, browser: BrowserSession, user: User) -> bool:
        # The session may be older than the demand. A source asks for what it wants.
        if user.role.value not in self._demanding or SOURCE in browser.memo:
            return False
        factor = self._session.get(SecondFactor, user.id)
        return factor is None or factor.confirmed_at is None

    def begin(
        self,
        user: User,
        *,
        address: str,
        agent: str,
        replaces: str = "",
        memo: dict[str, Any] | None = None,
    ) -> str:
        """A new session of `user`, instead of that of the cookie `replaces`; its cookie's value.

        `memo` is kept as long as the session is.
        """
        if replaces:
            self.end(replaces)
        moment = now()
        return self._add(user.id, moment + self._longest, memo or {}, address, agent)

    def memo(self, session_id: int) -> dict[str, Any]:
        """What a session was begun with."""
        row = self._session.get(BrowserSession, session_id)
        return row.memo if row is not None else {}

    def remember(self, memo: dict[str, Any], *, address: str, agent: str) -> str:
        """A session of nobody that remembers `memo` for ten minutes; its cookie's value."""
        return self._add(None, now() + PENDING, memo, address, agent)

    def pending(self, cookie: str) -> dict[str, Any] | None:
        """What `recall` would find; it stays remembered."""
        row = self._session.scalars(
            select(BrowserSession).where(
                BrowserSession.hash == hash_of(cookie),
                BrowserSession.user_id.is_(None),
                BrowserSession.expires_at > now(),
            )
        ).one_or_none()
        return None if row is None else row.memo

    def recall(self, cookie: str) -> dict[str, Any] | None:
        """What was remembered for this browser, once; None when there is nothing or no longer."""
        row = self._session.scalars(
            select(BrowserSession)
            .where(BrowserSession.hash == hash_of(cookie), BrowserSession.user_id.is_(None))
            .with_for_update()
        ).one_or_none()
        if row is None:
            return None
        memo = row.memo if row.expires_at > now() else None
        self._session.delete(row)
        self._session.flush()
        return memo

    def touch(self, session_id: int) -> None:
        """It is in use."""
        row = self._session.get(BrowserSession, session_id)
        if row is not None:
            row.seen_at = now()

    def verified(self, session_id: int) -> None:
        """They have proved again who they are."""
        row = self._session.get(BrowserSession, session_id)
        if row is not None:
            row.verified_at = now()

    def end(self, cookie: str) -> None:
        """Nobody is signed in with the cookie any more."""
        self._session.execute(delete(BrowserSession).where(BrowserSession.hash == hash_of(cookie)))

    def revoke(self, user: User, session_id: int) -> None:
        """End one session of a user. Raises NotFound when they have no such session."""
        row = self._session.get(BrowserSession, session_id)
        if row is None or row.user_id != user.id:
            raise NotFound("There is no such session.")
        self._session.delete(row)
        self._session.flush()

    def end_all(self, user: User, *, but: int | None = None) -> None:
        """End the sessions of a user, `but` that one: a password or a role has changed."""
        statement = delete(BrowserSession).where(BrowserSession.user_id == user.id)
        if but is not None:
            statement = statement.where(BrowserSession.id != but)
        self._session.execute(statement)

    def of(self, user: User) -> list[BrowserSession]:
        """Those of a user that are not over, the one used last first."""
        moment = now()
        query = (
            select(BrowserSession)
            .where(
                BrowserSession.user_id == user.id,
                BrowserSession.expires_at > moment,
                BrowserSession.seen_at > moment - self._idle,
            )
            .order_by(BrowserSession.seen_at.desc(), BrowserSession.id.desc())
        )
        return list(self._session.scalars(query))

    def forget(self) -> None:
        """Remove what is over."""
        moment = now()
        self._session.execute(
            delete(BrowserSession).where(
                (BrowserSession.expires_at <= moment)
                | (BrowserSession.seen_at <= moment - self._idle)
            )
        )

    def _add(
        self, user_id: int | None, until: datetime, memo: dict[str, Any], address: str, agent: str
    ) -> str:
        cookie = new_cookie()
        moment = now()
        row = BrowserSession(
            hash=hash_of(cookie),
            user_id=user_id,
            memo=memo,
            address=address[:64],
            agent=agent[:LONGEST_AGENT],
            created_at=moment,
            verified_at=moment,
            seen_at=moment,
            expires_at=until,
        )
        self._session.add(row)
        self._session.flush()
        return cookie


def actor_of(user: User) -> Actor:
    """A person who is signed in, as an actor: all that they were granted."""
    return Actor(
        user_id=user.id,
        admin=user.role == Role.ADMIN,
        can_read=True,
        can_write=True,
        label=user.label,
    )


def _signed(row: BrowserSession, user: User, *, to_enrol: bool) -> Signed:
    return Signed(
        session_id=row.id,
        user_id=user.id,
        name=user.name,
        email=user.email or "",
        role=user.role,
        actor=actor_of(user),
        verified_at=row.verified_at,
        seen_at=row.seen_at,
        to_enrol=to_enrol,
    )
