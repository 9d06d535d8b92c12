"""What a link asks for, as a value that can be matched with versions and other constraints."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from packistry.composer.semver.branch import is_branch
from packistry.composer.semver.order import compare


class Operator(StrEnum):
    """How a version is compared with that of a constraint."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="

    @property
    def is_inclusive(self) -> bool:
        return self in {Operator.AT_MOST, Operator.AT_LEAST}

    @property
    def is_lower_bound(self) -> bool:
        return self in {Operator.ABOVE, Operator.AT_LEAST}


@dataclass(frozen=True, kw_only=True)
class Constraint(ABC):
    """A set of versions. `str()` is the form `composer/semver` prints; `pretty` is no part of it.

    `pretty` is the text it was parsed from, "" if there was none.
    """

    pretty: str = field(default="", compare=False)

    @property
    def pretty_string(self) -> str:
        """The text it was parsed from, else `str()`."""
        return self.pretty or str(self)

    def written(self, pretty: str) -> Self:
        """The same constraint, parsed from this text."""
        return replace(self, pretty=pretty)

    def matches(self, provider: "Constraint | str") -> bool:
        """Whether a version, normalised, or some version of another constraint is among these."""
        if isinstance(provider, str):
            provider = SingleConstraint(operator=Operator.EQUAL, version=provider)
        return self.matches_constraint(provider)

    @abstractmethod
    def matches_constraint(self, provider: "Constraint") -> bool: ...

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class MatchAll(Constraint):
    """Every version, branches too: `*`."""

    def matches_constraint(self, provider: Constraint) -> bool:
        return True

    def __str__(self) -> str:
        return "*"


@dataclass(frozen=True, kw_only=True)
class MatchNone(Constraint):
    """No version at all."""

    def matches_constraint(self, provider: Constraint) -> bool:
        return False

    def __str__(self) -> str:
        return "[]"


@dataclass(frozen=True, kw_only=True)
class SingleConstraint(Constraint):
    """An operator and a normalised version."""

    operator: Operator
    version: str

    def matches_constraint(self, provider: Constraint) -> bool:
        if isinstance(provider, SingleConstraint):
            return _overlap(self, provider)
        return provider.matches_constraint(self)

    def __str__(self) -> str:
        return f"{self.operator} {self.version}"


@dataclass(frozen=True, kw_only=True)
class MultiConstraint(Constraint):
    """All (`conjunctive`) or any of two or more constraints."""

    constraints: tuple[Constraint, ...]
    conjunctive: bool

    def matches_constraint(self, provider: Constraint) -> bool:
        if not self.conjunctive:
            return any(provider.matches_constraint(part) for part in self.constraints)
        # Each part of "<1 || >2" overlaps with one part of ">1 <2", yet no version is in both:
        # the alternatives have to be tried one by one.
        if isinstance(provider, MultiConstraint) and not provider.conjunctive:
            return provider.matches_constraint(self)
        return all(provider.matches_constraint(part) for part in self.constraints)

    def __str__(self) -> str:
        return f"[{(' ' if self.conjunctive else ' || ').join(map(str, self.constraints))}]"


def all_of(constraints: list[Constraint]) -> Constraint:
    """Their intersection; one alone stays as it is."""
    if len(constraints) == 1:
        return constraints[0]
    return MultiConstraint(constraints=tuple(constraints), conjunctive=True)


def any_of(alternatives: list[Constraint]) -> Constraint:
    """Their union: `>=1 <2` followed by `>=2 <3` becomes one range; one alone stays as it is."""
    merged = alternatives[:1]
    for alternative in alternatives[1:]:
        joined = _joined(merged[-1], alternative)
        if joined is None:
            merged.append(alternative)
        else:
            merged[-1] = joined
    if len(merged) == 1:
        return merged[0]
    return MultiConstraint(constraints=tuple(merged), conjunctive=False)


def _joined(left: Constraint, right: Constraint) -> Constraint | None:
    """One range for two that touch, else None."""
    first, second = _range(left), _range(right)
    if first is None or second is None:
        return None
    if first[1].operator is not Operator.BELOW or first[1].version != second[0].version:
        return None
    return MultiConstraint(constraints=(first[0], second[1]), conjunctive=True)


def _range(constraint: Constraint) -> tuple[SingleConstraint, SingleConstraint] | None:
    """Both ends of `>=a <b` or `>=a <=b`, else None."""
    match constraint:
        case MultiConstraint(
            conjunctive=True,
            constraints=(
                SingleConstraint(operator=Operator.AT_LEAST) as low,
                SingleConstraint(operator=Operator.BELOW | Operator.AT_MOST) as high,
            ),
        ):
            return low, high
        case _:
            return None


def _overlap(a: SingleConstraint, b: SingleConstraint) -> bool:
    if Operator.NOT_EQUAL in {a.operator, b.operator}:
        return _overlap_unequal(*((a, b) if a.operator is Operator.NOT_EQUAL else (b, a)))
    if a.operator is b.operator is Operator.EQUAL:
        return _same(a.version, b.version)
    if is_branch(a.version) or is_branch(b.version):
        return False
    if a.operator is Operator.EQUAL:
        return _contains(b, a.version)
    if b.operator is Operator.EQUAL:
        return _contains(a, b.version)
    if a.operator.is_lower_bound is b.operator.is_lower_bound:
        return True
    low, high = (a, b) if a.operator.is_lower_bound else (b, a)
    order = compare(low.version, high.version)
    return order < 0 or (order == 0 and low.operator.is_inclusive and high.operator.is_inclusive)


def _overlap_unequal(unequal: SingleConstraint, other: SingleConstraint) -> bool:
    if other.operator is Operator.EQUAL:
        return not _same(unequal.version, other.version)
    return other.operator is Operator.NOT_EQUAL or not is_branch(other.version)


def _same(a: str, b: str) -> bool:
    if is_branch(a) or is_branch(b):
        return a == b
    return compare(a, b) == 0


def _contains(bound: SingleConstraint, version: str) -> bool:
    order = compare(version, bound.version)
    if order == 0:
        return bound.operator.is_inclusive
    return (order > 0) is bound.operator.is_lower_bound
