"""The order of normalised versions: PHP's `version_compare`, and names among branches."""

import re
from functools import lru_cache
from typing import TypeAlias

from packistry.composer.semver.branch import is_branch

SortKey: TypeAlias = tuple[tuple[tuple[int, int], ...], str]

_PARTS = re.compile(r"(\d+)|[a-zA-Z]+", re.ASCII)
_LARGEST = 2**63 - 1  # PHP reads a longer number as this one
_UNKNOWN_WORD = -1
_DEV = (0, 0)
# PHP tells words by how they begin, case-sensitively: "patch" is "p".
_WORDS = (("dev", 0), ("a", 1), ("b", 2), ("RC", 3), ("rc", 3), ("p", 5))
_NUMBER = 4
# Many packages have versions of the same numbers, which lists of them compare again and again.
KEPT = 8192
# A version that ends here is above one that goes on with "RC", below one that goes on with a
# number, and a number is below "patch".
_END = (_NUMBER, -1)


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Branches without a number are below all numbers and ordered by name."""
    left, right = sort_key(a), sort_key(b)
    return (left > right) - (left < right)


@lru_cache(maxsize=KEPT)
def sort_key(version: str) -> SortKey:
    """A key that orders normalised versions exactly as `compare` does."""
    if is_branch(version):
        return (_DEV,), version
    return (*(_weight(part) for part in _PARTS.finditer(version)), _END), ""


def _weight(part: re.Match[str]) -> tuple[int, int]:
    if digits := part[1]:
        return _NUMBER, _number(digits)
    return next((rank for word, rank in _WORDS if part[0].startswith(word)), _UNKNOWN_WORD), 0


def _number(digits: str) -> int:
    if len(digits) < 19:
        return int(digits)
    digits = digits.lstrip("0")
    return _LARGEST if len(digits) > 19 else min(int(digits or "0"), _LARGEST)
