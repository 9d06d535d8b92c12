import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.semver import InvalidVersion, normalize, parse_stability

READ = [
    ("1", "1.0.0.0"),
    ("v1.2.3", "1.2.3.0"),
    ("V1.2", "1.2.0.0"),
    ("1.2.3.4", "1.2.3.4"),
    ("00.01.03", "00.01.03.0"),
    ("1.0.0-beta", "1.0.0.0-beta"),
    ("1.0.0beta2", "1.0.0.0-beta2"),
    ("1.0-b3", "1.0.0.0-beta3"),
    ("1.0.0rc2", "1.0.0.0-RC2"),
    ("1.0.0-alpha.1", "1.0.0.0-alpha1"),
    ("1.0.0-a1", "1.0.0.0-alpha1"),
    ("1.0pl2", "1.0.0.0-patch2"),
    ("1.0.0-p3", "1.0.0.0-patch3"),
    ("1.0.0-stable2", "1.0.0.0"),
    ("1.0.0+build5", "1.0.0.0"),
    ("1.0.0-beta.5+foo", "1.0.0.0-beta5"),
    ("1.0.0-beta-5", "1.0.0.0-beta5"),
    ("1.0.0-beta1.2", "1.0.0.0-beta1.2"),
    ("1.0.0_beta", "1.0.0.0-beta"),
    ("1.0-dev", "1.0.0.0-dev"),
    ("1.0.0-rc1-dev", "1.0.0.0-RC1-dev"),
    ("1.0.0.RC.15-dev", "1.0.0.0-RC15-dev"),
    ("1.x-dev", "1.9999999.9999999.9999999-dev"),
    ("2.0.*-dev", "2.0.9999999.9999999-dev"),
    ("v2.x-dev", "2.9999999.9999999.9999999-dev"),
    ("dev-main", "dev-main"),
    ("DEV-Foo", "dev-Foo"),
    ("master", "dev-master"),
    ("dev-1.0", "dev-1.0"),
    ("dev-master#abc", "dev-master#abc"),
    ("dev-foo as 1.0.0", "dev-foo"),
    ("1.2.3@beta", "1.2.3.0"),
    ("12345", "12345.0.0.0"),
    ("100000", "100000"),
    ("20100102", "20100102"),
    ("2010-01-02", "2010.01.02"),
    ("2010.01", "2010.01.0.0"),
    ("20100102-203040-p1", "20100102.203040-patch1"),
    ("2010-01-02-10-20-30.5", "2010.01.02.10.20.30.5"),
    ("9999999-dev", "9999999-dev"),
    ("1.0-", "1.0.0.0"),
    ("1.0.", "1.0.0.0"),
    ("1.0_", "1.0.0.0"),
    ("1.0-Stable", "1.0.0.0-stable"),
    ("trunk", "dev-trunk"),
    ("default", "dev-default"),
    (" \t\n\r\0\x0b1.0 ", "1.0.0.0"),
    ("100000.1.2-dev+build", "100000.1.2.9999999-dev"),
]
REFUSED = [
    "1.2.3.4.5",
    "1.0.0-1",
    "1.0.0-foo",
    "1.0.x",
    "release-1.2.3",
    "foo-dev",
    "1.0.0--beta",
    "",
    "Master",
    "1.0\x0c",
    "\xa01.0",
    "١.0",
    "1.²",
    "1.0-\u017ftable",
    "1.0\nfoo",
]
STABILITIES = [
    ("1.0.0.0", "stable"),
    ("1.0.0.0-patch1", "stable"),
    ("1.0.0.0-RC15", "RC"),
    ("1.0.0.0-beta1.2", "beta"),
    ("1.0.0.0-alpha", "alpha"),
    ("1.0.0.0-RC1-dev", "dev"),
    ("1.9999999.9999999.9999999-dev", "dev"),
    ("dev-1.0.0-beta", "dev"),
    ("1.0b1", "beta"),
    ("1.0a", "alpha"),
    ("1.0.0.0-beta#abc-dev", "beta"),
    ("1.0.0.0#", "stable"),
    ("1.0-beta+foo", "beta"),
    ("", "stable"),
]
SLOW = ["1." * 150, "1.0-beta" + "1" * 290, "1.0-p" + ".1" * 147, "a" * 300, "1+" * 150, "\n" * 300]


@pytest.mark.parametrize(("written", "normalized"), READ)
def test_a_version_has_the_form_composer_gives_it(written, normalized):
    assert normalize(written) == normalized


@pytest.mark.parametrize("written", REFUSED)
def test_what_composer_cannot_read_is_no_version(written):
    with pytest.raises(InvalidVersion):
        normalize(written)


@pytest.mark.parametrize(("version", "stability"), STABILITIES)
def test_the_stability_is_read_from_the_end(version, stability):
    assert parse_stability(version) == stability


def test_the_reason_shows_no_control_or_bidi_characters():
    with pytest.raises(InvalidVersion) as refusal:
        normalize("\x1b[31m\u202e" + "x" * 200)
    assert refusal.value.reason.isprintable()
    assert refusal.value.reason.isascii()


def test_a_version_of_300_characters_is_read():
    assert normalize("dev-" + "x" * 296) == "dev-" + "x" * 296


def test_a_version_of_301_characters_is_refused():
    with pytest.raises(InvalidVersion):
        normalize("dev-" + "x" * 297)


@pytest.mark.parametrize("piece", ["1", "1.", "a", "#", "+", "-dev", "\n", "dev-"])
def test_a_1_mb_version_is_refused_in_under_10_ms(piece):
    version = piece * (1_000_000 // len(piece))
    start = time.process_time()
    with pytest.raises(InvalidVersion):
        normalize(version)
    assert time.process_time() - start < 0.01


@pytest.mark.parametrize("version", SLOW)
def test_no_version_of_allowed_length_takes_10_ms(version):
    start = time.process_time()
    with suppress(InvalidVersion):
        normalize(version)
    assert time.process_time() - start < 0.01


@pytest.mark.parametrize("piece", ["1", "p1", "#", "+", "\n", "-dev", "#\n", "+\n", ".1"])
def test_the_stability_of_long_text_takes_linear_time(piece):
    version = piece * (200_000 // len(piece)) + "!"
    start = time.process_time()
    parse_stability(version)
    assert time.process_time() - start < 0.5


@given(st.text())
def test_random_text_is_a_version_or_refused(text):
    with suppress(InvalidVersion):
        assert normalize(text)


@given(st.text())
def test_random_text_has_one_of_five_stabilities(text):
    assert parse_stability(text) in {"dev", "alpha", "beta", "RC", "stable"}


@given(st.lists(st.integers(0, 99_999), min_size=1, max_size=4), st.sampled_from(["", "v", "V"]))
def test_a_plain_number_is_padded_to_four_parts(parts, prefix):
    padded = [*parts, 0, 0, 0][:4]
    assert normalize(prefix + ".".join(map(str, parts))) == ".".join(map(str, padded))


@given(
    st.sampled_from(["alpha", "beta", "RC", "patch"]),
    st.integers(0, 999),
    st.sampled_from(["", "-dev"]),
)
def test_a_normalized_version_normalizes_to_itself(word, number, dev):
    version = f"1.2.3.4-{word}{number}{dev}"
    assert normalize(version) == version
