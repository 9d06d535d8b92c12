"""Versions and constraints as `composer/semver` reads and orders them, in plain Python."""

from packistry.composer.semver.branch import normalize_branch, parse_numeric_alias_prefix
from packistry.composer.semver.constraint import (
    Constraint,
    MatchAll,
    MatchNone,
    MultiConstraint,
    Operator,
    SingleConstraint,
)
from packistry.composer.semver.errors import InvalidConstraint, InvalidVersion
from packistry.composer.semver.order import SortKey, compare, sort_key
from packistry.composer.semver.parser import parse_constraints, parse_link_constraint, satisfies
from packistry.composer.semver.stability import parse_stability
from packistry.composer.semver.version import normalize

__all__ = [
    "Constraint",
    "InvalidConstraint",
    "InvalidVersion",
    "MatchAll",
    "MatchNone",
    "MultiConstraint",
    "Operator",
    "SingleConstraint",
    "SortKey",
    "compare",
    "normalize",
    "normalize_branch",
    "parse_constraints",
    "parse_link_constraint",
    "parse_numeric_alias_prefix",
    "parse_stability",
    "satisfies",
    "sort_key",
]
