"""What services raise. `web/errors.py` and the CLI turn these into status codes and exit codes."""

import errno
import re
from collections.abc import Mapping

_FULL = re.compile("database or disk is full|No space left on device|disk full", re.IGNORECASE)


class PackistryError(Exception):
    """A fault with a sentence for the person who caused it. `str()` of it is safe to show."""


class NotFound(PackistryError):
    """The thing named does not exist, or the actor may not know that it does.

    `noun` is what it would be ("source"), "" when it has no list of its own.
    """

    def __init__(self, message: str, *, noun: str = "") -> None:
        super().__init__(message)
        self.noun = noun


class Conflict(PackistryError):
    """The change contradicts what is there: a taken name, an existing stable version.

    `field` names the input it is about, "" for the whole.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Invalid(PackistryError):
    """The input cannot be accepted. `field` names the input it is about, "" for the whole.

    `fields` has a message for each faulty field when there are several; the first is the text.
    """

    def __init__(
        self, message: str, *, field: str = "", fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.fields: Mapping[str, str] = fields or ({field: message} if field else {})


class Forbidden(PackistryError):
    """The actor is known and may not do this."""


class Unavailable(PackistryError):
    """Something we depend on did not answer; trying again later may work."""

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigurationError(PackistryError):
    """The settings or the environment cannot work. Raised at start-up, names the remedy."""


def no_room(error: BaseException) -> bool:
    """Whether a full disk, or a quota on it, is what went wrong: here or at the database."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        # As SQLite has it, and as servers say what their own disk told them.
        if isinstance(getattr(seen, "orig", None), Exception) and _FULL.search(str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def unexpected(error: BaseException) -> str:
    """What to tell people about an error whose text nobody has checked for secrets."""
    return f"An unexpected fault ({type(error).__name__}). The server's log has the details."
