import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.semver import (
    InvalidConstraint,
    InvalidVersion,
    parse_constraints,
    parse_link_constraint,
    satisfies,
)

READ = [
    ("*", "*"),
    ("x", "*"),
    ("v*", ">= 0.0.0.0-dev"),
    ("*.*", ">= 0.0.0.0-dev"),
    ("1.0.*", "[>= 1.0.0.0-dev < 1.1.0.0-dev]"),
    ("1.2.x", "[>= 1.2.0.0-dev < 1.3.0.0-dev]"),
    ("v1.*", "[>= 1.0.0.0-dev < 2.0.0.0-dev]"),
    ("0.*", "< 1.0.0.0-dev"),
    ("^1.2", "[>= 1.2.0.0-dev < 2.0.0.0-dev]"),
    ("^0.3", "[>= 0.3.0.0-dev < 0.4.0.0-dev]"),
    ("^0.0.3", "[>= 0.0.3.0-dev < 0.0.4.0-dev]"),
    ("^0.0", "[>= 0.0.0.0-dev < 0.1.0.0-dev]"),
    ("^1.2-beta", "[>= 1.2.0.0-beta < 2.0.0.0-dev]"),
    ("^2.x-dev", "[>= 2.9999999.9999999.9999999-dev < 3.0.0.0-dev]"),
    ("~1", "[>= 1.0.0.0-dev < 2.0.0.0-dev]"),
    ("~1.2", "[>= 1.2.0.0-dev < 2.0.0.0-dev]"),
    ("~1.2.3", "[>= 1.2.3.0-dev < 1.3.0.0-dev]"),
    ("~2.0.x-dev", "[>= 2.0.9999999.9999999-dev < 2.1.0.0-dev]"),
    (">=1.0 <2.0", "[>= 1.0.0.0-dev < 2.0.0.0-dev]"),
    (">=1.0,<2.0", "[>= 1.0.0.0-dev < 2.0.0.0-dev]"),
    (">1.0 , <=2.0", "[> 1.0.0.0 <= 2.0.0.0]"),
    ("1.0 - 2.0", "[>= 1.0.0.0-dev < 2.1.0.0-dev]"),
    ("1.0 - 2", "[>= 1.0.0.0-dev < 3.0.0.0-dev]"),
    ("1.0 - 2.0.0", "[>= 1.0.0.0-dev <= 2.0.0.0]"),
    ("1.0-beta - 2.0-RC1", "[>= 1.0.0.0-beta <= 2.0.0.0-RC1]"),
    ("^1 || ^3", "[[>= 1.0.0.0-dev < 2.0.0.0-dev] || [>= 3.0.0.0-dev < 4.0.0.0-dev]]"),
    ("^1 || ^2", "[>= 1.0.0.0-dev < 3.0.0.0-dev]"),
    ("1.0|2.0", "[== 1.0.0.0 || == 2.0.0.0]"),
    ("!=1.0", "!= 1.0.0.0"),
    ("<>1.0", "!= 1.0.0.0"),
    ("==1.0", "== 1.0.0.0"),
    ("@dev", "*"),
    ("1.0@beta", "== 1.0.0.0"),
    (">=1.0@beta", ">= 1.0.0.0-beta"),
    ("<1.0@stable", "< 1.0.0.0-dev"),
    ("<1.0-rc1", "< 1.0.0.0-RC1-dev"),
    ("<1.0-beta1", "< 1.0.0.0-beta1"),
    ("dev-main", "== dev-main"),
    ("dev-main#abc", "== dev-main"),
    ("1.x-dev#abc", "== 1.9999999.9999999.9999999-dev"),
    ("dev-main as 1.0.0", "== dev-main"),
    ("foo-dev", "== dev-foo"),
    (">=dev-main", ">= dev-main"),
    (" 1.0\n", "== 1.0.0.0"),
    ("1.99999999999999999999.*", "[>= 1.99999999999999999999.0.0-dev < 1.1.0E+20.0.0-dev]"),
]
REFUSED = [
    "",
    "~>1.2",
    "~~1",
    "^",
    "1.*.2",
    "latest",
    "1.0 || ",
    "|| 1.0",
    "1.2.3-SNAPSHOT",
    "1.2.3.4.5",
    "^1.2.3.4.5",
    "self.version",
    "1.0,,2.0,",
    ">=1.0 <",
    "^١",
    "1.0 - 2.0 - 3.0",
]
SATISFIED = [
    ("1.2.3", "^1.2"),
    ("1.2.0-alpha", "^1.2"),
    ("v1.9", "^1.2"),
    ("dev-main", "*"),
    ("dev-main", "dev-main#0123456"),
    ("1.x-dev", "1.*"),
    ("2.0.99", "1.0 - 2.0"),
    ("01.0", "1.0"),
]
UNSATISFIED = [
    ("2.0.0-alpha", "^1.2"),
    ("dev-main", ">=0"),
    ("dev-main", "v*"),
    ("dev-main", "dev-Main"),
    ("2.0.1", "1.0 - 2.0.0"),
    ("1.0-beta", ">=1.0@RC"),
]
PIECES = [
    "1",
    "1.",
    " ",
    "a",
    "#",
    "@",
    "dev-#",
    "-p",
    ">=",
    "|",
    "||",
    "1|",
    "1 ",
    ",",
    " as ",
    "+",
]


