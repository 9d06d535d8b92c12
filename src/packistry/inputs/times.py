"""When something ends, and how long it goes on, as people write it."""

import re
from datetime import UTC, date, datetime, time, timedelta

from packistry.errors import Invalid

_DURATION = re.compile(r"([1-9][0-9]{0,4})([hdw])\Z")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def expiry(value: str, now: datetime) -> datetime:
    """When something ends: "12h", "90d", "6w" from now, or a date (its end, UTC) or a time.

    Raises Invalid when it is none of these or lies in the past.
    """
    if _DURATION.match(value):
        return now + duration(value)
    try:
        end = _moment(value)
    except (ValueError, OverflowError):
        raise Invalid(
            "Expiry: write 12h, 90d, 6w or a date such as 2030-12-31.", field="expires"
        ) from None
    if end <= now:
        raise Invalid("Expiry: this lies in the past.", field="expires")
    return end


def duration(value: str) -> timedelta:
    """How long something goes on: "24h", "7d", "2w", or "0". Raises Invalid."""
    found = _DURATION.match(value)
    if not found and value != "0":
        raise Invalid("write a time such as 24h, 7d or 2w, or 0 for none at all")
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)


def _moment(value: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(value), time.max, UTC)
    except ValueError:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
