"""Constraints as written in `require`, `conflict`, `replace` and `provide`."""

import re
from functools import lru_cache

from packistry.composer.semver import ranges
from packistry.composer.semver.constraint import (
    Constraint,
    MatchAll,
    Operator,
    SingleConstraint,
    all_of,
    any_of,
)
from packistry.composer.semver.errors import InvalidConstraint, InvalidVersion, quoted
from packistry.composer.semver.stability import STABILITIES, parse_stability
from packistry.composer.semver.text import END, trim
from packistry.composer.semver.version import ALIAS, normalize

MAX_CONSTRAINT_LENGTH = 1024
"""Characters in a constraint."""

MAX_ALTERNATIVES = 100
"""Parts of a constraint separated by `|` or `||`."""

_CACHED_LENGTH = 64

_FLAGS = re.ASCII | re.IGNORECASE
_OR = re.compile(r"\s*\|\|?\s*", re.ASCII)
_AND = re.compile(r"(?<!^)(?<!as)(?<![=>< ,]) *(?<!-)[, ](?!-) *(?!,|as|\n?\Z)", re.ASCII)
_FLAGGED = re.compile(rf"([^,\s]*?)@({STABILITIES}){END}", _FLAGS)
_REFERENCE = re.compile(rf"(dev-[^,\s@][^,\s@#]*+|[^,\s@]+?\.x-dev)#.+{END}", _FLAGS)
_ANY = re.compile(rf"(v)?[x*](\.[x*])*{END}", _FLAGS)
_COMPARISON = re.compile(r"(<>|!=|>=?|<=?|==?)?\s*(.*)", re.ASCII)
_BRANCH_BACKWARDS = re.compile(r"[0-9a-zA-Z./-]*-dev\Z", re.ASCII)
# Composer looks for "RC" in text it has lower-cased, so "-rc1" is no modifier to it here.
_MODIFIED = re.compile(
    r"-[._-]?(?:(?:stable|beta|b|alpha|a|patch|pl|p)(?:[.-]?\d)*)?(?:[.-]?dev)?\Z", _FLAGS
)
_OPERATORS = {
    "": Operator.EQUAL,
    "=": Operator.EQUAL,
    "<>": Operator.NOT_EQUAL,
    **{operator.value: operator for operator in Operator},
}
_RANGES = (ranges.tilde, ranges.caret, ranges.wildcard, ranges.hyphen)


def parse_constraints(text: str) -> Constraint:
    """The constraint written in this text, which it keeps as `pretty`.

    Raises InvalidConstraint for what `composer/semver` refuses, for more than
    MAX_CONSTRAINT_LENGTH characters and for more than MAX_ALTERNATIVES alternatives.
    """
    if len(text) > MAX_CONSTRAINT_LENGTH:
        raise InvalidConstraint(
            f"a constraint of {len(text)} characters is longer than {MAX_CONSTRAINT_LENGTH}"
        )
    return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)


def _parse(text: str) -> Constraint:
    alternatives = _OR.split(trim(text))
    if len(alternatives) > MAX_ALTERNATIVES:
        raise InvalidConstraint(
            f"a constraint of {len(alternatives)} alternatives has more than {MAX_ALTERNATIVES}"
        )
    try:
        return any_of([_parse_all(alternative) for alternative in alternatives]).written(text)
    except InvalidVersion as error:
        raise InvalidConstraint(f"{quoted(text)} is not a constraint: {error.reason}") from None


# The versions of a package repeat a few constraints over and over. Long ones are not kept, so that
# hostile ones cannot fill the memory.
_parse_cached = lru_cache(maxsize=1024)(_parse)


def parse_link_constraint(text: str, self_version: str) -> Constraint:
    """The constraint of a link, where `self.version` is the pretty version of the link's owner."""
    if text == "self.version":
        return parse_constraints(self_version).written(text)
    return parse_constraints(text)


def satisfies(version: str, constraints: str) -> bool:
    """Whether a version is within constraints. Raises InvalidVersion, InvalidConstraint."""
    return parse_constraints(constraints).matches(normalize(version))


def _parse_all(text: str) -> Constraint:
    return all_of([found for part in _AND.split(text) for found in _parse_one(part)])


def _parse_one(text: str) -> list[Constraint]:
    """One constraint, or both ends of a range."""
    if alias := ALIAS.match(text):
        text = alias[1]
    text, stability = _unflagged(text)
    if reference := _REFERENCE.match(text):
        text = reference[1]
    if any_version := _ANY.match(text):
        return [_parse_any(any_version)]
    for parse_range in _RANGES:
        if (found := parse_range(text)) is not None:
            return found
    return [_parse_comparison(text, stability)]


def _unflagged(text: str) -> tuple[str, str]:
    """The text without `@stability`, and the stability, "" for none or `stable`."""
    flag = _FLAGGED.match(text)
    if flag is None:
        return text, ""
    return flag[1] or "*", "" if flag[2] == "stable" else flag[2]


def _parse_any(match: re.Match[str]) -> Constraint:
    """`*` means branches too; `v*` and `*.*` mean every number."""
    if match[1] or match[2]:
        return SingleConstraint(operator=Operator.AT_LEAST, version="0.0.0.0-dev")
    return MatchAll()


def _parse_comparison(text: str, stability: str) -> Constraint:
    match = _COMPARISON.match(text)
    sign, written = (match[1] or "", match[2]) if match else ("", text)
    operator = _OPERATORS[sign]
    version = _version_or_branch(written)
    if operator is not Operator.EQUAL and stability and parse_stability(version) == "stable":
        version += "-" + stability
    elif operator in {Operator.BELOW, Operator.AT_LEAST} and not _names_its_stability(written):
        version += "-dev"
    return SingleConstraint(operator=operator, version=version)


def _names_its_stability(written: str) -> bool:
    return written.startswith("dev-") or _MODIFIED.search(written) is not None


def _version_or_branch(written: str) -> str:
    """The normalised version; `foo-dev` is taken for `dev-foo`."""
    try:
        return normalize(written)
    except InvalidVersion:
        if _BRANCH_BACKWARDS.match(written):
            return normalize("dev-" + written.removesuffix("-dev"))
        raise
