"""Passwords at rest: argon2id; the bcrypt hashes of a PHP Packistry are still understood.

The libraries for it are loaded with the first password: workers and most commands never see one.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# bcrypt itself reads no further; the library refuses what PHP silently cut.
BCRYPT_BYTES = 72
_BCRYPT = ("$2y$", "$2b$", "$2a$")


def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return _hasher().hash(password)


def verify(stored: str, password: str) -> bool:
    """Whether the password is the one `stored` was made of.

    Takes as long when there is no hash at all ("") as when there is one.
    """
    if stored.startswith(_BCRYPT):
        import bcrypt

        return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], stored.encode())
    from argon2.exceptions import InvalidHashError, VerifyMismatchError

    try:
        return _hasher().verify(stored or _nobody(), password) and stored != ""
    except (VerifyMismatchError, InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Whether a verified password should be hashed anew: another method, or weaker parameters."""
    if not stored.startswith("$argon2id$"):
        return True
    from argon2 import extract_parameters

    return extract_parameters(stored) != extract_parameters(_nobody())


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    """The hash that is compared with when there is none."""
    return _hasher().hash("nobody has this password")
