"""Secrets at rest: authenticated encryption with a ring of keys.

The library for it is loaded with the first secret: most processes that work for a while, and every
command, need none.
"""

import base64
import binascii
import json
import os
import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from packistry.errors import ConfigurationError
from packistry.services import logs

KEY_FILE = "secret.key"
KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID_BYTES = 4
KEY_ID_LENGTH = 2 * KEY_ID_BYTES


class SecretBox:
    """Encrypts with the first key of the ring, decrypts with any.

    A ciphertext is bound to a place (table, row, field): moved elsewhere it does not decrypt.
    It is written "{key id}:{base64 of nonce and ciphertext}". `reload` reads the ring anew: with
    it, keys that are rotated while this process runs are followed.
    """

    def __init__(
        self, keys: list[bytes], *, reload: Callable[[], list[bytes]] | None = None
    ) -> None:
        self._reload = reload
        self._use(keys)

    def _use(self, keys: list[bytes]) -> None:
        self._ring = {key_id(key): _Box(key) for key in keys}
        self._first = key_id(keys[0])

    def holds(self, key: str) -> bool:
        """Whether a key of this id is in the ring."""
        return key in self._ring

    def refresh(self) -> None:
        """Read the ring anew, if it can be."""
        if self._reload is not None:
            self._use(self._reload())

    def seal(self, values: Mapping[str, str], place: str, *, hide: bool = True) -> str:
        """The ciphertext of `values`; "" for none.

        `hide` False: they are known by their shape or to no one who logs, and so many that
        logging could not look for each.
        """
        if not values:
            return ""
        self.refresh()
        if hide:
            logs.hide(values.values())
        nonce = os.urandom(NONCE_BYTES)
        plain = json.dumps(dict(values)).encode()
        sealed = nonce + self._ring[self._first].cipher.encrypt(nonce, plain, place.encode())
        return f"{self._first}:{base64.b64encode(sealed).decode()}"

    def open(self, ciphertext: str, place: str, *, hide: bool = True) -> dict[str, str]:
        """The values sealed at `place`. Raises ConfigurationError when no key of ours fits.

        `hide` as for `seal`.
        """
        if not ciphertext:
            return {}
        name, _, body = ciphertext.partition(":")
        if name not in self._ring:
            self.refresh()
        box = self._ring.get(name)
        if box is None:
            raise ConfigurationError(
                f"A stored secret was encrypted with the key {name}, which is not among the "
                "keys given. Put the old key back, after the new one, in PACKISTRY_SECRET_KEY or "
                f"in the file {KEY_FILE}."
            )
        from cryptography.exceptions import InvalidTag

        raw = base64.b64decode(body)
        try:
            plain = box.cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode())
        except InvalidTag:
            raise ConfigurationError(
                f"A stored secret of {place} was altered or moved and cannot be decrypted."
            ) from None
        values: dict[str, str] = json.loads(plain)
        if hide:
            # Whoever has them may fail, and say what with.
            logs.hide(values.values())
        return values

    def is_current(self, ciphertext: str) -> bool:
        """Whether the first key encrypted it (rotation re-seals the others)."""
        return not ciphertext or ciphertext.startswith(f"{self._first}:")


class _Box:
    """One key, and the cipher with it once it is needed."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @cached_property
    def cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)


def load_keys(
    setting: str, data_dir: Path, *, may_make: Callable[[], bool] = lambda: True
) -> list[bytes]:
    """The ring from the setting, else from the key file, which is made (0600) if absent.

    Raises ConfigurationError when a key is not base64 of 32 bytes, and when the file is absent and
    `may_make` says that none may be made: secrets that need the lost one are stored.
    """
    if setting:
        return [_decode(part, "PACKISTRY_SECRET_KEY") for part in setting.split(",")]
    path = data_dir / KEY_FILE
    if not path.exists():
        if not may_make():
            raise ConfigurationError(
                f"Secrets are stored, and the file {path} with their key is gone. Put it back, or "
                "set PACKISTRY_SECRET_KEY."
            )
        _write_new_key(path)
    return [_decode(line, str(path)) for line in path.read_text().split()]


def new_key() -> str:
    """A fresh key in the form that PACKISTRY_SECRET_KEY takes."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _write_new_key(path: Path) -> None:
    # A link is atomic and never replaces: of two processes that start at once, one key wins.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(new_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{where}: each key must be base64 of {KEY_BYTES} bytes.")
    return key


def key_id(key: bytes) -> str:
    """The name of a key, which gives nothing of it away."""
    return sha256(b"packistry key id" + key).digest()[:KEY_ID_BYTES].hex()
