from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.semver import normalize, parse_constraints
from packistry.composer.versions import (
    SkippedRef,
    VersionName,
    order_branches,
    order_tags,
    version_of_branch,
    version_of_tag,
    version_of_upload,
)

ANY = ".9999999"


@pytest.mark.parametrize(
    ("tag", "pretty", "normalized"),
    [
        ("v0.1.0", "v0.1.0", "0.1.0.0"),
        ("0.2", "0.2", "0.2.0.0"),
        ("release-0.3.0", "0.3.0", "0.3.0.0"),
        ("v1.2-RC1", "v1.2-RC1", "1.2.0.0-RC1"),
        ("0.7.0+meta", "0.7.0+meta", "0.7.0.0"),
        ("V1.0.0", "V1.0.0", "1.0.0.0"),
        ("20100102", "20100102", "20100102"),
        ("1.2.3.4", "1.2.3.4", "1.2.3.4"),
    ],
)
def test_a_tag_names_a_version_and_keeps_its_spelling(tag, pretty, normalized):
    assert version_of_tag(tag) == VersionName(pretty=pretty, normalized=normalized)


@pytest.mark.parametrize("tag", ["foo", "1.0.x", "1.2.3.4.5", "release-x", "v", "1.0.0-foo"])
def test_a_tag_that_is_no_version_is_skipped(tag):
    with pytest.raises(SkippedRef, match="is not a version"):
        version_of_tag(tag)


@pytest.mark.parametrize("tag", ["0.4.0-dev", "dev-0.5", "1.x-dev", "master", "1.0-RC1-dev"])
def test_a_tag_with_dev_in_front_or_behind_is_skipped(tag):
    with pytest.raises(SkippedRef, match="only a branch"):
        version_of_tag(tag)


def test_a_tag_that_contradicts_composer_json_is_skipped_and_both_are_named():
    with pytest.raises(SkippedRef, match=r'"1\.9\.0" does not match the version "2\.0\.0"'):
        version_of_tag("1.9.0", "2.0.0")


@pytest.mark.parametrize(
    ("tag", "typed", "pretty"),
    [("3.6.0", "3.6", "3.6"), ("v1.0", "1.0.0", "1.0.0"), ("1.0", "1.0-dev", "1.0")],
)
def test_the_version_in_composer_json_gives_the_spelling(tag, typed, pretty):
    assert version_of_tag(tag, typed).pretty == pretty


@pytest.mark.parametrize("typed", ["", "x", "1.0.x", "dev-main"])
def test_a_tag_with_an_unusable_version_in_composer_json_is_skipped(typed):
    with pytest.raises(SkippedRef):
        version_of_tag("1.0.0", typed)


@pytest.mark.parametrize("tag", ["1.0+a,b", "1.0+a|b"])
def test_a_tag_that_breaks_a_constraint_is_skipped(tag):
    with pytest.raises(SkippedRef, match="constraint"):
        version_of_tag(tag)


@pytest.mark.parametrize(
    ("branch", "pretty", "normalized"),
    [
        ("1.0", "1.0.x-dev", f"1.0{ANY}{ANY}-dev"),
        ("1.x", "1.x-dev", f"1{ANY}{ANY}{ANY}-dev"),
        ("v2", "v2.x-dev", f"2{ANY}{ANY}{ANY}-dev"),
        ("v2.1.x", "v2.1.x-dev", f"2.1{ANY}{ANY}-dev"),
        ("2.0.0", "2.0.0.x-dev", f"2.0.0{ANY}-dev"),
        ("1.2.3.4", "1.2.3.4-dev", "1.2.3.4-dev"),
        ("main", "dev-main", "dev-main"),
        ("master", "dev-master", "dev-master"),
        ("feature/x", "dev-feature/x", "dev-feature/x"),
        ("5.x-wip", "dev-5.x-wip", "dev-5.x-wip"),
        ("dev-foo", "dev-dev-foo", "dev-dev-foo"),
        ("issue#12", "dev-issue+12", "dev-issue+12"),
        ("1.2.3.4.5", "dev-1.2.3.4.5", "dev-1.2.3.4.5"),
    ],
)
def test_a_branch_names_a_dev_version(branch, pretty, normalized):
    name = version_of_branch(branch)
    assert name == VersionName(pretty=pretty, normalized=normalized)
    assert name.dev


def test_a_branch_that_breaks_a_constraint_is_skipped():
    with pytest.raises(SkippedRef, match='"dev-a,b" cannot be used in a constraint'):
        version_of_branch("a,b")


@pytest.mark.parametrize("text", ["1.2", "v1.0-beta", "dev-main", "2.x-dev"])
def test_an_upload_may_name_any_version(text):
    name = version_of_upload(text)
    assert (name.pretty, name.normalized) == (text, normalize(text))


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "dev-main as 1.0", "dev-a,b", "dev-x#abc", "1.0 || 2.0"),
        *("1.0\0", "\x001.0", "1.0+a\x1bb", "1.0+a\u202eb"),
    ],
)
def test_an_upload_of_no_version_is_refused(text):
    with pytest.raises(SkippedRef):
        version_of_upload(text)


def test_a_very_long_version_is_refused_at_once():
    with pytest.raises(SkippedRef):
        version_of_upload("1" * 1_000_000)
    with pytest.raises(SkippedRef):
        version_of_branch("a" * 290)
    with pytest.raises(SkippedRef):
        version_of_branch("a" * 1_000_000)


def test_tags_are_read_in_ref_name_order_so_that_the_first_of_two_wins():
    tags = ["v2.0.0", "v0.8", "2.0.0", "0.8.0", "0.7.0+meta", "0.7.0", "é", "Z"]
    assert order_tags(tags) == [
        "0.7.0",
        "0.7.0+meta",
        "0.8.0",
        "2.0.0",
        "Z",
        "v0.8",
        "v2.0.0",
        "é",
    ]


def test_branches_are_read_in_ref_name_order_after_the_default_one():
    assert order_branches(["b", "a", "main", "1.x"], "main") == ["main", "1.x", "a", "b"]
    assert order_branches(["b", "a"], None) == ["a", "b"]


texts = st.text(max_size=20) | st.from_regex(
    r"v?[0-9x.]{1,8}(-?(dev|RC|beta)[0-9]?)?", fullmatch=True
)


@given(texts, st.sampled_from([version_of_tag, version_of_upload]))
def test_every_name_given_to_a_tag_or_upload_normalises_to_its_key(text, name_of):
    with suppress(SkippedRef):
        name = name_of(text)
        parse_constraints(name.pretty)
        assert normalize(name.pretty) == name.normalized


@given(texts)
def test_every_name_given_to_a_branch_is_a_dev_version_and_a_constraint(text):
    with suppress(SkippedRef):
        name = version_of_branch(text)
        parse_constraints(name.pretty)
        parse_constraints(name.normalized)
        assert name.dev
