"""The way in of a delivery: find the secret, verify, read, take. Contacts nobody."""

import hashlib
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import Any, get_args

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from packistry.errors import NotFound, PackistryError
from packistry.models import DeliveryVerdict, Project, Source, Webhook
from packistry.plugin import (
    Change,
    InvalidWebhook,
    SourceProvider,
    UnreadableWebhook,
    WebhookRequest,
)
from packistry.services import Services
from packistry.services.deliveries import Parcel, shown
from packistry.services.secrets import SecretBox
from packistry.services.transactions import Transactions
from packistry.services.webhook_secrets import good_now, source_place, webhook_place

MOST_CHANGES = 1000
# Of what nobody signed, so many are written down at once, and then one in so many seconds.
NOTES_AT_ONCE = 10
SECONDS_A_NOTE = 30.0
NOBODY = 0
REFUSED = "This delivery is not signed with the secret that belongs to this address."
FAILED = "Deliveries of this source cannot be verified at the moment."
DECOY = "whsec_"

_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_EVENT_HEADER = re.compile(r"x-[a-z-]*event(?:-key)?\Z", re.IGNORECASE)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a delivery was sent to.

    `source` is its number or uid; `key` a webhook's, "" for the address of the whole source;
    `repository` the path of the one it was sent below, None for the root.
    """

    provider: str
    source: str
    key: str = ""
    repository: str | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a delivery, and what to tell the host. `again`: it was taken before."""

    verdict: DeliveryVerdict
    message: str
    delivery_id: int | None = None
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class _Door:
    """What an address leads to: what it takes to verify what comes there."""

    source_id: int
    webhook_id: int
    project_id: int | None
    projects: frozenset[str] | None
    make: Callable[[], SourceProvider[Any]]
    secrets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What a delivery means, and the host's id of it, "" for none."""

    changes: tuple[Change, ...]
    delivery: str


class Receiver:
    """Takes deliveries. One object serves a process, from many threads.

    A delivery is only a hint to look: what it says is not believed, and what it names not opened.
    """

    def __init__(self, transactions: Transactions, engine: Engine) -> None:
        self._transactions = transactions
        self._engine = engine
        self._notes = Notes()

    def receive(self, address: Address, headers: Mapping[str, str], body: bytes) -> Receipt:
        """Take one. Raises NotFound when no provider of this name sends webhooks."""
        self._check_provider(address.provider)
        request = WebhookRequest(headers=headers, body=body)
        try:
            door = self._door(address)
        except PackistryError as error:
            # Anybody can send it, so not each is worth a line.
            if self._notes.take(NOBODY) is not None:
                log.warning("A delivery for %s cannot be verified: %s", address.provider, error)
            return Receipt(verdict=DeliveryVerdict.FAILED, message=FAILED)
        if door is None:
            # What takes time when the address is right takes time here, too.
            hashlib.sha256(DECOY.encode() + body).hexdigest()
            return Receipt(verdict=DeliveryVerdict.REFUSED, message=REFUSED)
        read = self._read(address, door, request)
        return read if isinstance(read, Receipt) else self._take(address, door, request, read)

    def _read(self, address: Address, door: _Door, request: WebhookRequest) -> _Read | Receipt:
        """What a delivery means; the receipt of one that is not taken."""
        try:
            provider = door.make()
            return _Read(
                changes=_verified(provider, request, door.secrets),
                delivery=_text(provider.delivery_id(request)),
            )
        except UnreadableWebhook as error:
            return self._noted(door, request, DeliveryVerdict.UNREADABLE, str(error))
        except InvalidWebhook as error:
            self._noted(door, request, DeliveryVerdict.REFUSED, str(error))
            return Receipt(verdict=DeliveryVerdict.REFUSED, message=REFUSED)
        except PackistryError as error:
            self._noted(door, request, DeliveryVerdict.FAILED, str(error))
            # The reason is the administrator's business: nobody has signed this.
            return Receipt(verdict=DeliveryVerdict.FAILED, message=FAILED)
        # The boundary of a plugin, which may raise anything.
        except (Exception, SystemExit) as error:
            log.exception("A delivery for %s could not be read.", address.provider)
            reason = f"It could not be understood ({type(error).__name__}). Our log has more."
            return self._noted(door, request, DeliveryVerdict.UNREADABLE, reason)

    def too_large(self, address: Address, limit: int) -> None:
        """Write down that one had more than `limit` bytes. Raises NotFound as `receive`."""
        self._check_provider(address.provider)
        door = self._door(address)
        if door is not None:
            request = WebhookRequest(headers={}, body=b"")
            reason = f"It has more than {limit} bytes."
            self._noted(door, request, DeliveryVerdict.UNREADABLE, reason)

    def _check_provider(self, name: str) -> None:
        found = self._transactions.context.plugins.source_providers.get(name)
        if found is None or not found.supports_webhooks:
            raise NotFound(f"No provider called {shown(name)} sends webhooks to this server.")

    def _door(self, address: Address) -> _Door | None:
        """None when nothing is there, or nothing to verify with."""
        context = self._transactions.context
        # SQLite: a plain read must not wait for the write lock.
        with (
            self._engine.connect().execution_options(begin="DEFERRED") as connection,
            Session(bind=connection) as session,
        ):
            source = session.scalars(_source(address)).one_or_none()
            if source is None:
                return None
            webhook = project = None
            if address.key:
                webhook, project = _webhook(session, address.key, source)
                if webhook is None:
                    return None
            secrets = _secrets(context.secrets, source, webhook)
            if not secrets:
                return None
            return _Door(
                source_id=source.id,
                webhook_id=webhook.id if webhook else 0,
                project_id=project.id if project else None,
                projects=frozenset({project.external_id}) if project else None,
                make=context.provider_maker(source),
                secrets=secrets,
            )

    def _take(self, address: Address, door: _Door, request: WebhookRequest, read: _Read) -> Receipt:
        parcel = Parcel(
            source_id=door.source_id,
            door=door.webhook_id,
            projects=door.projects,
            repository=address.repository,
            delivery=_hashed(read.delivery),
            label=shown(read.delivery),
            event=_event(request),
            changes=read.changes,
        )

        def take(services: Services) -> tuple[int, DeliveryVerdict] | None:
            row = services.deliveries.take(parcel)
            if row is not None and row.verdict == DeliveryVerdict.UNKNOWN and not address.key:
                services.auto_imports.hurry(door.source_id)
            return None if row is None else (row.id, DeliveryVerdict(row.verdict))

        try:
            taken = self._transactions.attempt(take)
        except IntegrityError:
            # Sent twice at the same moment: the other one was quicker.
            taken = None
        if taken is None:
            return Receipt(
                verdict=DeliveryVerdict.IGNORED,
                message="This delivery was taken before.",
                again=True,
            )
        return Receipt(verdict=taken[1], message=_MESSAGES[taken[1]], delivery_id=taken[0])

    def _noted(
        self, door: _Door, request: WebhookRequest, verdict: DeliveryVerdict, reason: str
    ) -> Receipt:
        """Written down, if not too many are."""
        missed = self._notes.take(door.source_id)
        if missed is not None:
            more = f" {missed} more were not written down." if missed else ""
            self._transactions.attempt(
                lambda services: services.deliveries.note(
                    door.source_id,
                    verdict,
                    shown(reason, 1000) + more,
                    project_id=door.project_id,
                    door=door.webhook_id,
                    event=_event(request),
                )
            )
        return Receipt(verdict=verdict, message=shown(reason, 300))


