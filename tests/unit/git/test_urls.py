import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.git import GitPolicy
from packistry.git.errors import RefusedUrl
from packistry.git.urls import parse

POLICY = GitPolicy(allow_http=True)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://Example.org/a.git", "https://example.org/a.git"),
        ("https://example.org:443/a.git", "https://example.org/a.git"),
        ("https://example.org:8443/a b".replace(" ", "%20"), "https://example.org:8443/a%20b"),
        ("https://ada@example.org/a", "https://example.org/a"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]/a"),
        ("https://example.org/größe.git", "https://example.org/gr%C3%B6%C3%9Fe.git"),
        ("ssh://git@example.org/~ada/a.git", "ssh://git@example.org/~ada/a.git"),
        ("ssh://git@example.org:7999/p/a.git", "ssh://git@example.org:7999/p/a.git"),
        ("git@Example.org:acme/lib.git", "git@example.org:acme/lib.git"),
        ("example.org:/srv/lib.git", "example.org:/srv/lib.git"),
        ("http://example.org/a", "http://example.org/a"),
    ],
)
def test_a_usual_url_is_given_to_git_in_one_form(url: str, text: str) -> None:
    assert parse(url, POLICY).text == text


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.git#x",
        "https://example.org:99999/a",
        "https:///a",
        "https://example.org\\@evil.org/a",
        "https://exa mple.org/a",
        "ssh://git;id@example.org/a",
        "ssh://-x@example.org/a",
        "-x@example.org:a",
        "host::path",
        "a::b::c",
        "just-a-word",
        "file://host/srv/a",
        "javascript://x",
        "https://example.org/%00",
        "https://example.org/%zz",
    ],
)
def test_an_odd_url_is_refused(url: str) -> None:
    with pytest.raises(RefusedUrl):
        parse(url, POLICY)


def test_http_needs_the_operators_leave() -> None:
    with pytest.raises(RefusedUrl, match="PACKISTRY_GIT_ALLOW_HTTP=true"):
        parse("http://example.org/a", GitPolicy())


def test_a_path_below_a_root_is_handed_over_as_a_file_url(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    policy = GitPolicy(local_roots=(tmp_path,))
    assert parse(f"{tmp_path}/./a b", policy).text == f"file://{tmp_path}/a%20b"


@pytest.mark.parametrize("path", ["..", "../other", "a/../../other"])
def test_a_path_that_climbs_out_of_its_root_is_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(RefusedUrl):
        parse(f"{root}/{path}", GitPolicy(local_roots=(root,)))


def test_a_root_whose_name_only_begins_the_same_is_another(tmp_path: Path) -> None:
    (tmp_path / "root-2").mkdir()
    with pytest.raises(RefusedUrl):
        parse(f"{tmp_path}/root-2", GitPolicy(local_roots=(tmp_path / "root",)))


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@pytest.mark.parametrize("start", ["", "https://", "ssh://", "git@", "https://example.org/"])
def test_no_accepted_url_can_be_an_option_or_another_transport(start: str, text: str) -> None:
    with contextlib.suppress(RefusedUrl):
        found = parse(start + text, POLICY).text
        assert not found.startswith("-")
        assert found.isprintable()
        assert "::" not in found.partition("/")[0] or "[" in found
        assert "password" not in found
