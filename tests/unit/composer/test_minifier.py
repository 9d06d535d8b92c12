import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.minifier import expand, minify

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, 1.0, 0.5]),
    st.sampled_from(["", "0", "1", "a", "true", "null"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "0", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
VERSIONS = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4), max_size=6)


def written(versions: list[dict[str, object]]) -> list[dict[str, str]]:
    """Tells 1 from True and 1.0 and sees the order of nested keys."""
    return [{key: json.dumps(value) for key, value in version.items()} for version in versions]


def test_the_first_version_is_complete():
    assert minify([{"name": "a/b", "version": "1"}])[0] == {"name": "a/b", "version": "1"}


def test_a_later_version_lists_only_what_changed():
    versions = [{"name": "a/b", "version": "2"}, {"name": "a/b", "version": "1"}]
    assert minify(versions)[1] == {"version": "1"}


def test_a_key_that_vanished_is_unset():
    assert minify([{"a": 1, "b": 2}, {"b": 2}]) == [{"a": 1, "b": 2}, {"a": "__unset"}]


def test_nested_values_are_replaced_whole():
    versions = [{"require": {"a": "1", "b": "1"}}, {"require": {"a": "1", "b": "2"}}]
    assert minify(versions)[1] == {"require": {"a": "1", "b": "2"}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (True, 1),
        (1, 1.0),
        (False, 0),
        (None, False),
        ([True], [1]),
        ({"a": [1]}, {"a": [1.0]}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([], {}),
        ([1, 2], [2, 1]),
        ([1], [1, 2]),
    ],
)
def test_values_that_php_tells_apart_are_a_change(before, after):
    assert written([minify([{"k": before}, {"k": after}])[1]]) == written([{"k": after}])


def test_null_is_a_value_and_not_absence():
    assert minify([{"a": None}, {"a": None}, {}]) == [{"a": None}, {}, {"a": "__unset"}]


def test_the_word_for_absence_is_never_written_as_a_value():
    assert minify([{"a": "__unset", "b": 1}]) == [{"b": 1}]


def test_no_versions_stay_no_versions():
    assert minify([]) == []


def test_a_key_that_returns_is_listed_again():
    versions = [{"a": 1}, {}, {"a": 1}]
    assert minify(versions) == [{"a": 1}, {"a": "__unset"}, {"a": 1}]


def test_values_nested_deeper_than_python_calls_are_compared():
    def nested() -> list[object]:
        value: list[object] = []
        for _ in range(100_000):
            value = [value]
        return value

    first, second = nested(), nested()
    assert minify([{"a": first}, {"a": second}])[1] == {}


@given(VERSIONS)
def test_expanding_what_was_minified_gives_the_versions_back(versions):
    assert written(expand(minify(versions))) == written(versions)


@given(VERSIONS)
def test_minifying_leaves_the_versions_as_they_were(versions):
    before = copy.deepcopy(versions)
    minify(versions)
    assert written(versions) == written(before)


@given(VERSIONS)
def test_expanding_leaves_the_minified_list_as_it_was(versions):
    minified = minify(versions)
    before = copy.deepcopy(minified)
    expand(minified)
    assert written(minified) == written(before)


def test_changing_an_expanded_version_changes_no_other():
    expanded = expand([{"a": 1}, {}])
    expanded[0]["a"] = 2
    assert expanded[1] == {"a": 1}
