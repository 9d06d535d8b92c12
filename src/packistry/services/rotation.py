"""New keys for old secrets. A key is dropped only when nothing needs it any more.

Everything happens in steps that may be interrupted and repeated: the new key comes first and the
old ones stay, secrets are encrypted anew, and only then old keys go.
"""

import os
import secrets
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from packistry.errors import Conflict
from packistry.models import Source
from packistry.services.context import secrets_place
from packistry.services.secrets import KEY_FILE, SecretBox, key_id, load_keys, new_key


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
        old = [each for each in self._sealed(lock=True) if not self._box.is_current(each.secrets)]
        opened = [(source, self._box.open(source.secrets, secrets_place(source))) for source in old]
        for source, values in opened:
            source.secrets = self._box.seal(values, secrets_place(source))
        self._session.flush()
        return len(opened)

    def keys_in_use(self) -> frozenset[str]:
        """The ids of the keys that stored secrets are encrypted with."""
        return frozenset(source.secrets.partition(":")[0] for source in self._sealed())

    def _sealed(self, *, lock: bool = False) -> list[Source]:
        query = select(Source).where(Source.secrets != "").order_by(Source.id)
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
