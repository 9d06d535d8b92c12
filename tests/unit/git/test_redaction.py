import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.git import GitError, GitRemote
from packistry.git.errors import RefusedUrl
from packistry.git.redaction import plain, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("remote: \x1b[2J<script>", "remote: <script>"),
        ("\x1b]0;title\x07x", "x"),
        ("a\x00\x07\x9bb\u202ec\u200b", "abc"),
        ("10%\r20%\r\ndone", "10%\n20%\ndone"),
        ("line\nline", "line\nline"),
    ],
)
def test_text_of_a_remote_becomes_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_plain_text_holds_nothing_a_terminal_obeys(text: str) -> None:
    found = plain(text)
    assert all(ord(c) >= 0x20 or c == "\n" for c in found)
    assert "\x1b" not in found
    assert len(found.encode()) <= 4096


def test_plain_text_is_cut_at_4_kb_between_characters() -> None:
    assert plain("é" * 5000) == "é" * 2048


@pytest.mark.parametrize(
    "text",
    [
        "pkpat-abcdefghijklmnop",
        "pkdt-abcdefghijklmnop",
        "ghp_abcdefghijklmnop",
        "github_pat_abcdefghijklmnop",
        "glpat-abcdefghijklmnop",
        "whsec_abcdefghijklmnop",
        "Authorization: Basic abcdefghijklmnop",
        "https://user:abcdefghijklmnop@example.org/",
        "https://abcdefghijklmnop@example.org/",
        "PRIVATE-TOKEN: abcdefghijklmnop",
    ],
)
def test_a_token_of_a_known_shape_is_hidden(text: str) -> None:
    assert "abcdefghijklmnop" not in GitError(f"fatal: {text}").reason


SECRET = 's3cret/+ "x"é'


@pytest.mark.parametrize(
    "spelling",
    [SECRET, quote(SECRET), quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()],
)
def test_a_configured_secret_is_hidden_however_it_is_written(spelling: str) -> None:
    assert redact(f"a {spelling} b", [SECRET]) == "a [hidden] b"


def test_each_line_of_a_key_is_hidden_but_not_its_frame() -> None:
    key = "-----BEGIN KEY-----\nabcdef\nghijkl\n-----END KEY-----"
    assert redact("abcdef -----BEGIN KEY----- ghijkl", [key]) == (
        "[hidden] -----BEGIN KEY----- [hidden]"
    )


def test_a_remotes_repr_shows_only_its_url() -> None:
    remote = GitRemote(
        url="https://example.org/a",
        username="canary1",
        password="canary2",
        ssh_key="canary3",
        known_hosts="canary4",
    )
    assert repr(remote) == "GitRemote(url='https://example.org/a')"


@pytest.mark.parametrize("text", ["a\nhost=evil", "a\rb", "a\0b"])
def test_a_line_break_in_credentials_is_refused(text: str) -> None:
    with pytest.raises(RefusedUrl):
        GitRemote(url="https://example.org/a", username="a", password=text)
    with pytest.raises(RefusedUrl):
        GitRemote(url="https://example.org/a", username=text)
