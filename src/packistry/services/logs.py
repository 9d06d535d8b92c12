"""What a log may hold: neither a secret nor a line that only looks like an entry of its own."""

import logging
from collections.abc import Iterable

from packistry.git.redaction import SHORTEST_SECRET, is_control, redact

# Of this process, since that is what a log is of: every secret that was opened or set.
_KNOWN: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """From now on these are hidden in whatever this process logs."""
    _KNOWN.update(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)


class PlainLines(logging.Formatter):
    """Entries without secrets, tokens and control characters.

    An entry's further lines (a traceback, or what a stranger wrote) are indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The entry as text."""
        text = redact(super().format(record), tuple(_KNOWN))
        lines = text.replace("\r", "\n").split("\n")
        return "\n  ".join("".join(c for c in line if not is_control(c)) for line in lines)
