from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.members import MAX_LEVELS, UnsafeMember, folded, safe_links, safe_member


@pytest.mark.parametrize(
    "name",
    [
        "composer.json",
        "src/Foo.php",
        ".gitattributes",
        ".github/workflows/ci.yml",
        "docs/日本語.md",
        "a b/c",
        "console.php",
        "auxiliary",
        "x.con",
        "..a/b..",
        "key:value",
        "git~x",
        "/".join("a" * MAX_LEVELS),
    ],
)
def test_a_name_of_one_file_inside_is_accepted(name):
    safe_member(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/..",
        "./a",
        "a//b",
        "a/",
        ". ",
        "a/.. /b",
        "a/...",
        "C:/x",
        "c:x",
        "top/C:/x",
        "a\\b",
        "..\\x",
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "a\x9bb",
        "a\u202eb",
        ".git/config",
        "a/.GIT/hooks/x",
        ".git./x",
        ".git /x",
        ".g\u200cit/x",
        "git~1/x",
        ".git::$INDEX_ALLOCATION/x",
        "CON",
        "a/nul.txt",
        "com1",
        "LPT9.tar.gz",
        "aux:stream",
        "com¹",
        "x" * 1025,
        "/".join("a" * (MAX_LEVELS + 1)),
        "a\ud800",
    ],
)
def test_a_name_that_leaves_or_means_another_file_is_refused(name):
    with pytest.raises(UnsafeMember) as caught:
        safe_member(name)
    assert caught.value.reason.isprintable()


parts = st.sampled_from(
    ["..", ".", "", "a", "C:", "c:x", "\\", ".. ", "con", "nul.x", ".git", "\x00", "\n", "x.y", " "]
)


@given(
    st.lists(parts, min_size=1, max_size=5).map("/".join)
    | st.lists(parts, min_size=1, max_size=4).map("".join)
    | st.text(max_size=20)
)
def test_no_accepted_name_leaves_the_root_on_posix_or_windows_rules(name):
    try:
        safe_member(name)
    except UnsafeMember:
        return
    posix, windows = PurePosixPath("/root") / name, PureWindowsPath("R:/root") / name
    assert posix.parts[:2] == ("/", "root")
    assert windows.parts[:2] == ("R:\\", "root")
    for part in (*posix.parts[2:], *windows.parts[2:]):
        assert part.rstrip(" .") not in {"", ".", ".."}
    assert not windows.is_reserved()


@pytest.mark.parametrize(
    ("one", "other"), [("A/b", "a/B"), ("é", "e\u0301"), ("straße", "STRASSE"), ("a./b", "a/b")]
)
def test_names_that_are_one_file_somewhere_fold_alike(one, other):
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    "links",
    [
        {"link": "src/Foo.php"},
        {"a/b/link": "../../src"},
        {"a/link": "./b"},
        {"current": "releases/1", "x": "current/../2"},
        {"link": "missing"},
        {"here": "."},
    ],
)
def test_a_link_inside_the_tree_stays(links):
    safe_links(links)


@pytest.mark.parametrize(
    "links",
    [
        {"link": "../../etc/passwd"},
        {"link": "/etc/passwd"},
        {"link": ".."},
        {"a/link": "../.."},
        {"a/link": "../../src"},
        {"link": "C:/x"},
        {"link": "a\\..\\.."},
        {"link": ""},
        {"link": "a\x00b"},
        {"link": ".. /x"},
        {"link": ".git/config"},
        {"link": "x" * 5000},
        {"x/y/z": "../../", "out": "x/y/z/../.."},
        {"x/y/z": "../../", "out": "X/Y/Z/../.."},
        {"a": "a"},
        {"a": "b", "b": "a"},
    ],
)
def test_a_link_that_leaves_the_tree_or_never_ends_is_refused(links):
    with pytest.raises(UnsafeMember):
        safe_links(links)


def test_a_chain_of_links_that_grows_is_refused_at_once():
    links = {f"l{number}": f"l{number + 1}/l{number + 1}" for number in range(60)}
    with pytest.raises(UnsafeMember, match="too many links"):
        safe_links(links)
