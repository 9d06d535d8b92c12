"""What deliveries are signed with: sealed, and for a while the old one beside the new one."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from packistry.models import Source, Webhook
from packistry.models.base import now
from packistry.services import logs
from packistry.services.secrets import SecretBox

# The Standard Webhooks form, which some hosts insist on. Its shape is known to every log filter.
PREFIX = "whsec_"
SECRET_BYTES = 32
KEY_BYTES = 24
# Deliveries that were under way when a project's secret changed.
OVERLAP = timedelta(hours=1)
# A source-wide secret is changed by hand, at one webhook after the other.
SOURCE_OVERLAP = timedelta(days=7)

_NEW, _OLD, _UNTIL = "secret", "previous", "until"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A secret, and the one before it, which is good until then; None: as long as need be."""

    secret: str
    previous: str = ""
    until: datetime | None = None

    def good(self, moment: datetime) -> tuple[str, ...]:
        """What a delivery may be signed with at that moment, the likelier one first."""
        both = self.previous and (self.until is None or moment < self.until)
        return (self.secret, self.previous) if both else (self.secret,)

    def followed_by(self, secret: str, *, until: datetime | None) -> "Pair":
        """The pair that replaces this one."""
        return Pair(secret=secret, previous=self.secret, until=until)


def seal(box: SecretBox, pair: Pair, place: str) -> str:
    """The ciphertext of a pair."""
    until = pair.until.isoformat() if pair.until else ""
    _hide_chosen(pair)
    return box.seal({_NEW: pair.secret, _OLD: pair.previous, _UNTIL: until}, place, hide=False)


def unseal(box: SecretBox, sealed: str, place: str) -> Pair | None:
    """The pair sealed there; None for none. Raises ConfigurationError when no key of ours fits."""
    values = box.open(sealed, place, hide=False)
    if not values:
        return None
    pair = _pair(values)
    _hide_chosen(pair)
    return pair


def _hide_chosen(pair: Pair) -> None:
    """Keep out of logs what a person chose; ours, of which there are many, have a known shape."""
    logs.hide(each for each in (pair.secret, pair.previous) if not each.startswith(PREFIX))


def _pair(values: dict[str, str]) -> Pair:
    until = datetime.fromisoformat(values[_UNTIL]) if values[_UNTIL] else None
    return Pair(secret=values[_NEW], previous=values[_OLD], until=until)


def good_now(box: SecretBox, sealed: str, place: str) -> tuple[str, ...]:
    """What a delivery may be signed with now; () when there is nothing. Raises as `unseal`."""
    pair = unseal(box, sealed, place)
    return () if pair is None else pair.good(now())


def new_secret() -> str:
    """A secret for one webhook: "whsec_" and base64 of 32 random bytes, as every host takes it."""
    while True:
        text = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        # Letters and digits only: log filters know these secrets by their shape.
        if text.rstrip("=").isalnum():
            return PREFIX + text


def new_key() -> str:
    """The part of an address that nobody guesses."""
    return secrets.token_urlsafe(KEY_BYTES)


def webhook_place(webhook: Webhook) -> str:
    """What binds a webhook's sealed secret to its row."""
    return f"webhooks/{webhook.uid}/secret"


def farewell_place(webhook: Webhook) -> str:
    """What binds to its row what is needed to remove a webhook later."""
    return f"webhooks/{webhook.uid}/farewell"


def source_place(source: Source) -> str:
    """What binds a source's sealed webhook secret to its row."""
    return f"sources/{source.uid}/webhook"
