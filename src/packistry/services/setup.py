"""The first administrator: made by whoever has the link that the server printed."""

import json
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import select
from sqlalchemy.orm import Session

from packistry.errors import Conflict, NotFound
from packistry.inputs import FirstAdministrator, NewUser
from packistry.models import Role, Setting, User
from packistry.models.base import now
from packistry.services.users import Users

SETTING = "setup_link"
LIVES = timedelta(hours=1)
TOKEN_BYTES = 32
OVER = (
    "This link is used up or too old. If the server has no administrator yet, "
    "`packistry setup-link` prints another."
)


class Setup:
    """The link, of which only a sha256 is kept. Void once an administrator exists."""

    def __init__(self, session: Session, users: Users) -> None:
        self._session = session
        self._users = users

    def needed(self) -> bool:
        """Whether there is no administrator who may sign in."""
        query = select(User.id).where(User.role == Role.ADMIN, User.active.is_(True))
        return self._session.scalars(query.limit(1)).first() is None

    def new_link(self, base_url: str) -> str:
        """A new link, good for an hour; one that was made before is void.

        Raises Conflict when there is an administrator.
        """
        if not self.needed():
            raise Conflict(
                "There is an administrator already. Make another: "
                "packistry user add EMAIL --role admin"
            )
        token = secrets.token_urlsafe(TOKEN_BYTES)
        kept = {"hash": _hash(token), "until": (now() + LIVES).isoformat()}
        row = self._session.get(Setting, SETTING) or Setting(name=SETTING)
        row.value = json.dumps(kept)
        self._session.add(row)
        self._session.flush()
        return f"{base_url}/setup/{token}"

    def check(self, token: str) -> None:
        """Raises NotFound unless it is the token of a link that still works."""
        row = self._session.get(Setting, SETTING)
        if row is None or not self.needed():
            raise NotFound(OVER)
        kept = json.loads(row.value)
        late = datetime.fromisoformat(kept["until"]) <= now()
        if late or not compare_digest(kept["hash"], _hash(token)):
            raise NotFound(OVER)

    def finish(self, token: str, first: FirstAdministrator) -> User:
        """The first administrator. Raises NotFound, and Conflict when the address is taken."""
        # Of two who come at once, the second finds no row.
        row = self._session.get(Setting, SETTING, with_for_update=True)
        self.check(token)
        user = self._users.add(
            NewUser(email=first.email, name=first.name, role=Role.ADMIN, password=first.password)
        )
        self._session.delete(row)
        self._session.flush()
        return user


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
