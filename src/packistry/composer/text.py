"""Text and links from strangers, made fit to show and to serve."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

WEB_SCHEMES = frozenset({"http", "https"})

# C0 without tab, line feed and carriage return; DEL and C1; the marks that reorder text.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_BIDI}\ufeff]")
_LINE_BREAKS = re.compile("[\t\n\r\u2028\u2029]+")
_HAS_UNSEEN = re.compile(f"[\x00-\x1f\x7f-\x9f{_BIDI}\u2028\u2029]")
_NOT_IN_A_URL = re.compile(r"""[\s<>"\\^`{|}]""")
_EMAIL = re.compile(r"[^\s<>()\[\]\\,;:@\"]{1,64}@[A-Za-z0-9.-]{1,255}\Z")
_QUOTED_LENGTH = 80


def clean_text(value: str) -> str:
    """One line without control and bidi characters, without space around it."""
    return _LINE_BREAKS.sub(" ", _UNSEEN.sub("", value)).strip()


def has_unseen_characters(value: str) -> bool:
    """Whether a control character, a line break or a bidi mark is in it."""
    return _HAS_UNSEEN.search(value) is not None


def quoted(value: str) -> str:
    """A stranger's text as part of a reason: in quotes, on one line, at most 80 characters."""
    seen = clean_text(value[: 4 * _QUOTED_LENGTH])
    text = "".join(character if character.isprintable() else "\ufffd" for character in seen)
    return f'"{text}"' if len(text) <= _QUOTED_LENGTH else f'"{text[:_QUOTED_LENGTH]}…"'


def clean_url(value: str, schemes: Collection[str] = WEB_SCHEMES) -> str | None:
    """The link without control characters. None: it is no absolute link of these schemes."""
    url = _LINE_BREAKS.sub("", _UNSEEN.sub("", value)).strip()
    if not url or _NOT_IN_A_URL.search(url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in schemes:
        return None
    if parts.scheme == "mailto":
        return url if clean_email(parts.path) else None
    return url if host else None


def clean_email(value: str) -> str | None:
    """The address without control characters. None: it does not look like one."""
    address = clean_text(value)
    return address if _EMAIL.match(address) else None
