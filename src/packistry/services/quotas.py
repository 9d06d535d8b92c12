"""How much a token, or a person in the web admin, may upload in a day."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from packistry.database import changed_rows, upsert
from packistry.errors import PackistryError
from packistry.models import UploadDay, UserUploadDay
from packistry.models.base import now
from packistry.services.transactions import Transactions

UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))
SETTING = "PACKISTRY_UPLOAD_BYTES_A_DAY"


class BeyondQuota(PackistryError):
    """The zip alone is more than may be uploaded in a day: it never will be taken."""


class QuotaUsed(PackistryError):
    """So much more may not be uploaded today; tomorrow begins in `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Uploader:
    """Whose uploads are counted: a token's, or those of a person in the web admin."""

    token_id: int | None = None
    user_id: int | None = None

    @property
    def days(self) -> type[UploadDay] | type[UserUploadDay]:
        return UserUploadDay if self.token_id is None else UploadDay

    @property
    def key(self) -> dict[str, int | None]:
        if self.token_id is None:
            return {"user_id": self.user_id}
        return {"token_id": self.token_id}


class Quotas:
    """The counts. A limit of 0 is none: then nothing is counted either."""

    def __init__(self, session: Session, limit: int) -> None:
        self._session = session
        self._limit = limit

    def used(self, who: Uploader) -> int:
        """The bytes that they have uploaded today."""
        query = select(who.days.bytes).filter_by(**who.key, day=_today())
        return self._session.scalar(query) or 0

    def check(self, who: Uploader, size: int) -> None:
        """Raises BeyondQuota and QuotaUsed when so many bytes more would be too many today."""
        if self._limit and self.used(who) + size > self._limit:
            self._refuse(who, size)

    def take(self, who: Uploader, size: int) -> date:
        """Count so many bytes as uploaded; the day they count for. Raises as `check` does.

        Of several uploads at once, those are counted that fit.
        """
        day = _today()
        if not self._limit:
            return day
        row: dict[str, Any] = {**who.key, "day": day, "bytes": 0}
        upsert(self._session, who.days, [row], key=(*who.key, "day"))
        fits = self._of(who, day).where(who.days.bytes + size <= self._limit)
        if not changed_rows(self._session, fits.values(bytes=who.days.bytes + size)):
            self._refuse(who, size)
        return day

    def give_back(self, who: Uploader, size: int, day: date) -> None:
        """Nothing came of the upload that `take` counted for this day."""
        if self._limit:
            mine = self._of(who, day)
            changed_rows(self._session, mine.values(bytes=who.days.bytes - size))

    def forget(self) -> None:
        """Drop what counts for days that are over."""
        old = _today() - timedelta(days=1)
        for days in (UploadDay, UserUploadDay):
            self._session.execute(delete(days).where(days.day < old))

    def _of(self, who: Uploader, day: date) -> Any:
        return update(who.days).filter_by(**who.key, day=day)

    def _refuse(self, who: Uploader, size: int) -> None:
        limit = _size(self._limit)
        they, have = ("A token", "this one has") if who.token_id else ("Somebody", "you have")
        if size > self._limit:
            raise BeyondQuota(
                f"The zip is larger than the {limit} that {they.lower()} may upload in a day. Have "
                f"it made smaller, or ask an administrator ({SETTING})."
            )
        midnight = datetime.combine(_today() + timedelta(days=1), time(), UTC)
        raise QuotaUsed(
            f"{they} may upload {limit} a day, and {have} uploaded {_size(self.used(who))} today. "
            f"Try again after midnight UTC, or ask an administrator ({SETTING}).",
            retry_after=max(1, int((midnight - now()).total_seconds())),
        )


@dataclass(kw_only=True)
class Taken:
    """Bytes that are counted. They are given back unless they were `stored`."""

    stored: bool = False


@contextmanager
def counting(transactions: Transactions, who: Uploader | None, size: int) -> Iterator[Taken]:
    """Count the bytes while the body runs, and longer when they were stored.

    None is not limited. Raises as `Quotas.check` does.
    """
    taken = Taken()
    if who is None:
        yield taken
        return
    day = transactions.attempt(lambda services: services.quotas.take(who, size))
    try:
        yield taken
    finally:
        if not taken.stored:
            transactions.attempt(lambda services: services.quotas.give_back(who, size, day))


def _today() -> date:
    return now().date()


def _size(count: int) -> str:
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}".replace(".0 ", " ")
    return f"{count} bytes"
