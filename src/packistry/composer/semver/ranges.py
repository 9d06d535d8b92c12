"""Tilde, caret, wildcard and hyphen ranges."""

import re
from dataclasses import dataclass
from typing import Self

from packistry.composer.semver.constraint import Constraint, Operator, SingleConstraint
from packistry.composer.semver.errors import InvalidConstraint, quoted
from packistry.composer.semver.stability import MODIFIER
from packistry.composer.semver.text import END
from packistry.composer.semver.version import normalize

_FLAGS = re.ASCII | re.IGNORECASE
_VERSION = (
    r"v?(\d++)(?:\.(\d++))?(?:\.(\d++))?(?:\.(\d++))?(?:"
    + MODIFIER
    + r"|\.([xX*][.-]?dev))(?:\+\S+)?"
)
_GROUPS = 8  # of _VERSION

_TILDE = re.compile(r"~>?" + _VERSION + END, _FLAGS)
_CARET = re.compile(r"\^" + _VERSION + END, _FLAGS)
_HYPHEN = re.compile(rf"({_VERSION}) +- +({_VERSION}){END}", _FLAGS)
_WILDCARD = re.compile(r"v?(\d++)(?:\.(\d++))?(?:\.(\d++))?(?:\.[xX*])++" + END, re.ASCII)

_LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class _Partial:
    """A version as written in a range: up to four numbers and what follows them."""

    numbers: tuple[str, ...]
    word: str
    dev: str
    wildcard_dev: str

    @classmethod
    def of(cls, groups: tuple[str | None, ...]) -> Self:
        numbers = tuple(number for number in groups[:4] if number is not None)
        word, _, dev, wildcard_dev = (group or "" for group in groups[4:_GROUPS])
        return cls(numbers=numbers, word=word, dev=dev, wildcard_dev=wildcard_dev)

    @property
    def has_stability(self) -> bool:
        return bool(self.word or self.dev or self.wildcard_dev)

    @property
    def lowest_suffix(self) -> str:
        """What to add so that a range begins with the unstable versions of its lower end."""
        return "" if self.has_stability else "-dev"


def tilde(text: str) -> list[Constraint] | None:
    """`~1.2` as `>=1.2 <2.0`; None for anything else. Raises as `parse_constraints` does."""
    match = _TILDE.match(text)
    if match is None:
        return None
    if text.startswith("~>"):
        raise InvalidConstraint(f'{quoted(text)}: "~>" is no operator, "~" is')
    partial = _Partial.of(match.groups())
    position = len(partial.numbers) + bool(partial.wildcard_dev)
    low = normalize(text[1:] + partial.lowest_suffix)
    return _between(low, _next(partial.numbers, max(1, position - 1)))


def caret(text: str) -> list[Constraint] | None:
    """`^1.2` as `>=1.2 <2.0`, `^0.3` as `>=0.3 <0.4`; None for anything else."""
    match = _CARET.match(text)
    if match is None:
        return None
    partial = _Partial.of(match.groups())
    position = 1
    while position < min(3, len(partial.numbers)) and partial.numbers[position - 1] == "0":
        position += 1
    low = normalize(text[1:] + partial.lowest_suffix)
    return _between(low, _next(partial.numbers, position))


def wildcard(text: str) -> list[Constraint] | None:
    """`1.2.*` as `>=1.2 <1.3`; None for anything else."""
    match = _WILDCARD.match(text)
    if match is None:
        return None
    numbers = tuple(number for number in match.groups() if number is not None)
    low = ".".join((*numbers, "0", "0", "0")[:4]) + "-dev"
    high = _next(numbers, len(numbers))
    if low == "0.0.0.0-dev":
        return [SingleConstraint(operator=Operator.BELOW, version=high)]
    return _between(low, high)


def hyphen(text: str) -> list[Constraint] | None:
    """`1.0 - 2.0` as `>=1.0 <2.1`, `1.0 - 2.0.0` as `>=1.0 <=2.0.0`; None for anything else."""
    match = _HYPHEN.match(text)
    if match is None:
        return None
    groups = match.groups()
    first, last = _Partial.of(groups[1:]), _Partial.of(groups[_GROUPS + 2 :])
    low = normalize(groups[0]) + first.lowest_suffix
    high = normalize(groups[_GROUPS + 1])
    if len(last.numbers) >= 3 or last.has_stability:
        return [
            SingleConstraint(operator=Operator.AT_LEAST, version=low),
            SingleConstraint(operator=Operator.AT_MOST, version=high),
        ]
    return _between(low, _next(last.numbers, len(last.numbers)))


def _between(low: str, high: str) -> list[Constraint]:
    return [
        SingleConstraint(operator=Operator.AT_LEAST, version=low),
        SingleConstraint(operator=Operator.BELOW, version=high),
    ]


def _next(numbers: tuple[str, ...], position: int) -> str:
    """The lowest version whose number at `position`, counted from 1, is one greater."""
    raised = (*numbers[: position - 1], _successor(numbers[position - 1]))
    return ".".join((*raised, "0", "0", "0")[:4]) + "-dev"


def _successor(number: str) -> str:
    """One more, written as PHP writes it: in scientific notation where integers end."""
    value = int(number)
    if value < _LARGEST_INTEGER:
        return str(value + 1)
    if len(str(value)) > 309 or float(value) == float("inf"):
        return "INF"
    mantissa, _, exponent = f"{float(value) + 1:.13E}".partition("E")
    whole, _, fraction = mantissa.partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}E+{int(exponent)}"
