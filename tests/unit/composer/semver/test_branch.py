import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.semver import (
    InvalidVersion,
    normalize,
    normalize_branch,
    parse_numeric_alias_prefix,
)

BRANCHES = [
    ("main", "dev-main"),
    ("1", "1.9999999.9999999.9999999-dev"),
    ("1.x", "1.9999999.9999999.9999999-dev"),
    ("v1.x", "1.9999999.9999999.9999999-dev"),
    ("V1.X", "1.9999999.9999999.9999999-dev"),
    ("1.*", "1.9999999.9999999.9999999-dev"),
    ("1.2", "1.2.9999999.9999999-dev"),
    ("1.2.3", "1.2.3.9999999-dev"),
    ("1.2.3.4", "1.2.3.4-dev"),
    ("1.2.3.4.5", "dev-1.2.3.4.5"),
    ("2024", "2024.9999999.9999999.9999999-dev"),
    ("1.x-foo", "dev-1.x-foo"),
    ("dev-foo", "dev-dev-foo"),
    ("feature/x", "dev-feature/x"),
    ("a#b", "dev-a#b"),
    (" 1.x\n", "1.9999999.9999999.9999999-dev"),
    ("x.1", "dev-x.1"),
    ("١", "dev-١"),
    ("", "dev-"),
]
PREFIXES = [
    ("1.2.x-dev", "1.2."),
    ("2.1-dev", "2.1."),
    ("1-dev", "1."),
    ("1.X-DEV", "1."),
    ("v1.x-dev", None),
    ("1.x.x-dev", None),
    ("1.2.*-dev", None),
    ("1.2", None),
    ("dev-1.2", None),
    ("١-dev", None),
    ("", None),
    ("1" * 300 + "-dev", None),
]


@pytest.mark.parametrize(("name", "version"), BRANCHES)
def test_a_branch_has_the_version_composer_gives_it(name, version):
    assert normalize_branch(name) == version


@pytest.mark.parametrize(("name", "prefix"), PREFIXES)
def test_only_a_plain_numeric_branch_has_a_prefix(name, prefix):
    assert parse_numeric_alias_prefix(name) == prefix


def test_a_branch_name_of_1_mb_is_refused():
    with pytest.raises(InvalidVersion):
        normalize_branch("1." * 500_000)


@given(st.text(max_size=300))
def test_every_branch_name_is_a_version(name):
    assert normalize_branch(name).startswith("dev-") or normalize_branch(name).endswith("-dev")


@given(st.text(alphabet="0123456789.xX*v", max_size=12))
def test_a_numeric_branch_is_the_version_written_with_dev_behind_it(name):
    version = normalize_branch(name)
    # Without a wildcard "1.2-dev" is the release 1.2.0.0-dev instead.
    if not version.startswith("dev-") and set(name) & set("xX*"):
        assert normalize(name + "-dev") == version


@given(st.text())
def test_random_text_has_a_prefix_that_it_begins_with_or_none(name):
    prefix = parse_numeric_alias_prefix(name)
    assert prefix is None or name.startswith(prefix[:-1])
