"""What SQL says is to be done. Whatever a queue lost is found here."""

from sqlalchemy import Engine, exists, select
from sqlalchemy.orm import aliased

from packistry.models import AutoImport, BulkImport, Dist, OwedMail, Sync, SyncState, Webhook
from packistry.models.base import now
from packistry.queue import Job
from packistry.runtime import Runtime

MOST = 200


def waiting(engine: Engine) -> list[Job]:
    """Syncs that may start, dists that are wanted, webhooks and sources to see to, and mails.

    The oldest 200 of each. Six indexed reads that wait for no writer are cheap enough for every
    second.
    """
    moment = now()
    other = aliased(Sync)
    busy = exists().where(other.project_id == Sync.project_id, other.state == SyncState.RUNNING)
    syncs = (
        select(Sync.id)
        .where(Sync.state == SyncState.QUEUED, Sync.not_before <= moment, ~busy)
        .order_by(Sync.id)
        .limit(MOST)
    )
    dists = (
        select(Dist.id)
        .where(Dist.wanted_at <= moment, Dist.storage_key == "", Dist.failure == "")
        .order_by(Dist.wanted_at)
        .limit(MOST)
    )
    webhooks = (
        select(Webhook.id).where(Webhook.due_at <= moment).order_by(Webhook.due_at).limit(MOST)
    )
    looks = (
        select(AutoImport.id)
        .where(AutoImport.due_at <= moment)
        .order_by(AutoImport.due_at)
        .limit(MOST)
    )
    mails = (
        select(OwedMail.id).where(OwedMail.due_at <= moment).order_by(OwedMail.due_at).limit(MOST)
    )
    bulk = (
        select(BulkImport.id)
        .where(BulkImport.due_at <= moment)
        .order_by(BulkImport.due_at)
        .limit(MOST)
    )
    # SQLite: a plain read must not take the write lock, as our transactions otherwise do.
    with engine.connect().execution_options(begin="DEFERRED") as connection:
        return [
            *(Job(name="sync", arguments=(key,)) for key in connection.scalars(syncs)),
            *(Job(name="build_dist", arguments=(key,)) for key in connection.scalars(dists)),
            *(Job(name="webhook", arguments=(key,)) for key in connection.scalars(webhooks)),
            *(Job(name="discover", arguments=(key,)) for key in connection.scalars(looks)),
            *(Job(name="bulk_import", arguments=(key,)) for key in connection.scalars(bulk)),
            *(Job(name="mail_link", arguments=(key,)) for key in connection.scalars(mails)),
        ]


def is_wanted(engine: Engine, sync_id: int, owner: str) -> bool:
    """Whether `owner` may begin or go on with the sync. Waits for no writer."""
    with engine.connect().execution_options(begin="DEFERRED") as connection:
        row = connection.execute(
            select(Sync.state, Sync.owner).where(Sync.id == sync_id)
        ).one_or_none()
    if row is None or row.state == SyncState.CANCELLED:
        return False
    return bool(row.state != SyncState.RUNNING or row.owner == owner)


def syncs(runtime: Runtime) -> list[Job]:
    """The syncs that are owed, also those whose worker died or fell silent."""
    with runtime.transaction() as services:
        return [Job(name="sync", arguments=(key,)) for key in services.ledger.owed()]
