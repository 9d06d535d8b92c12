"""Makes webhooks at their hosts, sees whether they are still there, and removes them."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any

from sqlalchemy import update

from packistry import plugin
from packistry.database import changed_rows
from packistry.errors import PackistryError, unexpected
from packistry.git.redaction import plain, redact
from packistry.models import Project, Source, Webhook, WebhookState
from packistry.models.base import now
from packistry.plugin import SourceProvider
from packistry.services import Services
from packistry.services.projects import as_told
from packistry.services.transactions import Transactions
from packistry.services.webhook_secrets import (
    OVERLAP,
    Pair,
    farewell_place,
    seal,
    unseal,
    webhook_place,
)
from packistry.services.webhooks import project_in

# A look takes seconds; whoever has not ended by then was killed.
LEASE = timedelta(minutes=10)
CHECK_EVERY = timedelta(days=1)
JITTER = 0.1
# After that many failures in a row. Then, and where another try changes nothing, once a day.
PAUSES = (60, 300, 1800, 7200)
FAREWELLS = len(PAUSES)
PERSON_NEEDED = (
    plugin.ConfigError,
    plugin.CredentialsError,
    plugin.NotFound,
    plugin.Rejected,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Task:
    """What one webhook needs. `address` "" has the host forget it."""

    webhook_id: int
    source_id: int | None
    lease: datetime
    attempts: int
    make: Callable[[], SourceProvider[Any]]
    project: plugin.Project
    host_id: str
    current: bool
    address: str = ""
    secret: str = ""


class Upkeep:
    """Does what a row of `webhooks` owes, between transactions and not in one."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def run(self, webhook_id: int) -> None:
        """See to one webhook if that is due and nobody else is at it.

        How it went stands in its row. Of an error that nobody planned for, such as one inside a
        plugin, the log has the details.
        """
        try:
            task = self._transactions.attempt(lambda services: self._claim(services, webhook_id))
        except PackistryError as error:
            # Its secrets, or those of its source, do not open.
            self.give_up(webhook_id, str(error))
            return
        if task is None:
            return
        try:
            host_id = self._settle(task)
        except plugin.RateLimited as error:
            later = now() + timedelta(seconds=error.retry_after)
            self._write(task, due_at=later, attempts=task.attempts - 1)
            self._defer_others(task, later)
        except PackistryError as error:
            self._failed(task, _words(error, task), final=isinstance(error, PERSON_NEEDED))
        # The boundary of a plugin, which may raise anything.
        except (Exception, SystemExit) as error:
            log.exception("Webhook %d could not be seen to.", webhook_id)
            self._failed(task, unexpected(error), final=False)
        else:
            self._done(task, host_id)

    def give_up(self, webhook_id: int, reason: str) -> None:
        """Write down that somebody's `run` did not end."""

        def write(services: Services) -> None:
            webhook = services.session.get(Webhook, webhook_id)
            if webhook is None:
                return
            if webhook.project_id is None and webhook.attempts >= FAREWELLS:
                log.warning("The webhook %s may be left at its host: %s", webhook.url, reason)
                services.session.delete(webhook)
                return
            webhook.state, webhook.reason = WebhookState.BROKEN, reason
            webhook.attempts += 1
            webhook.due_at = now() + timedelta(seconds=PAUSES[-1])

        self._transactions.attempt(write)

    def _claim(self, services: Services, webhook_id: int) -> _Task | None:
        moment = now()
        lease = moment + LEASE
        taken = changed_rows(
            services.session,
            update(Webhook)
            .where(Webhook.id == webhook_id, Webhook.due_at <= moment)
            .values(due_at=lease, attempts=Webhook.attempts + 1),
        )
        webhook = services.session.get(Webhook, webhook_id, populate_existing=True)
        if not taken or webhook is None:
            return None
        if webhook.project is None:
            return self._leaving(services, webhook, lease)
        return self._staying(services, webhook, webhook.project, lease)

    def _leaving(self, services: Services, webhook: Webhook, lease: datetime) -> _Task | None:
        if not webhook.host_id:
            services.session.delete(webhook)
            return None
        context = services.context
        kept = json.loads(context.secrets.open(webhook.farewell, farewell_place(webhook))["as"])
        # Nothing of these is bound to a row that exists.
        source = webhook.source or Source(provider=kept["provider"], config=kept["config"])
        return _Task(
            webhook_id=webhook.id,
            source_id=webhook.source_id,
            lease=lease,
            attempts=webhook.attempts,
            make=context.provider_maker(source),
            project=project_in(kept),
            host_id=webhook.host_id,
            current=False,
        )

    def _staying(
        self, services: Services, webhook: Webhook, project: Project, lease: datetime
    ) -> _Task | None:
        context = services.context
        if obstacle := services.webhooks.obstacle(project):
            # One that the host has is left alone.
            webhook.due_at = None
            if webhook.state != WebhookState.ACTIVE:
                webhook.state, webhook.reason = WebhookState.NONE, obstacle
            return None
        pair = unseal(context.secrets, webhook.secret, webhook_place(webhook))
        address = services.webhooks.address(webhook, project.source)
        return _Task(
            webhook_id=webhook.id,
            source_id=webhook.source_id,
            lease=lease,
            attempts=webhook.attempts,
            make=context.provider_maker(project.source),
            project=as_told(project),
            host_id=webhook.host_id,
            current=webhook.url == address and not webhook.renew,
            address=address,
            secret=pair.secret if pair else "",
        )

    def _settle(self, task: _Task) -> str:
        """What the host calls it now; "" when the host has none."""
        provider = task.make()
        if task.host_id:
            if task.current and provider.webhook_active(task.project, task.host_id):
                return task.host_id
            with suppress(plugin.NotFound):
                provider.delete_webhook(task.project, task.host_id)
        if not task.address:
            return ""
        host_id = provider.create_webhook(task.project, task.address, task.secret)
        if not isinstance(host_id, str):
            raise TypeError("create_webhook gives a string")
        return host_id

    def _done(self, task: _Task, host_id: str) -> None:
        if not task.address:
            self._forget(task)
            return
        moment = now()
        spread = SystemRandom().uniform(1 - JITTER, 1 + JITTER)
        self._write(
            task,
            host_id=host_id,
            url=task.address,
            state=WebhookState.ACTIVE,
            reason="",
            checked_at=moment,
            due_at=moment + CHECK_EVERY * spread,
            attempts=0,
            renew=False,
        )
        self._transactions.attempt(lambda services: self._settle_secret(services, task))
        if self._gone(task):
            # It was removed while the host was making one.
            with suppress(plugin.PluginError):
                task.make().delete_webhook(task.project, host_id)

    def _settle_secret(self, services: Services, task: _Task) -> None:
        """The host signs with the new secret from now on: let the old one end."""
        webhook = services.session.get(Webhook, task.webhook_id)
        if webhook is None or webhook.renew:
            return
        box, where = services.context.secrets, webhook_place(webhook)
        pair = unseal(box, webhook.secret, where)
        if pair is not None and pair.previous and pair.until is None:
            ending = Pair(secret=pair.secret, previous=pair.previous, until=now() + OVERLAP)
            webhook.secret = seal(box, ending, where)

    def _failed(self, task: _Task, reason: str, *, final: bool) -> None:
        if not task.address and (final or task.attempts > FAREWELLS):
            log.warning("A webhook of %s may be left there: %s", task.project.path, reason)
            self._forget(task)
            return
        exhausted = final or task.attempts > len(PAUSES)
        pause = CHECK_EVERY if exhausted else timedelta(seconds=PAUSES[task.attempts - 1])
        self._write(
            task,
            state=WebhookState.BROKEN,
            reason=reason,
            checked_at=now(),
            due_at=now() + pause,
        )

    def _defer_others(self, task: _Task, later: datetime) -> None:
        """Of many that were added at once, each would ask the host in vain."""
        if task.source_id is None:
            return
        others = update(Webhook).where(Webhook.source_id == task.source_id, Webhook.due_at <= now())
        self._transactions.attempt(
            lambda services: changed_rows(services.session, others, {"due_at": later})
        )

    def _forget(self, task: _Task) -> None:
        def forget(services: Services) -> None:
            webhook = services.session.get(Webhook, task.webhook_id)
            if webhook is not None and webhook.project_id is None:
                services.session.delete(webhook)

        self._transactions.attempt(forget)

    def _gone(self, task: _Task) -> bool:
        return self._transactions.attempt(
            lambda services: services.session.get(Webhook, task.webhook_id) is None
        )

    def _write(self, task: _Task, **values: Any) -> None:
        """Write the outcome; what was asked for meanwhile stays asked for."""

        def write(services: Services) -> None:
            mine = update(Webhook).where(Webhook.id == task.webhook_id)
            if changed_rows(services.session, mine.where(Webhook.due_at == task.lease), values):
                return
            kept = {name: value for name, value in values.items() if name not in _OWED}
            if kept:
                changed_rows(services.session, mine, kept)

        self._transactions.attempt(write)


_OWED = ("due_at", "attempts", "renew")


def _words(error: PackistryError, task: _Task) -> str:
    return redact(plain(str(error)), (task.secret,))
