"""Webhooks as rows: which are wanted, what is owed to them, and how they are."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from packistry import plugin
from packistry.errors import ConfigurationError, Conflict
from packistry.models import Package, Project, Source, Webhook, WebhookState
from packistry.models.base import now
from packistry.services.audit import Audit
from packistry.services.context import Context, secrets_place
from packistry.services.projects import as_told
from packistry.services.webhook_secrets import (
    Pair,
    farewell_place,
    new_key,
    new_secret,
    seal,
    unseal,
    webhook_place,
)

JOB = "webhook"
INCOMING = "/incoming/"
NO_URL = (
    "PACKISTRY_URL is not set, so no host can be told where to send to. "
    "Set it, and the webhook is made."
)
ON_TRIAL = "The first import has to show that it is a package."
ARCHIVED = "The project is archived at its host: nothing will change there."

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WebhookFacts:
    """A project's webhook as it is shown. `reason` is why it is not active, "" when it is."""

    state: WebhookState
    reason: str
    url: str
    pending: bool
    checked_at: datetime | None


class Webhooks:
    """The webhooks of all projects. Contacts nobody: that is what `services.upkeep` does."""

    def __init__(self, session: Session, context: Context, audit: Audit) -> None:
        self._session = session
        self._context = context
        self._audit = audit

    def find(self, project: Project) -> Webhook | None:
        query = select(Webhook).where(Webhook.project_id == project.id)
        return self._session.scalars(query).one_or_none()

    def facts(self, project: Project) -> WebhookFacts:
        """How the webhook of a project is."""
        webhook = self.find(project)
        if webhook is None:
            reason = "None was asked for."
            if not self._possible(project.source):
                reason = "Its source sends none."
            return WebhookFacts(
                state=WebhookState.NONE, reason=reason, url="", pending=False, checked_at=None
            )
        return WebhookFacts(
            state=WebhookState(webhook.state),
            reason=webhook.reason,
            url=webhook.url,
            pending=webhook.state != WebhookState.ACTIVE and webhook.due_at is not None,
            checked_at=webhook.checked_at,
        )

    def want(self, project: Project) -> Webhook | None:
        """Have the project's host tell us of changes, if it can; None when it cannot."""
        if not self._possible(project.source):
            return None
        webhook = self.find(project)
        if webhook is None:
            webhook = Webhook(project_id=project.id, source_id=project.source_id, key=new_key())
            self._session.add(webhook)
            # The place a secret is bound to holds the uid, which a flush fills in.
            self._session.flush()
            self._seal(webhook, Pair(secret=new_secret()))
            self.owe(webhook)
        elif webhook.state == WebhookState.BROKEN:
            self.owe(webhook)
        return webhook

    def repair(self, project: Project) -> Webhook:
        """Have it made anew, with a new secret. Raises Conflict when it cannot be made.

        Somebody's change: it is in the audit log.
        """
        webhook = self.want(project)
        if webhook is None:
            raise Conflict(f'The source "{project.source.name}" sends no webhooks.')
        if obstacle := self.obstacle(project):
            raise Conflict(f"{project.path} has no webhook: {obstacle}")
        # Until it is made, the host has the old secret: of several requests, one changes it.
        if webhook.host_id and not webhook.renew:
            pair = unseal(self._context.secrets, webhook.secret, webhook_place(webhook))
            if pair is not None:
                self._seal(webhook, pair.followed_by(new_secret(), until=None))
        webhook.renew = True
        self.owe(webhook)
        self._audit.note("project.webhook-repaired", project)
        return webhook

    def repair_all(self) -> list[Webhook]:
        """The same for every project that has packages, where it can be made."""
        used = select(Package.project_id).where(Package.project_id.is_not(None))
        query = select(Project).where(Project.id.in_(used)).order_by(Project.id)
        return [
            self.repair(project)
            for project in self._session.scalars(query)
            if self._possible(project.source) and not self.obstacle(project)
        ]

    def projects(self, webhook_ids: Sequence[int]) -> Sequence[Project]:
        """The projects these are of, in the order they were added."""
        query = select(Project).join(Webhook, Webhook.project_id == Project.id)
        return self._session.scalars(
            query.where(Webhook.id.in_(webhook_ids)).order_by(Project.id)
        ).all()

    def owe(self, webhook: Webhook) -> None:
        """Have the job see to it at once; or say what is in its way."""
        webhook.attempts = 0
        obstacle = self.obstacle(webhook.project) if webhook.project else ""
        if obstacle and webhook.state != WebhookState.ACTIVE:
            webhook.state, webhook.reason, webhook.due_at = WebhookState.NONE, obstacle, None
        else:
            webhook.due_at = now()
            self._context.queue.enqueue(JOB, webhook.id)
        self._session.flush()

    def retry_broken(self, source: Source) -> None:
        """See to those the host refused, now that the source signs in otherwise."""
        query = select(Webhook).where(
            Webhook.source_id == source.id, Webhook.state == WebhookState.BROKEN
        )
        for webhook in self._session.scalars(query):
            self.owe(webhook)

    def reconsider(self, project: Project) -> None:
        """See to it when what was in its way no longer is."""
        webhook = self.find(project)
        if webhook is not None and webhook.due_at is None and not self.obstacle(project):
            self.owe(webhook)

    def leave(self, project: Project) -> None:
        """Have the host forget it; to be called before the project's row goes."""
        webhook = self.find(project)
        if webhook is None:
            return
        self._seal_farewell(webhook, {"project": asdict(as_told(project))})
        webhook.project, webhook.project_id = None, None
        self.owe(webhook)

    def take_credentials(self, source: Source) -> None:
        """Keep what is needed to remove webhooks; to be called before the source's row goes."""
        query = select(Webhook).where(Webhook.source_id == source.id, Webhook.project_id.is_(None))
        box = self._context.secrets
        for webhook in self._session.scalars(query):
            try:
                kept = json.loads(box.open(webhook.farewell, farewell_place(webhook))["as"])
                opened = box.open(source.secrets, secrets_place(source))
            except ConfigurationError as error:
                # Without the key that is lost nobody can remove it; a source must be removable.
                log.warning("A webhook is left at its host: %s", error)
                self._session.delete(webhook)
                continue
            kept |= {"provider": source.provider, "config": {**source.config, **opened}}
            self._seal_farewell(webhook, kept)
            webhook.source, webhook.source_id = None, None
            self.owe(webhook)

    def notice_new_url(self) -> int:
        """Owe a look to those made for another PACKISTRY_URL, or for none; their number."""
        url = self._context.settings.url
        if not url:
            return 0
        elsewhere = ~Webhook.url.startswith(f"{url}{INCOMING}", autoescape=True)
        moment = now()
        query = select(Webhook.id).where(
            Webhook.project_id.is_not(None),
            or_(Webhook.due_at.is_(None), Webhook.due_at > moment),
            or_(
                and_(Webhook.state == WebhookState.ACTIVE, Webhook.host_id != "", elsewhere),
                and_(Webhook.state == WebhookState.NONE, Webhook.reason == NO_URL),
            ),
        )
        ids = list(self._session.scalars(query))
        if ids:
            self._session.execute(
                update(Webhook)
                .where(Webhook.id.in_(ids))
                .values(due_at=moment, attempts=0)
                .execution_options(synchronize_session=False)
            )
        return len(ids)

    def obstacle(self, project: Project) -> str:
        """Why none is made for this project, in words; "" when nothing is against it."""
        if project.archived:
            return ARCHIVED
        if self._on_trial(project):
            return ON_TRIAL
        return "" if self._context.settings.url else NO_URL

    def address(self, webhook: Webhook, source: Source) -> str:
        """Where its deliveries are sent to."""
        url = self._context.settings.url
        return f"{url}{INCOMING}{source.provider}/{source.uid}/{webhook.key}"

    def _on_trial(self, project: Project) -> bool:
        trials = self._session.scalars(
            select(Package.on_trial).where(Package.project_id == project.id)
        ).all()
        return bool(trials) and all(trials)

    def _possible(self, source: Source) -> bool:
        found = self._context.plugins.source_providers.get(source.provider)
        return found is not None and found.supports_webhooks

    def _seal(self, webhook: Webhook, pair: Pair) -> None:
        webhook.secret = seal(self._context.secrets, pair, webhook_place(webhook))

    def _seal_farewell(self, webhook: Webhook, kept: dict[str, Any]) -> None:
        sealed = {"as": json.dumps(kept)}
        webhook.farewell = self._context.secrets.seal(sealed, farewell_place(webhook), hide=False)


def shared_address(base_url: str, source: Source) -> str:
    """Where one webhook for all projects of the source leads to."""
    return f"{base_url}{INCOMING}{source.provider}/{source.uid}"


def project_in(kept: dict[str, Any]) -> plugin.Project:
    """The project that `leave` wrote down."""
    return plugin.Project(**kept["project"])
