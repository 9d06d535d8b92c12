"""Branches and tags, as a repository has them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from packistry.git.redaction import is_control

MAX_NAME_BYTES = 255


class RefKind(StrEnum):
    """What a ref is: a branch moves, a tag should not."""

    BRANCH = "branch"
    TAG = "tag"


@dataclass(frozen=True, kw_only=True)
class Ref:
    """A branch or tag and the commit it points to.

    `name` is without `refs/heads/` or `refs/tags/`. `commit` is the full object id, a tag's
    peeled. `committed_at` is the author date in UTC, the one Composer's own git driver shows.
    """

    kind: RefKind
    name: str
    commit: str
    committed_at: datetime


@dataclass(frozen=True, kw_only=True)
class RefusedRef:
    """A ref that cannot be a version; `name` is printable, `reason` is for a person."""

    kind: RefKind
    name: str
    reason: str


def name_fault(name: bytes) -> str | None:
    """Why a ref's name cannot be used, or None: it can."""
    if len(name) > MAX_NAME_BYTES:
        return f"The name is longer than {MAX_NAME_BYTES} bytes."
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return "The name is not UTF-8."
    if not text.isprintable() and any(is_control(character) for character in text):
        return "The name holds control or text-direction characters."
    return None


def printable(name: bytes) -> str:
    """A name that can be shown, of 255 characters at most: what is not printable is escaped."""
    text = name[:MAX_NAME_BYTES].decode("utf-8", "backslashreplace")
    escaped = "".join(f"\\u{ord(c):04x}" if is_control(c) else c for c in text)
    return escaped[:MAX_NAME_BYTES]
