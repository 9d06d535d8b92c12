"""What is remembered of refs: why some are no versions, and what a sync did with each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import zope.sqlalchemy
from sqlalchemy import ColumnElement, Table, and_, delete, insert
from sqlalchemy.orm import Session

from packistry.database import upsert
from packistry.models import Outcome, RefVerdict, SyncItem
from packistry.models.base import now
from packistry.services.comparison import RefKey, Verdict
from packistry.services.ledger import Claim

ROWS_AT_ONCE = 500
LONGEST_REASON = 4000

_ADD_ITEM = insert(cast(Table, SyncItem.__table__))


class History:
    """The verdicts on one package's refs, and its part of one sync's history."""

    def __init__(self, claim: Claim, package_id: int, verdicts: Iterable[Verdict]) -> None:
        self._claim = claim
        self._package_id = package_id
        self._verdicts = {verdict.key: verdict for verdict in verdicts}

    def has(self, verdict: Verdict) -> bool:
        """Whether this was said before."""
        return self._verdicts.get(verdict.key) == verdict

    def keep_verdicts(self, session: Session, verdicts: Sequence[Verdict]) -> None:
        rows = {
            verdict.key: {
                "package_id": self._package_id,
                "kind": verdict.kind,
                "ref": verdict.ref,
                "reference": verdict.reference,
                "reason": verdict.reason[:LONGEST_REASON],
            }
            for verdict in verdicts
            if not self.has(verdict)
        }
        for some in chunks(list(rows.values())):
            upsert(
                session,
                RefVerdict,
                some,
                key=["package_id", "kind", "ref"],
                replace=["reference", "reason"],
            )

    def drop_verdicts(self, session: Session, keys: Iterable[RefKey]) -> None:
        names: dict[str, list[str]] = defaultdict(list)
        for kind, name in keys:
            if (kind, name) in self._verdicts:
                names[kind].append(name)
        for kind, all_names in names.items():
            for some in chunks(all_names):
                which: ColumnElement[bool] = and_(
                    RefVerdict.package_id == self._package_id,
                    RefVerdict.kind == kind,
                    RefVerdict.ref.in_(some),
                )
                run(session, delete(RefVerdict).where(which))

    def item(
        self,
        kind: str,
        ref: str,
        outcome: Outcome,
        *,
        reason: str,
        reference: str = "",
        version: str = "",
    ) -> dict[str, Any]:
        return {
            "sync_id": self._claim.sync_id,
            "package_id": self._package_id,
            "kind": str(kind),
            "ref": ref,
            "reference": reference,
            "outcome": outcome,
            "version": version,
            "reason": reason[:LONGEST_REASON],
            "at": now(),
        }

    def add(self, session: Session, items: list[dict[str, Any]]) -> None:
        if items:
            session.connection().execute(_ADD_ITEM, items)
            zope.sqlalchemy.mark_changed(session)


def run(session: Session, statement: Any) -> None:
    """Run a statement that changes rows nobody holds as objects."""
    session.execute(statement.execution_options(synchronize_session=False))


def chunks(items: list[Any]) -> Iterator[list[Any]]:
    """As many as one statement takes as parameters on every database."""
    for start in range(0, len(items), ROWS_AT_ONCE):
        yield items[start : start + ROWS_AT_ONCE]
