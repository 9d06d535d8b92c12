"""How packages are, in one word each: whether what is served is what their hosts have."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from packistry.composer.filters import FILTERED_OUT
from packistry.models import (
    Package,
    Project,
    RefVerdict,
    Sync,
    SyncState,
    TagPin,
    Version,
    Webhook,
    WebhookState,
)


class Condition(StrEnum):
    """From what needs somebody to what does not."""

    UNREADABLE = "unreadable"
    HELD = "held"
    IMPORTING = "importing"
    WAITING = "waiting"
    WEBHOOK_BROKEN = "webhook-broken"
    EMPTY = "empty"
    UPLOADED = "uploaded"
    ARCHIVED = "archived"
    IN_STEP = "in-step"


def conditions(session: Session, packages: Sequence[Package]) -> dict[int, Condition]:
    """By package: the first of these that is true of it."""
    ids = {each.project_id for each in packages if each.project_id is not None}
    running = _projects(session, SyncState.RUNNING, ids)
    queued = _projects(session, SyncState.QUEUED, ids)
    broken = set(
        session.scalars(
            select(Webhook.project_id).where(
                Webhook.project_id.in_(ids), Webhook.state == WebhookState.BROKEN
            )
        )
    )
    projects = {
        project.id: project
        for project in session.scalars(select(Project).where(Project.id.in_(ids)))
    }
    held = _held(session, [each.id for each in packages])
    filled = set(
        session.scalars(
            select(Version.package_id)
            .where(Version.package_id.in_([each.id for each in packages]))
            .distinct()
        )
    )

    def condition(package: Package) -> Condition:
        project = None if package.project_id is None else projects.get(package.project_id)
        if package.id in held:
            return Condition.HELD
        if project is None:
            return Condition.UPLOADED if package.id in filled else Condition.EMPTY
        if project.id in running:
            return Condition.IMPORTING
        if project.unreachable:
            return Condition.UNREADABLE
        if project.synced_at is None or project.id in queued:
            return Condition.WAITING
        if package.id not in filled:
            return Condition.EMPTY
        if project.archived:
            return Condition.ARCHIVED
        return Condition.WEBHOOK_BROKEN if project.id in broken else Condition.IN_STEP

    return {package.id: condition(package) for package in packages}


def left_out(session: Session, package: Package, limit: int) -> Sequence[RefVerdict]:
    """The refs that are no versions, each with its reason, without what a filter leaves out."""
    query = (
        select(RefVerdict)
        .where(
            RefVerdict.package_id == package.id,
            RefVerdict.reason.not_like(f"{FILTERED_OUT}%"),
        )
        .order_by(RefVerdict.id.desc())
        .limit(limit)
    )
    return session.scalars(query).all()


def _projects(session: Session, state: SyncState, ids: set[int]) -> set[int]:
    query = select(Sync.project_id).where(Sync.project_id.in_(ids), Sync.state == state)
    return set(session.scalars(query))


def _held(session: Session, ids: Sequence[int]) -> set[int]:
    query = select(Package.id).join(
        TagPin,
        and_(TagPin.repository_id == Package.repository_id, TagPin.package == Package.name),
    )
    return set(session.scalars(query.where(Package.id.in_(ids), TagPin.held_reference != "")))
