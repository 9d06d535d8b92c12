import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.semver import (
    MatchAll,
    MatchNone,
    MultiConstraint,
    Operator,
    SingleConstraint,
    compare,
    parse_constraints,
)

MEETING = [
    (">=1.0", "<=1.0", True),
    (">1.0", "<=1.0", False),
    (">=2.0", "<2.0", False),
    ("^1.0", "^1.5", True),
    ("^1.0", "^2.0", False),
    (">1 <2", "<=1 || >=2", False),
    ("<=1 || >=2", ">1 <2", False),
    ("<1", "<9", True),
    (">9", ">1", True),
    ("!=1.0", "==1.0", False),
    ("!=1.0", "==1.1", True),
    ("!=1.0", "!=1.0", True),
    ("!=1.0", ">=1.0", True),
    ("dev-a", "dev-a", True),
    ("dev-a", "dev-b", False),
    ("dev-a", ">=1.0", False),
    ("dev-a", "!=1.0", True),
    ("dev-a", "!=dev-a", False),
    ("!=dev-a", "!=dev-a", True),
    ("!=1.0", ">dev-a", False),
    ("!=dev-a", ">1.0", True),
    (">dev-a", ">dev-a", False),
    ("*", "dev-a", True),
    ("*", ">1 <2", True),
]
STRINGS = st.sampled_from(
    [
        "*",
        "^1.0",
        "~1.2",
        ">1 <2",
        "<1 || >2",
        "!=1.5",
        "1.5",
        "dev-a",
        "!=dev-a",
        "1.0 - 2.0",
        ">=2",
    ]
)


@pytest.mark.parametrize(("one", "other", "meet"), MEETING)
def test_two_constraints_meet_where_one_version_can_be_in_both(one, other, meet):
    assert parse_constraints(one).matches(parse_constraints(other)) is meet


@given(STRINGS, STRINGS)
def test_meeting_is_mutual(one, other):
    first, second = parse_constraints(one), parse_constraints(other)
    assert first.matches(second) is second.matches(first)


def test_a_normalized_version_can_be_matched_as_it_is():
    assert parse_constraints("^1.0").matches("1.2.0.0")


def test_all_versions_match_everything():
    assert MatchAll().matches("dev-main")


def test_no_version_matches_nothing():
    assert not MatchNone().matches("1.0.0.0")


def test_a_constraint_and_nothing_do_not_meet():
    assert not parse_constraints("^1.0 || ^2.0").matches(MatchNone())


def test_the_text_a_constraint_was_written_in_is_kept():
    assert parse_constraints(" ^1.0|^2.0 ").pretty_string == " ^1.0|^2.0 "


def test_a_constraint_made_from_parts_shows_its_parts():
    at_least = SingleConstraint(operator=Operator.AT_LEAST, version="1.0.0.0-dev")
    below = SingleConstraint(operator=Operator.BELOW, version="2.0.0.0-dev")
    both = MultiConstraint(constraints=(at_least, below), conjunctive=True)
    assert both.pretty_string == "[>= 1.0.0.0-dev < 2.0.0.0-dev]"


def test_the_text_is_no_part_of_the_constraint():
    assert parse_constraints("1.0") == parse_constraints("=1.0.0")


@given(st.sampled_from(list(Operator)), st.integers(0, 9), st.integers(0, 9))
def test_one_version_is_matched_by_its_order(operator, bound, number):
    version, limit = f"{number}.0.0.0", f"{bound}.0.0.0"
    order = compare(version, limit)
    expected = {
        Operator.EQUAL: order == 0,
        Operator.NOT_EQUAL: order != 0,
        Operator.BELOW: order < 0,
        Operator.AT_MOST: order <= 0,
        Operator.ABOVE: order > 0,
        Operator.AT_LEAST: order >= 0,
    }
    assert SingleConstraint(operator=operator, version=limit).matches(version) is expected[operator]