@pytest.mark.parametrize(("text", "meaning"), READ)
def test_a_constraint_means_what_composer_makes_of_it(text, meaning):
    assert str(parse_constraints(text)) == meaning


@pytest.mark.parametrize("text", REFUSED)
def test_what_composer_cannot_read_is_no_constraint(text):
    with pytest.raises(InvalidConstraint):
        parse_constraints(text)


@pytest.mark.parametrize(("version", "constraint"), SATISFIED)
def test_a_version_inside_satisfies_the_constraint(version, constraint):
    assert satisfies(version, constraint)


@pytest.mark.parametrize(("version", "constraint"), UNSATISFIED)
def test_a_version_outside_does_not_satisfy_the_constraint(version, constraint):
    assert not satisfies(version, constraint)


def test_a_link_to_self_version_means_the_version_of_its_owner():
    assert str(parse_link_constraint("self.version", "v1.2")) == "== 1.2.0.0"


def test_a_link_to_self_version_keeps_its_text():
    assert parse_link_constraint("self.version", "dev-main").pretty == "self.version"


def test_any_other_link_is_read_as_a_constraint():
    assert parse_link_constraint("^1.0", "2.0") == parse_constraints("^1.0")


def test_an_unreadable_version_is_told_apart_from_an_unreadable_constraint():
    with pytest.raises(InvalidVersion):
        satisfies("latest", "^1.0")


def test_the_reason_shows_no_control_or_bidi_characters():
    with pytest.raises(InvalidConstraint) as refusal:
        parse_constraints("\x1b[31m\u202e^1.0")
    assert refusal.value.reason.isprintable()
    assert refusal.value.reason.isascii()


def test_100_alternatives_are_read():
    assert satisfies("100.0", "|".join(str(number) for number in range(1, 101)))


def test_101_alternatives_are_refused():
    with pytest.raises(InvalidConstraint):
        parse_constraints("|".join(str(number) for number in range(1, 102)))


def test_a_constraint_of_1024_characters_is_read():
    assert satisfies("1.0", "1.0".ljust(1024, " "))


def test_a_constraint_of_1025_characters_is_refused():
    with pytest.raises(InvalidConstraint):
        parse_constraints("1.0".ljust(1025, " "))


@pytest.mark.parametrize("piece", PIECES)
def test_a_1_mb_constraint_is_refused_in_under_10_ms(piece):
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    with pytest.raises(InvalidConstraint):
        parse_constraints(text)
    assert time.process_time() - start < 0.01


@pytest.mark.parametrize("front", ["", "1", "dev-", "^1", "~1.", "1 - ", ">=", "1+"])
@pytest.mark.parametrize("piece", PIECES)
def test_no_constraint_of_allowed_length_takes_long(front, piece):
    text = (front + piece * 1024)[:1020] + "\n!"
    start = time.process_time()
    with suppress(InvalidConstraint):
        parse_constraints(text)
    assert time.process_time() - start < 0.05


@given(st.text())
def test_random_text_is_a_constraint_or_refused(text):
    with suppress(InvalidConstraint):
        assert str(parse_constraints(text))


@given(st.text(alphabet="019.*x^~<>=!|, -@devbRCas#+\n", max_size=40))
def test_random_pieces_of_constraints_are_a_constraint_or_refused(text):
    with suppress(InvalidConstraint):
        assert str(parse_constraints(text))


@given(st.lists(st.integers(0, 99), min_size=3, max_size=3))
def test_a_version_satisfies_its_own_caret_range(parts):
    version = ".".join(map(str, parts))
    assert satisfies(version, f"^{version}")
