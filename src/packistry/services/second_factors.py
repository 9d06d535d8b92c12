"""Codes of an app (RFC 6238), beside a password: each is taken once, and so is a recovery code."""

import base64
import secrets
import time
from collections.abc import Collection, Sequence
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import quote

from sqlalchemy import ColumnElement, and_, exists, not_, select
from sqlalchemy.orm import Session

from packistry.errors import Conflict, Forbidden
from packistry.models import Role, SecondFactor, User
from packistry.models.base import now
from packistry.services.secrets import SecretBox
from packistry.services.sessions import Sessions
from packistry.settings import Settings

KEY_BYTES = 20
DIGITS = 6
STEP_SECONDS = 30
# The clock of a telephone may be a step early or late.
STEPS = (0, -1, 1)
RECOVERY_CODES = 10
RECOVERY_LENGTH = 12
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
WRONG = (
    "This code is not right, or was used before. Wait for the next one, and look at the clock of "
    "the telephone."
)
ENFORCED = "Who has this role here needs a second factor."


class Standing(StrEnum):
    """How somebody stands to the second factor of their password."""

    ON = "on"
    MISSING = "missing"
    """It is demanded of their role, and they have not set it up."""
    OFF = "off"
    NONE = "none"
    """They have no password: a source asks for what it wants."""


class SecondFactors:
    """The second factors of people who sign in with a password."""

    def __init__(
        self, session: Session, sessions: Sessions, box: SecretBox, settings: Settings
    ) -> None:
        self._session = session
        self._sessions = sessions
        self._box = box
        self._settings = settings

    def of(self, user: User) -> SecondFactor | None:
        """Theirs, once they have confirmed it."""
        row = self._session.get(SecondFactor, user.id)
        return row if row is not None and row.confirmed_at is not None else None

    def among(self, user_ids: Collection[int]) -> set[int]:
        """Which of these users have one that they have confirmed."""
        query = select(SecondFactor.user_id).where(
            SecondFactor.user_id.in_(user_ids), SecondFactor.confirmed_at.is_not(None)
        )
        return set(self._session.scalars(query))

    def standings(self, users: Sequence[User]) -> dict[int, Standing]:
        """How each of these stands, by their numbers."""
        proving = self.among([user.id for user in users])
        return {user.id: self._standing(user, user.id in proving) for user in users}

    def stands(self, standing: Standing) -> ColumnElement[bool]:
        """Whether the User at hand stands so."""
        on = exists().where(SecondFactor.user_id == User.id, SecondFactor.confirmed_at.is_not(None))
        demanded = User.role.in_([Role(each) for each in self._settings.second_factor_roles])
        password = User.password_hash != ""
        return {
            Standing.ON: on,
            Standing.MISSING: and_(not_(on), password, demanded),
            Standing.OFF: and_(not_(on), password, not_(demanded)),
            Standing.NONE: and_(not_(on), not_(password)),
        }[standing]

    def _standing(self, user: User, on: bool) -> Standing:
        if on:
            return Standing.ON
        if not user.password_hash:
            return Standing.NONE
        return Standing.MISSING if self.demanded(user) else Standing.OFF

    def demanded(self, user: User) -> bool:
        """Whether they may not be without one: a setting says so of their role."""
        return user.role.value in self._settings.second_factor_roles

    def begin(self, user: User) -> None:
        """A key for an app, which counts once it is confirmed. Raises Conflict if one counts."""
        row = self._session.get(SecondFactor, user.id)
        if row is not None and row.confirmed_at is not None:
            raise Conflict("You have a second factor already. Switch it off first.")
        if row is None:
            key = base64.b32encode(secrets.token_bytes(KEY_BYTES)).decode()
            sealed = self._box.seal({"key": key}, second_factor_place_of(user.id))
            self._session.add(SecondFactor(user_id=user.id, secret=sealed))
            self._session.flush()

    def key(self, user: User) -> str:
        """The key that is to be confirmed, in base32; "" when there is none."""
        row = self._session.get(SecondFactor, user.id)
        return self._key(row) if row is not None and row.confirmed_at is None else ""

    def confirm(self, user: User, code: str) -> list[str]:
        """From now on they need it; their recovery codes, to be shown once. Raises Forbidden."""
        row = self._locked(user)
        if row is None or row.confirmed_at is not None:
            raise Forbidden(WRONG)
        self._take_code(row, code)
        row.confirmed_at = now()
        return self._new_recovery_codes(row)

    def check(self, user: User, code: str) -> None:
        """Takes a code of the app, or a recovery code. Raises Forbidden unless it is right."""
        row = self._locked(user)
        if row is None or row.confirmed_at is None:
            raise Forbidden(WRONG)
        typed = "".join(code.lower().split()).replace("-", "")
        if len(typed) > DIGITS:
            self._take_recovery_code(row, typed)
        else:
            self._take_code(row, typed)

    def new_recovery_codes(self, user: User) -> list[str]:
        """Ten others; those before do nothing any more. Raises Conflict without a factor."""
        row = self._locked(user)
        if row is None or row.confirmed_at is None:
            raise Conflict("There is no second factor to recover.")
        return self._new_recovery_codes(row)

    def remove(self, user: User) -> None:
        """They sign in with the password alone again; absent is fine."""
        row = self._session.get(SecondFactor, user.id)
        if row is not None:
            self._session.delete(row)
            self._session.flush()

    def reset(self, user: User) -> None:
        """Somebody lost it: they sign in anew, and set up another where one is demanded."""
        self.remove(user)
        self._sessions.end_all(user)

    def _locked(self, user: User) -> SecondFactor | None:
        # Of two who come with the same code at once, the second finds it used.
        return self._session.get(
            SecondFactor, user.id, with_for_update=True, populate_existing=True
        )

    def _take_code(self, row: SecondFactor, code: str) -> None:
        # A large library, for those who sign in alone.
        from cryptography.hazmat.primitives.hashes import SHA1
        from cryptography.hazmat.primitives.twofactor.totp import TOTP

        totp = TOTP(base64.b32decode(self._key(row)), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303
        present = int(time.time()) // STEP_SECONDS
        typed = "".join(code.split()).encode()
        for step in (present + each for each in STEPS):
            expected = totp.generate(step * STEP_SECONDS)
            if compare_digest(expected, typed) and step > row.last_step:
                row.last_step = step
                self._session.flush()
                return
        raise Forbidden(WRONG)

    def _take_recovery_code(self, row: SecondFactor, code: str) -> None:
        kept = [each for each in row.recovery if not compare_digest(each, _hash(code))]
        if len(kept) == len(row.recovery):
            raise Forbidden(WRONG)
        row.recovery = kept
        self._session.flush()

    def _new_recovery_codes(self, row: SecondFactor) -> list[str]:
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        row.recovery = [_hash(code) for code in codes]
        self._session.flush()
        return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]

    def _key(self, row: SecondFactor) -> str:
        return self._box.open(row.secret, second_factor_place(row))["key"]


def address(key: str, account: str, host: str) -> str:
    """What an app reads out of the QR code."""
    label = quote(f"{host}:{account}")
    return f"otpauth://totp/{label}?secret={key}&issuer={quote(host)}"


def second_factor_place(row: SecondFactor) -> str:
    """What binds a sealed key to its row."""
    return second_factor_place_of(row.user_id)


def second_factor_place_of(user_id: int) -> str:
    """What binds the sealed key of a user to their row."""
    return f"second_factors/{user_id}/secret"


def _recovery_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH))


def _hash(code: str) -> str:
    return sha256(code.encode()).hexdigest()
