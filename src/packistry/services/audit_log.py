"""What the audit log says: narrowed, a page at a time from the newest on, and for export."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from packistry.database import distinct_values
from packistry.models import AuditEvent
from packistry.services.transactions import Changes

EXPORTED_AT_ONCE = 500
MOST_WORDS = 8
COLUMNS = (
    "id",
    "at",
    "actor",
    "user_id",
    "via",
    "address",
    "action",
    "kind",
    "target",
    "target_id",
    "before",
    "after",
    "note",
)
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Form = Literal["csv", "jsonl"]


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """Which entries: "" and None for any. `since` and `until` are days in UTC, both included."""

    text: str = ""
    who: str = ""
    kind: str = ""
    since: date | None = None
    until: date | None = None


class AuditLog:
    """Reads the log."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def entries(
        self, narrowed: Narrowed, *, limit: int, before: int | None = None
    ) -> Sequence[AuditEvent]:
        """The newest first; those older than the entry numbered `before`."""
        query = select(AuditEvent).where(*conditions(narrowed))
        if before is not None:
            query = query.where(AuditEvent.id < before)
        return self._session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit)).all()

    def kinds(self) -> list[str]:
        """Of what there are entries."""
        kinds = distinct_values(AuditEvent.kind)
        return list(self._session.scalars(select(kinds.c.value).order_by(kinds.c.value)))


def export(transactions: Changes, narrowed: Narrowed, form: Form) -> Iterator[bytes]:
    """The entries in UTF-8, the newest first, each read in its turn: however many there are.

    CSV (RFC 4180, with a head) in which no cell is a formula to a spreadsheet, or a JSON object a
    line.
    """
    if form == "csv":
        yield _csv([COLUMNS])
    before: int | None = None
    while True:
        with transactions.reading() as services:
            log = AuditLog(services.session)
            entries = log.entries(narrowed, limit=EXPORTED_AT_ONCE, before=before)
            rows = [_values(entry) for entry in entries]
        if not rows:
            return
        before = rows[-1]["id"]
        if form == "csv":
            yield _csv([[_cell(row[name]) for name in COLUMNS] for row in rows])
        else:
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            yield "".join(lines).encode()


def _values(entry: AuditEvent) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in COLUMNS}
    return {**values, "at": entry.at.isoformat(), "via": entry.via.value}


def _cell(value: Any) -> str:
    if value is None or value == {}:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def conditions(narrowed: Narrowed) -> list[ColumnElement[bool]]:
    """What is true of the entries that are wanted."""
    event = AuditEvent
    wanted = [
        _holds(word, event.target, event.note, event.address, event.action)
        for word in narrowed.text.lower().split()[:MOST_WORDS]
    ]
    if narrowed.who:
        wanted.append(_holds(narrowed.who.lower(), event.actor))
    if narrowed.kind:
        wanted.append(event.kind == narrowed.kind)
    if narrowed.since is not None:
        wanted.append(event.at >= _midnight(narrowed.since))
    if narrowed.until is not None and narrowed.until < date.max:
        wanted.append(event.at < _midnight(narrowed.until + timedelta(days=1)))
    return wanted


def _holds(word: str, *columns: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return or_(*(func.lower(column).contains(word, autoescape=True) for column in columns))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
