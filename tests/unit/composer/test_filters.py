import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.filters import (
    DEFAULTS,
    SHORT_LIVED_BRANCHES,
    BadGlob,
    RefFilter,
    check_glob,
    matching,
)

# What git allows in a ref's name has none of the characters that mean something in a glob.
names = st.text("abcXYZ019/._-ß", min_size=1, max_size=12)
globs = st.lists(st.text("abc019/._-*?", min_size=1, max_size=8), max_size=4)
kinds = st.sampled_from(["branch", "tag"])


def of(take: list[str], leave: list[str]) -> RefFilter:
    lists = {"branches": take, "tags": take, "exclude_branches": leave, "exclude_tags": leave}
    return RefFilter.of(package=lists)


@given(names, names)
def test_a_glob_without_wildcards_fits_its_own_name_alone(glob, name):
    assert bool(matching([glob], name)) == (glob == name)


@given(names, names)
def test_a_star_at_the_end_is_a_prefix_also_over_slashes(prefix, name):
    assert bool(matching([f"{prefix}*"], name)) == name.startswith(prefix)


@given(names, st.integers(0, 11))
def test_a_question_mark_is_one_character(name, place):
    cut = min(place, len(name) - 1)
    assert matching([f"{name[:cut]}?{name[cut + 1 :]}"], name)
    assert not matching([f"{name}?"], name)


@given(kinds, names, globs, globs)
def test_a_name_is_left_when_it_is_taken_in_and_not_left_out(kind, name, take, leave):
    left = not of(take, leave).reason(kind, name)
    assert left == (bool(matching(take, name)) and not matching(leave, name))


@given(kinds, names, globs, globs, globs)
def test_what_more_is_left_out_never_brings_anything_in(kind, name, take, leave, more):
    if not of(take, leave + more).reason(kind, name):
        assert not of(take, leave).reason(kind, name)


@given(kinds, names, globs, globs)
def test_a_reason_names_the_list_and_whose_it_is(kind, name, take, leave):
    reason = of(take, leave).reason(kind, name)
    words = "exclude-" if matching(leave, name) else "--"
    assert not reason or (reason.startswith("Filtered out by the package's") and words in reason)


@given(globs, globs)
def test_each_list_of_a_package_overrides_its_sources_alone(mine, theirs):
    chosen = RefFilter.of(
        package={"branches": mine, "tags": None}, source={"branches": theirs, "tags": theirs}
    )
    assert (chosen.branches, chosen.tags) == (tuple(mine), tuple(theirs))
    assert chosen.exclude_branches == DEFAULTS["exclude_branches"]
    assert chosen.origins == {
        "branches": "package",
        "tags": "source",
        "exclude_branches": "default",
        "exclude_tags": "default",
    }


@pytest.mark.parametrize("glob", SHORT_LIVED_BRANCHES)
def test_branches_of_tools_are_left_out_by_default(glob):
    assert RefFilter().reason("branch", glob.replace("*", "x/y"))


@pytest.mark.parametrize("branch", ["main", "renovate", "feature/dependabot/x", "gh-pages-2"])
def test_branches_of_people_are_not_left_out_by_default(branch):
    assert not RefFilter().reason("branch", branch)


@pytest.mark.parametrize("glob", ["", "a b", "a\n", "[ab", "x" * 256])
def test_a_glob_that_can_fit_nothing_is_refused(glob):
    with pytest.raises(BadGlob):
        check_glob(glob)
