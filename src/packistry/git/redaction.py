"""Text of strangers, made fit for ledgers, logs, pages and terminals."""

import base64
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

MAX_BYTES = 4096
HIDDEN = "[hidden]"
SHORTEST_SECRET = 4

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?", re.DOTALL)
_TOKENS = re.compile(
    r"\b(?:pkpat-|pkdt-|gh[opsur]_|github_pat_|gl[a-z]{2,6}-|whsec_|ATBB|ATCTT)[A-Za-z0-9_\-.=]{6,}"
)
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_AUTHORIZATION = re.compile(r"(?i)\b((?:proxy-)?authorization|private-token)\s*[:=][^\r\n]*")


def plain(text: str) -> str:
    """Text without terminal escapes, control and bidi characters, cut at 4 KB.

    Line breaks stay; carriage returns, which git uses to overwrite its progress, become them.
    """
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c == "\n" or not is_control(c)).strip()
    return text.encode("utf-8", "replace")[:MAX_BYTES].decode("utf-8", "ignore")


def is_control(character: str) -> bool:
    """Whether a character is invisible or reorders its neighbours: C0, C1, bidi, separators."""
    return unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Text in which secrets, tokens of known shapes and user information of URLs are hidden.

    Secrets shorter than four characters are left: hiding them would show where they are.
    """
    for secret in sorted(_spellings(secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _TOKENS.sub(HIDDEN, text)
    text = _USERINFO.sub("", text)
    return _AUTHORIZATION.sub(rf"\1: {HIDDEN}", text)


def _spellings(secrets: Iterable[str]) -> set[str]:
    found = set()
    for secret in secrets:
        for line in (secret, *secret.splitlines()):
            if len(line) >= SHORTEST_SECRET and not line.startswith("-----"):
                found |= {line, quote(line, safe=""), quote(line)}
                found.add(base64.b64encode(line.encode()).decode())
    return found
