"""Hostile JSON: what `parse` refuses."""

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.manifest import BadManifest, parse

NAMED = '{"name": "acme/lib", "extra": %s}'


def refused(data: bytes) -> str:
    with pytest.raises(BadManifest) as caught:
        parse(data)
    return caught.value.reason


def test_a_plain_manifest_is_read():
    assert parse(b'{"name": "acme/lib", "extra": {"n": -1.5}}') == {
        "name": "acme/lib",
        "extra": {"n": -1.5},
    }


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_100_000_brackets_fail_one_ref(bracket):
    assert "deeper than 32" in refused((NAMED % (bracket * 100_000)).encode())


def test_brackets_inside_texts_are_not_levels():
    text = json.dumps({"description": '[{\\"' * 1000})
    assert parse(text.encode()) == json.loads(text)


def test_32_levels_are_accepted_and_33_are_not():
    parse((NAMED % ("[" * 31 + "]" * 31)).encode())
    assert "deeper" in refused((NAMED % ("[" * 32 + "]" * 32)).encode())


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_is_not_finite_is_refused(constant):
    refused((NAMED % constant).encode())


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "-9223372036854775809", "1" * 5000, "-" + "9" * 5000]
)
def test_an_integer_beyond_64_bits_is_refused(number):
    assert "beyond 64 bits" in refused((NAMED % number).encode())


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0])
def test_an_integer_of_64_bits_is_read(number):
    assert parse((NAMED % number).encode())["extra"] == number


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_another_encoding_than_plain_utf_8_is_refused(encoding):
    refused('{"name": "acme/lib"}'.encode(encoding))


def test_latin_1_is_refused_with_its_place():
    assert "not UTF-8 at byte 17" in refused('{"description": "é"}'.encode("latin-1"))


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00\ud800", r"a\udfffb"])
def test_a_manifest_with_half_a_surrogate_pair_is_refused(escape):
    assert "surrogate" in refused((NAMED % f'"{escape}"').encode())


def test_half_a_surrogate_pair_in_a_key_is_refused():
    assert "surrogate" in refused(rb'{"extra": {"\ud800": 1}}')


def test_a_whole_surrogate_pair_is_read():
    assert parse(rb'{"extra": "\ud83d\ude00"}') == {"extra": "😀"}


def test_a_nul_is_refused():
    assert "NUL" in refused(rb'{"extra": {"a\u0000b": 1}}')


def test_two_name_keys_are_refused():
    assert '"name" twice' in refused(b'{"name": "a/b", "type": "x", "name": "c/d"}')


def test_a_key_spelled_twice_by_an_escape_is_refused():
    assert '"name" twice' in refused(rb'{"name": "a/b", "n\u0061me": "c/d"}')


def test_deeper_the_last_of_two_keys_wins_as_in_composer():
    assert parse(b'{"require": {"php": "1", "php": "2"}}') == {"require": {"php": "2"}}


@pytest.mark.parametrize("text", ["", "null", "[]", "[1]", '"x"', "1", "true", "{}", "{", "{} {}"])
def test_something_else_than_one_filled_object_is_refused(text):
    refused(text.encode())


def test_text_that_does_not_end_is_refused_with_the_place_where_it_starts():
    said = refused(b'{"name": "acme')
    assert said.endswith("not valid JSON: Unterminated string starting at line 1, column 10")


def test_more_than_a_megabyte_is_refused():
    assert "1024 KiB" in refused(b'{"a": "' + b"x" * 1024 * 1024 + b'"}')


@pytest.mark.parametrize("piece", ['\\"', '"', "[]", "\\", '{"'])
def test_a_megabyte_of_structure_is_refused_or_read_at_once(piece):
    data = ('{"a": "' + piece * (1_000_000 // len(piece))).encode()
    began = time.perf_counter()
    with pytest.raises(BadManifest):
        parse(data)
    assert time.perf_counter() - began < 2


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    with suppress(BadManifest):
        parse(data)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcxyz", min_size=1), values, min_size=1))
def test_whatever_json_writes_is_read_back(value):
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value
