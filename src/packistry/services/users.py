from pydantic import SecretStr
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from packistry.errors import Conflict, NotFound
from packistry.inputs import NewUser, UserChange, folded
from packistry.models import IdentityLink, OneTimeLink, Role, User
from packistry.services import passwords
from packistry.services.sessions import Sessions


class Users:
    """The people who may sign in and own tokens."""

    def __init__(self, session: Session, sessions: Sessions) -> None:
        self._session = session
        self._sessions = sessions

    def all(self) -> list[User]:
        return list(self._session.scalars(select(User).order_by(User.email, User.id)))

    def find(self, email: str) -> User | None:
        return self._session.scalars(select(User).where(User.email == folded(email))).one_or_none()

    def at(self, user_id: int) -> User:
        """The user with this number. Raises NotFound."""
        user = self._session.get(User, user_id)
        if user is None:
            raise NotFound("There is no such user.")
        return user

    def get(self, email: str) -> User:
        """The user with this address, or with this number. Raises NotFound."""
        user = self.find(email)
        if user is None and email.isascii() and email.isdigit():
            user = self._session.get(User, int(email))
        if user is None:
            raise NotFound(f"There is no user with the e-mail address {email}.", noun="user")
        return user

    def add(self, new: NewUser) -> User:
        """Raises Conflict when the address is taken."""
        self._free(new.email)
        user = User(email=new.email, name=new.name, role=new.role)
        if new.password is not None:
            user.password_hash = passwords.hash_password(new.password.get_secret_value())
        self._session.add(user)
        self._session.flush()
        return user

    def edit(self, user: User, change: UserChange) -> None:
        """Raises Conflict when the address is taken or nobody would administer any more.

        Whose role or access changes is signed out everywhere.
        """
        if change.email is not None and change.email != user.email:
            self._free(change.email)
            user.email, user.email_proven = change.email, True
            self._void_links(user)
        if change.role not in (None, user.role) or change.active not in (None, user.active):
            stays = change.role != Role.USER and change.active is not False
            if not stays:
                self._not_the_last(user)
            self._sessions.end_all(user)
        if change.active is not None:
            # It is decided by hand now, not by whether a source is switched on.
            self._session.execute(
                update(IdentityLink).where(IdentityLink.user_id == user.id).values(suspended=False)
            )
        user.name = user.name if change.name is None else change.name
        user.role = user.role if change.role is None else change.role
        user.active = user.active if change.active is None else change.active
        self._session.flush()

    def reset_password(self, user: User, password: SecretStr, *, but: int | None = None) -> None:
        """From now on they sign in with this one alone.

        They are signed out everywhere, `but` of the session in which they changed it themselves.
        """
        user.password_hash = passwords.hash_password(password.get_secret_value())
        self._sessions.end_all(user, but=but)
        self._void_links(user)

    def _void_links(self, user: User) -> None:
        # One that was mailed to the address before, or asked for before the password changed.
        self._session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == user.id))

    def rehash(self, user: User, password_hash: str) -> None:
        """Keep the same password under a better hash; to nobody that is a change."""
        self._session.execute(
            update(User).where(User.id == user.id).values(password_hash=password_hash)
        )

    def remove(self, user: User) -> None:
        """With their tokens and grants. Raises Conflict when nobody would administer any more."""
        self._not_the_last(user)
        self._session.delete(user)
        self._session.flush()

    def _free(self, email: str) -> None:
        if self.find(email) is not None:
            raise Conflict(
                f"There is a user with the e-mail address {email} already.", field="email"
            )

    def _not_the_last(self, user: User) -> None:
        if user.role != Role.ADMIN or not user.active:
            return
        others = select(func.count()).where(
            User.role == Role.ADMIN, User.active.is_(True), User.id != user.id
        )
        if not self._session.scalar(others):
            raise Conflict(f"{user.label} is the only administrator. Make another user one first.")
