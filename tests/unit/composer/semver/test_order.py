import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.semver import compare, normalize, normalize_branch, sort_key

ASCENDING = [
    "dev-feature/x",
    "dev-main",
    "0.9.0.0-stable",
    "1.0.0.0-dev",
    "1.0.0.0-alpha1",
    "1.0.0.0-alpha2",
    "1.0.0.0-beta",
    "1.0.0.0-beta1.2",
    "1.0.0.0-beta2",
    "1.0.0.0-beta10",
    "1.0.0.0-RC1-dev",
    "1.0.0.0-RC1",
    "1.0.0.0",
    "1.0.0.0-patch1",
    "1.0.0.1",
    "1.9.0.0",
    "1.10.0.0",
    "1.9999999.9999999.9999999-dev",
    "2.0.0.0-dev",
    "99.0.0.0",
    "100.0.0.0",
    "2024.01.0.0",
    "9999999-dev",
    "20100102",
    "20100102.203040",
    "20100102.203040-patch1",
]
NUMBER = st.sampled_from(["0", "1", "01", "2", "10", "99999", "9223372036854775807", "9" * 30])
MODIFIER = st.sampled_from(
    ["", "-dev", "-alpha", "-beta1", "-beta1.2", "-RC", "-patch2", "-stable"]
)
RELEASE = st.builds(
    lambda numbers, modifier: ".".join(numbers) + modifier,
    st.lists(NUMBER, min_size=1, max_size=5),
    MODIFIER,
)
BRANCH = st.text(max_size=20).map(normalize_branch)
NORMALIZED = st.one_of(RELEASE, BRANCH)


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(ASCENDING)))
def test_a_version_is_below_the_next(lower, higher):
    assert (compare(lower, higher), compare(higher, lower)) == (-1, 1)


def test_sorting_brings_versions_into_composers_order():
    shuffled = random.Random(1).sample(ASCENDING, len(ASCENDING))
    assert sorted(shuffled, key=sort_key) == ASCENDING


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1.0.0.0", "01.0.0.0"),
        ("1.0.0.0-patch", "1.0.0.0-pl"),
        ("9223372036854775807", "9" * 30),
        ("1." + "0" * 5000, "1.0"),
    ],
)
def test_different_spellings_of_one_version_are_equal(a, b):
    assert compare(a, b) == 0


def test_branches_are_told_apart_by_the_case_of_their_names():
    assert compare("dev-Main", "dev-main") != 0


@given(NORMALIZED, NORMALIZED)
def test_the_order_of_two_is_the_reverse_the_other_way_round(a, b):
    assert compare(a, b) == -compare(b, a)


@given(NORMALIZED, NORMALIZED, NORMALIZED)
def test_the_order_is_transitive(a, b, c):
    low, middle, high = sorted([a, b, c], key=sort_key)
    assert compare(low, middle) <= 0
    assert compare(middle, high) <= 0
    assert compare(low, high) <= 0


@given(NORMALIZED, NORMALIZED)
def test_equal_sort_keys_mean_equal_versions(a, b):
    assert (sort_key(a) == sort_key(b)) is (compare(a, b) == 0)


@given(NORMALIZED, NORMALIZED)
def test_a_smaller_sort_key_means_a_lower_version(a, b):
    assert (sort_key(a) < sort_key(b)) is (compare(a, b) < 0)


@given(st.text(), st.text())
def test_random_text_has_an_order(a, b):
    assert compare(a, b) in {-1, 0, 1}


@given(BRANCH.filter(lambda version: version.startswith("dev-")), RELEASE)
def test_a_branch_without_a_number_is_below_every_release(branch, release):
    assert compare(branch, release) == -1


def test_a_number_of_1_mb_is_compared_in_linear_time():
    start = time.process_time()
    assert compare("1." + "9" * 1_000_000, normalize("1.0")) == 1
    assert time.process_time() - start < 0.5
