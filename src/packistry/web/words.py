"""Numbers, sizes and moments as people read them."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from packistry.models.base import now
from packistry.wording import grouped, plural

_TICKS = re.compile(r"`([^`\n]+)`")
_JOINTS = re.compile(r"([/@._-]+)")
_UNITS = ("B", "kB", "MB", "GB", "TB")


def size(value: int) -> str:
    """1234567 -> "1.2 MB"."""
    amount = float(value)
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            break
        amount /= 1000
    digits = 1 if amount < 10 and unit != "B" else 0
    return f"{amount:.{digits}f} {unit}"


def day(value: date) -> str:
    """As in: 4 November 2026."""
    return f"{value.day} {value:%B %Y}"


def short_day(value: date) -> str:
    """As in: 4 Nov."""
    return f"{value.day} {value:%b}"


def moment(value: datetime) -> str:
    """As in: 4 November 2026, 13:05:09 UTC."""
    return f"{day(value)}, {value.astimezone(UTC):%H:%M:%S} UTC"


def ago(value: datetime) -> str:
    """How long ago, or how soon: "2 minutes ago", "yesterday", "4 Nov", "in 3 days"."""
    return _past(value) if value <= now() else _future(value)


def _past(value: datetime) -> str:
    present = now()
    gone = present - value
    if gone < timedelta(minutes=1):
        return "just now"
    if gone < timedelta(hours=1):
        return plural(gone.seconds // 60, "minute") + " ago"
    if value.date() == present.date() or gone < timedelta(hours=12):
        return plural(gone.seconds // 3600, "hour") + " ago"
    if value.date() == present.date() - timedelta(days=1):
        return "yesterday"
    if gone < timedelta(days=7):
        return plural((present.date() - value.date()).days, "day") + " ago"
    if value.year == present.year:
        return short_day(value)
    return f"{short_day(value)} {value.year}"


def _future(value: datetime) -> str:
    left = value - now()
    if left < timedelta(hours=1):
        return f"in {plural(max(1, round(left.seconds / 60)), 'minute')}"
    if left < timedelta(days=2):
        return f"in {plural(round(left.total_seconds() / 3600), 'hour')}"
    return f"in {plural(round(left.total_seconds() / 86400), 'day')}"


def clock(value: datetime) -> str:
    """When it was, as short as it is clear: "14:02" today, else "4 Nov", else "4 Nov 2025"."""
    present = now()
    if value.date() == present.date():
        return f"{value.astimezone(UTC):%H:%M}"
    if value.year == present.year:
        return short_day(value)
    return f"{short_day(value)} {value.year}"


def took(seconds: float) -> str:
    """As in: 1.8 s, or 2 min 5 s."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser(agent: str) -> str:
    """What a browser calls itself, in short: "Firefox on Linux"; else its first word."""
    name = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if name and system:
        return f"{name} on {system}"
    return name or agent.partition(" ")[0][:40] or "A browser without a name"


def ticks(text: str) -> Markup:
    """What stands between back-ticks is code."""
    return Markup(_TICKS.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def breakable(text: str) -> Markup:
    """An address that a narrow column breaks between its parts, and not within one."""
    return Markup(_JOINTS.sub(r"\1<wbr>", str(escape(text))))  # noqa: S704 - escaped


def pairs(values: Iterable[str]) -> list[tuple[str, str]]:
    """Values as options that say themselves."""
    return [(value, value) for value in values]


def triples(values: Iterable[str]) -> list[tuple[str, str, str]]:
    """Values as choices that say themselves."""
    return [(value, value, "") for value in values]


def options(rows: Iterable[Any]) -> list[tuple[str, str]]:
    """Rows that have a name, as options."""
    return [(str(row.id), row.name) for row in rows]


def choices(rows: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Repositories as choices, with their addresses."""
    return [(str(row.id), row.name, row.prefix or "/") for row in rows]


FILTERS: dict[str, Any] = {
    "grouped": grouped,
    "size": size,
    "plural": plural,
    "day": day,
    "short_day": short_day,
    "moment": moment,
    "ago": ago,
    "clock": clock,
    "took": took,
    "browser": browser,
    "ticks": ticks,
    "breakable": breakable,
    "pairs": pairs,
    "triples": triples,
    "options": options,
    "choices": choices,
}
