"""Where a version comes from: the import that made it, or who uploaded it, and who yanked it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from packistry.models import (
    AuditEvent,
    Outcome,
    Sync,
    SyncItem,
    SyncReason,
    TokenKind,
    User,
    Version,
    VersionKind,
)

UPLOADED = "package.uploaded"
YANKED = "version.yanked"
_CHANGED = "version.changed"
_TOKENS = {TokenKind.DEPLOY: "Deploy token", TokenKind.PERSONAL: "Personal token"}


@dataclass(frozen=True, kw_only=True)
class Import:
    """The import that made a version what it is now."""

    sync_id: int
    reason: SyncReason
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What somebody did. `who` is what they are called; `why` is "" where they did not say."""

    who: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """As far as it is remembered: imports are forgotten, and older uploads were not written down.

    `yanked` is None, too, for a version that is not.
    """

    imported: Import | None
    uploaded: Deed | None
    yanked: Deed | None


def provenance(session: Session, version: Version) -> Provenance:
    """Where the version comes from."""
    uploaded = version.kind is VersionKind.UPLOAD
    return Provenance(
        imported=None if uploaded else _imported(session, version),
        uploaded=_uploaded(session, version) if uploaded else None,
        yanked=_yanked(session, version),
    )


def called(actor: str) -> str:
    """What the audit log calls somebody, as people say it: "pkdt ci" is the deploy token ci."""
    kind, _, name = actor.partition(" ")
    return f"{_TOKENS[TokenKind(kind)]} {name}" if name and kind in list(TokenKind) else actor


def _imported(session: Session, version: Version) -> Import | None:
    row = session.execute(
        select(SyncItem.sync_id, SyncItem.at, Sync.reason)
        .join(Sync, Sync.id == SyncItem.sync_id)
        .where(
            SyncItem.package_id == version.package_id,
            SyncItem.version == version.name,
            SyncItem.reference == version.reference,
            SyncItem.outcome.in_((Outcome.IMPORTED, Outcome.UPDATED)),
        )
        .order_by(SyncItem.id.desc())
        .limit(1)
    ).first()
    return None if row is None else Import(sync_id=row.sync_id, reason=row.reason, at=row.at)


def _uploaded(session: Session, version: Version) -> Deed | None:
    # A branch may be uploaded again; of a package that had the number before, older ones tell.
    said = (
        AuditEvent.kind == "package",
        AuditEvent.target_id == version.package_id,
        AuditEvent.action == UPLOADED,
        AuditEvent.note == version.name,
        AuditEvent.at >= version.created_at,
    )
    event = _first(session, *said, newest=True)
    return None if event is None else Deed(who=_who(session, event), at=event.at)


def _yanked(session: Session, version: Version) -> Deed | None:
    if version.yanked_at is None:
        return None
    said = (
        AuditEvent.kind == "version",
        AuditEvent.target_id == version.id,
        AuditEvent.at >= version.yanked_at,
    )
    event = _first(session, *said, AuditEvent.action.in_((_CHANGED, YANKED)))
    if event is None:
        return None
    reason = _first(session, *said, AuditEvent.action == YANKED)
    return Deed(who=_who(session, event), at=event.at, why=reason.note if reason else "")


def _first(session: Session, *said: ColumnElement[bool], newest: bool = False) -> AuditEvent | None:
    order = AuditEvent.id.desc() if newest else AuditEvent.id
    return session.scalars(select(AuditEvent).where(*said).order_by(order).limit(1)).first()


def _who(session: Session, event: AuditEvent) -> str:
    user = None if event.user_id is None else session.get(User, event.user_id)
    return user.name if user is not None else called(event.actor)