_MESSAGES = {
    DeliveryVerdict.ACCEPTED: "The project will be looked at.",
    DeliveryVerdict.IGNORED: "There is nothing to do.",
    DeliveryVerdict.UNKNOWN: "No package here is made from this project.",
}


class Notes:
    """How many deliveries that nobody signed are written down: a few of each source."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._left: dict[int, tuple[float, float, int]] = {}

    def take(self, source_id: int) -> int | None:
        """None: not this one. Else how many there were since the last that was."""
        with self._lock:
            moment = self._clock()
            left, since, missed = self._left.get(source_id, (float(NOTES_AT_ONCE), moment, 0))
            left = min(NOTES_AT_ONCE, left + (moment - since) / SECONDS_A_NOTE)
            if left < 1:
                self._left[source_id] = (left, moment, missed + 1)
                return None
            self._left[source_id] = (left - 1, moment, 0)
            return missed


def _source(address: Address) -> Any:
    query = select(Source).where(Source.provider == address.provider)
    if _NUMBER.match(address.source):
        return query.where(Source.id == int(address.source))
    return query.where(Source.uid == address.source)


def _webhook(session: Session, key: str, source: Source) -> tuple[Webhook | None, Project | None]:
    query = (
        select(Webhook, Project)
        .join(Project, Project.id == Webhook.project_id)
        .where(Webhook.key == key, Webhook.source_id == source.id)
    )
    row = session.execute(query).one_or_none()
    return (None, None) if row is None else (row.Webhook, row.Project)


def _secrets(box: SecretBox, source: Source, webhook: Webhook | None) -> tuple[str, ...]:
    if webhook is not None:
        return good_now(box, webhook.secret, webhook_place(webhook))
    return good_now(box, source.webhook_secret, source_place(source))


def _verified(
    provider: SourceProvider[Any], request: WebhookRequest, secrets: Sequence[str]
) -> tuple[Change, ...]:
    """What it means. Raises InvalidWebhook, and what the plugin raises."""
    for secret in secrets[:-1]:
        try:
            return _changes(provider, request, secret)
        except UnreadableWebhook:
            raise
        except InvalidWebhook:
            # While a secret is being changed, another one is good, too.
            continue
    return _changes(provider, request, secrets[-1])


def _changes(
    provider: SourceProvider[Any], request: WebhookRequest, secret: str
) -> tuple[Change, ...]:
    changes = tuple(islice(provider.receive_webhook(request, secret), MOST_CHANGES))
    if not all(isinstance(change, get_args(Change)) for change in changes):
        raise TypeError("receive_webhook gives changes")
    return changes


def _text(told: object) -> str:
    """The host's id of a delivery; "" when the plugin gives none."""
    return told.encode("utf-8", "replace").decode() if isinstance(told, str) else ""


def _hashed(delivery: str) -> str | None:
    """An id of any length as it is compared; None for none."""
    return hashlib.sha256(delivery.encode()).hexdigest() if delivery else None


def _event(request: WebhookRequest) -> str:
    """What the host calls the event, if it says so in a header as most do."""
    for name, value in request.headers.items():
        if _EVENT_HEADER.match(name):
            return shown(value)
    return ""
