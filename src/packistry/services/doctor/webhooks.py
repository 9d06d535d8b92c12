"""Webhooks: whether hosts can and do tell us of changes."""

import shlex
from collections.abc import Iterator, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from packistry.models import Project, Source, Webhook, WebhookState
from packistry.services.doctor.data import reading, usable
from packistry.services.doctor.finding import Finding, Patient, ok, warning
from packistry.services.webhooks import INCOMING, NO_URL
from packistry.wording import plural

SHOWN = 5


def webhooks(patient: Patient) -> Iterator[Finding]:
    """Whether every webhook works and leads here."""
    if not usable(patient):
        return
    with reading(patient) as session:
        waiting = session.scalar(
            select(func.count()).select_from(Webhook).where(Webhook.reason == NO_URL)
        )
        broken = _broken(session)
        elsewhere = _elsewhere(session, patient.settings.url)
        shared = _shared(session)
    sound = not (waiting or broken or elsewhere)
    if waiting:
        yield warning(
            f"{plural(waiting, 'project has', 'projects have')} no webhook, because PACKISTRY_URL "
            "is not set.",
            "Set PACKISTRY_URL to the address that git hosts reach this server at, and restart.",
        )
    for path, reason in broken[:SHOWN]:
        yield warning(
            f"The webhook of {path} is broken: {reason}",
            "See to that, then run `packistry package sync --repair-webhook NAME`.",
        )
    if len(broken) > SHOWN:
        yield warning(
            f"{plural(len(broken) - SHOWN, 'more webhook is', 'more webhooks are')} broken.",
            "See `packistry package show`.",
        )
    if elsewhere:
        yield warning(
            f"{plural(len(elsewhere), 'webhook leads', 'webhooks lead')} to another address than "
            "PACKISTRY_URL, such as "
            f"that of {elsewhere[0]}.",
            "A running server moves them within minutes. If it does not, run `packistry package "
            "sync --all --repair-webhook`.",
        )
    for name in shared:
        yield warning(
            f'The source "{name}" takes webhooks that share one secret.',
            "Have each project use one of its own (`packistry package sync --all "
            "--repair-webhook`), remove the old ones at the host, then run `packistry source edit "
            f"{shlex.quote(name)} --forget-webhook-secret`.",
        )
    if sound and not shared:
        yield ok("Every webhook was in order at the last look.")


def _broken(session: Session) -> Sequence[tuple[str, str]]:
    query = (
        select(Project.path, Webhook.reason)
        .join(Project, Project.id == Webhook.project_id)
        .where(Webhook.state == WebhookState.BROKEN)
        .order_by(Project.path)
    )
    return [(path, reason) for path, reason in session.execute(query)]


def _shared(session: Session) -> Sequence[str]:
    """Sources with one secret for all, whose projects have or could have their own."""
    # A host that has nothing to make sends everything to one address, as a GitHub App may.
    own = select(Webhook.source_id).where(Webhook.host_id != "")
    query = select(Source.name).where(Source.webhook_secret != "", Source.id.in_(own))
    return session.scalars(query.order_by(Source.name)).all()


def _elsewhere(session: Session, url: str) -> Sequence[str]:
    if not url:
        return ()
    query = (
        select(Project.path)
        .join(Webhook, Webhook.project_id == Project.id)
        .where(
            Webhook.state == WebhookState.ACTIVE,
            Webhook.host_id != "",
            ~Webhook.url.startswith(f"{url}{INCOMING}", autoescape=True),
        )
        .order_by(Project.path)
    )
    return session.scalars(query).all()
