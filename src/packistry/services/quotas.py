"""How much a token may upload in a day (PACKISTRY_UPLOAD_BYTES_A_DAY)."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from packistry.database import changed_rows, upsert
from packistry.errors import PackistryError
from packistry.models import UploadDay
from packistry.models.base import now

UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


class BeyondQuota(PackistryError):
    """The zip alone is more than a token may upload in a day: it never will be taken."""


class QuotaUsed(PackistryError):
    """The token may not upload so much more today; tomorrow begins in `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Quotas:
    """The counts. A limit of 0 is none: then nothing is counted either."""

    def __init__(self, session: Session, limit: int) -> None:
        self._session = session
        self._limit = limit

    def used(self, token_id: int) -> int:
        """The bytes that the token has uploaded today."""
        query = select(UploadDay.bytes).where(
            UploadDay.token_id == token_id, UploadDay.day == _today()
        )
        return self._session.scalar(query) or 0

    def check(self, token_id: int, size: int) -> None:
        """Raises BeyondQuota and QuotaUsed when so many bytes more would be too many today."""
        if self._limit and self.used(token_id) + size > self._limit:
            self._refuse(token_id, size)

    def take(self, token_id: int, size: int) -> date:
        """Count so many bytes as uploaded; the day they count for. Raises as `check` does.

        Of several uploads at once, those are counted that fit.
        """
        day = _today()
        if not self._limit:
            return day
        row = {"token_id": token_id, "day": day, "bytes": 0}
        upsert(self._session, UploadDay, [row], key=("token_id", "day"))
        fits = update(UploadDay).where(
            UploadDay.token_id == token_id,
            UploadDay.day == day,
            UploadDay.bytes + size <= self._limit,
        )
        if not changed_rows(self._session, fits.values(bytes=UploadDay.bytes + size)):
            self._refuse(token_id, size)
        return day

    def give_back(self, token_id: int, size: int, day: date) -> None:
        """Nothing came of the upload that `take` counted for this day."""
        if self._limit:
            mine = update(UploadDay).where(UploadDay.token_id == token_id, UploadDay.day == day)
            changed_rows(self._session, mine.values(bytes=UploadDay.bytes - size))

    def forget(self) -> None:
        """Drop what counts for days that are over."""
        old = _today() - timedelta(days=1)
        self._session.execute(delete(UploadDay).where(UploadDay.day < old))

    def _refuse(self, token_id: int, size: int) -> None:
        limit = _size(self._limit)
        if size > self._limit:
            raise BeyondQuota(
                f"The zip is larger than the {limit} that a token may upload in a day. Have it "
                "made smaller, or ask an administrator (PACKISTRY_UPLOAD_BYTES_A_DAY)."
            )
        midnight = datetime.combine(_today() + timedelta(days=1), time(), UTC)
        raise QuotaUsed(
            f"A token may upload {limit} a day, and this one has uploaded "
            f"{_size(self.used(token_id))} today. Try again after midnight UTC, or ask an "
            "administrator (PACKISTRY_UPLOAD_BYTES_A_DAY).",
            retry_after=max(1, int((midnight - now()).total_seconds())),
        )


def _today() -> date:
    return now().date()


def _size(count: int) -> str:
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}".replace(".0 ", " ")
    return f"{count} bytes"
