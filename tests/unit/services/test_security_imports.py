"""What a host, an author or an operator's typing error must not do by an import."""

from pathlib import Path

import pytest

from packistry.errors import PackistryError
from packistry.models import Channel
from packistry.plugin import CredentialsError, NotFound, PluginError, Rejected, Unavailable
from tests import faulty
from tests.importing import Importing
from tests.repositories import GitRepository

HOSTILE = (
    "remote: \x1b[2J\x1b]0;x\x07<script>\u202e pkdt-0123456789abcdef https://ada:pw@h/ "
    + "x" * 9000
)


@pytest.mark.parametrize("kind", [Unavailable, NotFound, Rejected, CredentialsError])
def test_a_hostile_message_reaches_the_ledger_as_plain_text(
    importing: Importing, host: faulty.Host, kind: type[PluginError]
) -> None:
    def fails() -> None:
        raise kind(HOSTILE)

    package = importing.add("7", provider="faulty")
    host.on_open = fails
    sync = importing.sync(package)
    for text in (sync.error, importing.project(package).unreachable):
        assert all(c.isprintable() or c == "\n" for c in text)
        assert "0123456789abcdef" not in text
        assert "ada:pw" not in text
        assert len(text) <= 4096
    assert sync.error.startswith("remote: <script>")


def test_the_reason_of_a_ref_is_plain_text_too(importing: Importing, host: faulty.Host) -> None:
    def fails(name: str) -> None:
        if name == "1.0.0":
            raise Rejected(HOSTILE)

    host.on_archive = fails
    package = importing.add("7", provider="faulty")
    importing.sync(package)
    reason = importing.reasons(package)["1.0.0"]
    assert all(c.isprintable() or c == "\n" for c in reason)
    assert "0123456789abcdef" not in reason


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/x",
        "fd::17/foo",
        "git://127.0.0.1/x.git",
        "file:///etc",
        "/etc",
        "../../etc",
        "--upload-pack=touch x",
        "-oProxyCommand=x",
        "https://-oProxyCommand=x/y",
        "ssh://-oProxyCommand=x/y",
        "https://host/x%0ay.git",
        "https://host/x\ny.git",
        "https://127.0.0.1:1/x.git\x00",
    ],
)
def test_a_url_that_runs_or_reads_something_is_refused_before_anything_is_stored(
    importing: Importing, url: str
) -> None:
    with pytest.raises(PackistryError):
        importing.add(url)
    folder = importing.runtime.settings.root / "projects"
    assert not folder.exists()


def test_a_package_of_our_own_paths_cannot_be_imported(
    importing: Importing, repository: GitRepository
) -> None:
    """A package `api/users` cannot be made or imported."""
    repository.commit({"name": "api/users"})
    repository.tag("1.0.0")
    package = importing.imported(repository)
    assert importing.package(package).name is None
    assert importing.versions(package) == {}


def test_a_branch_with_markup_keeps_its_name_and_writes_no_file(
    importing: Importing, library: GitRepository, tmp_path: Path
) -> None:
    for name in ("<img-src=x-onerror=alert(1)>", "--output=x", "$(touch-x)", "`touch-x`", "a;b|c"):
        library.branch(name)
    package = importing.imported(library)
    versions = importing.document(package, Channel.DEV)
    # A constraint could not name the last one.
    assert len(versions) == 5
    assert importing.reasons(package)["a;b|c"]
    assert not list(tmp_path.rglob("x"))
    assert all(version["dist"]["url"].isascii() for version in versions.values())
    assert not any("<" in version["dist"]["url"] for version in versions.values())
