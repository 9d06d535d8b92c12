"""What an app on a telephone shows."""

import base64

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP


def code(key: str, at: float) -> str:
    """The code that belongs to the key, as a page shows it, at this moment."""
    totp = TOTP(base64.b32decode(key.replace(" ", "")), 6, SHA1(), 30)
    return totp.generate(int(at)).decode()
