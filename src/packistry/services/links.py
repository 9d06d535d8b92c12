"""Links with which somebody chooses a password: they work once, and not for long."""

import secrets
from datetime import timedelta
from hashlib import sha256

from pydantic import SecretStr
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from packistry.errors import Conflict, NotFound
from packistry.models import OneTimeLink, Purpose, User
from packistry.models.base import now
from packistry.services.mails import Mails
from packistry.services.users import Users

TOKEN_BYTES = 32
LIVES = {Purpose.INVITATION: timedelta(days=7), Purpose.PASSWORD: timedelta(hours=1)}
OVER = (
    "This link is used up or too old. Ask for another on the sign-in page, or an administrator of "
    "this server."
)


class Links:
    """The links, of which only a sha256 is kept. A new one for somebody voids those before."""

    def __init__(self, session: Session, users: Users, mails: Mails) -> None:
        self._session = session
        self._users = users
        self._mails = mails

    def hand_over(self, user: User) -> str:
        """The token of an invitation that an administrator gives them, instead of any by mail.

        Raises Conflict as `make` does.
        """
        self._mails.drop(user)
        return self.make(user, Purpose.INVITATION)

    def make(self, user: User, purpose: Purpose) -> str:
        """The token of a new link. Raises Conflict for whom a password opens nothing."""
        self.check(user)
        self._void(user)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        link = OneTimeLink(
            hash=_hash(token), user=user, purpose=purpose, expires_at=now() + LIVES[purpose]
        )
        self._session.add(link)
        self._session.flush()
        return token

    def check(self, user: User) -> None:
        """Raises Conflict for whom a password opens nothing."""
        if user.email is None:
            raise Conflict("They have no e-mail address here to sign in with. Give them one first.")
        if not user.active:
            raise Conflict("They are disabled. Enable them first.")

    def get(self, token: str) -> OneTimeLink:
        """The link, while it works. Raises NotFound."""
        query = select(OneTimeLink).where(OneTimeLink.hash == _hash(token))
        link = self._session.scalars(query).one_or_none()
        if link is None or link.expires_at <= now() or not link.user.active:
            raise NotFound(OVER)
        return link

    def use(self, token: str, password: SecretStr) -> User:
        """Whoever has it signs in with this password from now on. Raises NotFound."""
        # Of two who come at once, the second finds none.
        query = select(OneTimeLink).where(OneTimeLink.hash == _hash(token)).with_for_update()
        self._session.scalars(query).one_or_none()
        user = self.get(token).user
        self._void(user)
        self._mails.drop(user)
        self._users.reset_password(user, password)
        return user

    def withdraw(self, token: str) -> None:
        """It was not handed over: nobody has it."""
        self._session.execute(delete(OneTimeLink).where(OneTimeLink.hash == _hash(token)))

    def forget(self) -> None:
        """Remove what is over."""
        self._session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at <= now()))

    def _void(self, user: User) -> None:
        self._session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == user.id))


def address(base_url: str, token: str) -> str:
    """Where the link leads."""
    return f"{base_url}/login/link/{token}"


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
