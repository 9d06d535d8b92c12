"""What follows the number of a version, and the stability it stands for."""

import re
from functools import lru_cache

from packistry.composer.semver.text import last_line

STABILITIES = r"(?:stable|RC|beta|alpha|dev)"

# Composer repeats `[.-]?\d+`; one digit a turn is the same language without its ambiguity, so a
# long run of digits cannot make the search slow.
MODIFIER = r"[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?\d)*)?)?([.-]?dev)?"

_TAIL = re.compile(MODIFIER + r"(?:\+.*)?\Z", re.ASCII | re.IGNORECASE)
_STABILITY = {"a": "alpha", "alpha": "alpha", "b": "beta", "beta": "beta", "rc": "RC"}


@lru_cache(maxsize=2048)
def parse_stability(version: str) -> str:
    """`dev`, `alpha`, `beta`, `RC` or `stable`, for a normalised version."""
    version = _without_reference(version)
    if version.startswith("dev-") or version.endswith("-dev"):
        return "dev"
    tail = _TAIL.search(last_line(version))
    if tail is None:
        return "stable"
    if tail[3]:
        return "dev"
    return _STABILITY.get((tail[1] or "").lower(), "stable")


def _without_reference(version: str) -> str:
    """Without `#` and what follows it on the last line."""
    line = last_line(version)
    before, _, reference = line.partition("#")
    if not reference:
        return version
    newline = "\n" if version.endswith("\n") else ""
    return version[: len(version) - len(newline) - len(line)] + before + newline
