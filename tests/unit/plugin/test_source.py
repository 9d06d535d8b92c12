import hashlib
import hmac
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.plugin import (
    Change,
    Config,
    InvalidWebhook,
    PluginError,
    Project,
    Ref,
    RefKind,
    Snapshot,
    SourceProvider,
    WebhookRequest,
    check_signature,
    check_token,
)
from packistry.testing import FakeHost

SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


class Silent(SourceProvider[Config]):
    """A place that cannot send webhooks, nor list projects."""

    name = "silent"
    title = "Silent place"
    Config = Config

    def check(self) -> Sequence[str]:
        return ()

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        return Project(id=id, path=id)

    def open(self, project: Project, workspace: Path) -> AbstractContextManager[Snapshot]:
        raise NotImplementedError


class Talking(Silent):
    """A place that can."""

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        return ()


class Shelf(Snapshot):
    """Three refs of two contents."""

    default_branch = "main"

    def refs(self) -> Iterator[Ref]:
        for name, commit in (("main", "a" * 40), ("next", "b" * 40), ("same", "a" * 40)):
            at = datetime(2026, 1, 1, tzinfo=UTC)
            yield Ref(kind=RefKind.BRANCH, name=name, commit=commit, committed_at=at)

    def manifest(self, ref: Ref, path: str = "") -> bytes | None:
        return f"{ref.commit[0]}{path}".encode()

    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> AbstractContextManager[BinaryIO]:
        raise NotImplementedError

    def readme(self, ref: Ref, path: str = "") -> str | None:
        return None


def request(body: bytes = BODY, **headers: str) -> WebhookRequest:
    return WebhookRequest(
        headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body
    )


def test_the_published_signature_passes() -> None:
    check_signature(request(x_hub_signature_256=SIGNATURE), SECRET)


def test_a_bare_signature_in_another_header_passes() -> None:
    bare = SIGNATURE.removeprefix("sha256=")
    check_signature(request(x_gitea_signature=bare), SECRET, header="X-Gitea-Signature", prefix="")


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE.upper(),
        SIGNATURE.removeprefix("sha256="),
        "sha1=757107ea0eb2509fc211221cce984b8a37570b6d",
        "sha256=ü",
        "\ud800",
    ],
    ids=ascii,
)
def test_every_other_signature_is_refused(signature: str) -> None:
    with pytest.raises(InvalidWebhook):
        check_signature(request(x_hub_signature_256=signature), SECRET)


def test_a_missing_signature_is_refused() -> None:
    with pytest.raises(InvalidWebhook):
        check_signature(request(), SECRET)


def test_an_empty_secret_never_passes() -> None:
    signed = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    with pytest.raises(InvalidWebhook):
        check_signature(request(x_hub_signature_256=signed), "")
    with pytest.raises(InvalidWebhook):
        check_token(request(x_gitlab_token=""), "", header="X-Gitlab-Token")


def test_the_secret_itself_passes_as_token() -> None:
    check_token(request(x_gitlab_token="ünïcödé"), "ünïcödé", header="X-Gitlab-Token")
    with pytest.raises(InvalidWebhook):
        check_token(request(x_gitlab_token="unicode"), "ünïcödé", header="X-Gitlab-Token")


@given(body=st.binary(), secret=st.text(min_size=1), other=st.binary())
def test_only_the_signed_body_passes(body: bytes, secret: str, other: bytes) -> None:
    key = secret.encode("utf-8", "surrogatepass")
    signed = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    check_signature(request(body, x_hub_signature_256=signed), secret)
    if other != body:
        with pytest.raises(InvalidWebhook):
            check_signature(request(other, x_hub_signature_256=signed), secret)


def test_header_names_are_found_in_any_case() -> None:
    assert request(X_GitHub_Event="push").header("x-github-event") == "push"
    assert request().header("x-github-event") == ""


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        request().headers["X"] = "y"  # type: ignore[index]  # that it is refused is the point


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000])
def test_a_body_that_is_no_json_is_an_invalid_webhook(body: bytes) -> None:
    with pytest.raises(InvalidWebhook):
        request(body).json()


def test_a_clone_url_loses_its_credentials() -> None:
    def cloned(url: str) -> str:
        return Project(id="1", path="a/b", clone_url=url).clone_url

    assert cloned("https://ada:secret@h.example:8443/a/b.git") == "https://h.example:8443/a/b.git"
    assert cloned("https://ada@h.example/a/b.git") == "https://h.example/a/b.git"
    assert cloned("ssh://git:secret@h.example/a/b.git") == "ssh://git@h.example/a/b.git"
    assert cloned("git@h.example:a/b.git") == "git@h.example:a/b.git"
    assert cloned("https://[broken") == ""


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "//x", "https://["]
)
def test_a_link_that_is_not_http_is_dropped(url: str) -> None:
    assert Project(id="1", path="a/b", web_url=url).web_url == ""


def test_a_path_loses_what_cannot_be_shown() -> None:
    assert Project(id="1", path="a\x1b[2J/\u202eb\n").path == "a[2J/b"


@pytest.mark.parametrize("given_id", ["", "a\nb", "a\0", "\u202e", "x" * 501], ids=ascii)
def test_an_id_that_cannot_be_stored_is_refused(given_id: str) -> None:
    with pytest.raises(ValueError, match="id"):
        Project(id=given_id, path="a/b")


def test_many_manifests_are_read_once_per_commit() -> None:
    shelf = Shelf()
    assert shelf.manifests(shelf.refs(), "x") == {"a" * 40: b"ax", "b" * 40: b"bx"}
    assert list(shelf.notices(next(shelf.refs()))) == []


def test_a_place_without_webhooks_says_so() -> None:
    silent = Silent(Config(), FakeHost().client())
    project = silent.project("1")
    assert not silent.supports_webhooks
    with pytest.raises(PluginError, match="Silent place"):
        silent.create_webhook(project, "https://x.example", "secret")
    with pytest.raises(PluginError):
        silent.delete_webhook(project, "1")
    with pytest.raises(InvalidWebhook):
        silent.receive_webhook(request(), "secret")
    assert silent.delivery_id(request()) == ""


def test_webhooks_are_supported_by_implementing_them() -> None:
    assert Talking.supports_webhooks


def test_projects_are_listed_by_implementing_it() -> None:
    class Listing(Silent):
        def projects(self, search: str = "") -> Iterator[Project]:
            yield Project(id="1", path="a/b")

    class Denying(Listing):
        lists_projects = False

    assert (Silent.lists_projects, Listing.lists_projects) == (False, True)
    assert not Denying.lists_projects
    assert list(Silent(Config(), FakeHost().client()).projects("x")) == []
