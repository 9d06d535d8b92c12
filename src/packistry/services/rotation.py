"""New keys for old secrets. A key is dropped only when nothing needs it any more.

Everything happens in steps that may be interrupted and repeated: the new key comes first and the
old ones stay, secrets are encrypted anew, and only then old keys go.
"""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from packistry.errors import Conflict
from packistry.models import AuthenticationSource, SecondFactor, Source, Webhook
from packistry.services.backends import sign_in_place
from packistry.services.context import secrets_place
from packistry.services.second_factors import second_factor_place
from packistry.services.secrets import KEY_FILE, SecretBox, key_id, load_keys, new_key
from packistry.services.webhook_secrets import farewell_place, source_place, webhook_place

# Every column with something sealed in it, and what binds it to its place.
SEALED: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (Source.secrets, secrets_place),
    (Source.webhook_secret, source_place),
    (AuthenticationSource.secrets, sign_in_place),
    (SecondFactor.secret, second_factor_place),
    (Webhook.secret, webhook_place),
    (Webhook.farewell, farewell_place),
)


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A ciphertext in a field of a row."""

    row: Any
    field: str
    place: str

    @property
    def text(self) -> str:
        text: str = getattr(self.row, self.field)
        return text


class Rotation:
    """The stored secrets and the keys they are encrypted with."""

    def __init__(self, session: Session, box: SecretBox) -> None:
        self._session = session
        self._box = box

    def reseal(self) -> int:
        """Encrypt with the first key what another one encrypted; how many there were.

        Raises ConfigurationError, and then changes nothing, when one does not decrypt.
        """
        # Locked, so that an edit at the same time is not overwritten by what was there before.
        old = [each for each in self.sealed(lock=True) if not self._box.is_current(each.text)]
        opened = [(each, self._box.open(each.text, each.place)) for each in old]
        for each, values in opened:
            setattr(each.row, each.field, self._box.seal(values, each.place))
        self._session.flush()
        return len(opened)

    def keys_in_use(self) -> frozenset[str]:
        """The ids of the keys that stored secrets are encrypted with."""
        return frozenset(each.text.partition(":")[0] for each in self.sealed())

    def sealed(self, *, lock: bool = False) -> list[Sealed]:
        """All of them."""
        return [
            Sealed(row=row, field=column.key, place=place(row))
            for column, place in SEALED
            for row in self._rows(column, lock=lock)
        ]

    def _rows(self, column: Any, *, lock: bool) -> list[Any]:
        kind = column.class_
        query = select(kind).where(column != "").order_by(*inspect(kind).primary_key)
        return list(self._session.scalars(query.with_for_update() if lock else query))


def put_new_key_first(data_dir: Path) -> None:
    """Write a new key before those in the key file, which stay."""
    path = data_dir / KEY_FILE
    load_keys("", data_dir)
    _replace(path, [new_key(), *path.read_text().split()])


def drop_old_keys(data_dir: Path, in_use: frozenset[str]) -> int:
    """Leave the first key alone in the key file; how many went.

    Raises Conflict when a stored secret still needs one of the others.
    """
    path = data_dir / KEY_FILE
    lines = path.read_text().split()
    keys = load_keys("", data_dir)
    needed = in_use & {key_id(key) for key in keys[1:]}
    if needed:
        raise Conflict(
            f"Stored secrets are still encrypted with the key {min(needed)}. "
            "Run `packistry secrets rotate` first."
        )
    _replace(path, lines[:1])
    return len(lines) - 1


def _replace(path: Path, lines: list[str]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
