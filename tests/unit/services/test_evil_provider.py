"""What a provider that nobody should trust gives is contained."""

import itertools
import json
import stat

import pytest

from packistry.models import Outcome, SyncState
from packistry.runtime import Runtime
from packistry.services.synchronizer import NO_COMMIT
from packistry.settings import MIB, Settings
from tests.evil import BAD, GOOD, Behave, imported, install, one_more, ref, zipped
from tests.importing import Importing

pytestmark = pytest.mark.any_database


@pytest.fixture
def evil(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Behave:
    return install(runtime, monkeypatch)


def found(importing: Importing) -> int:
    """A package of what the provider says of its project, imported."""
    package = importing.add("x", provider="evil")
    with importing.runtime.transaction() as services:
        source = services.sources.get("evil")
        services.projects.adopt(source, importing.runtime.provider(source).project("x"))
    importing.sync(package)
    return package


PLAIN = stat.S_IFREG | 0o644
LINK = stat.S_IFLNK | 0o777


@pytest.mark.parametrize(
    ("name", "data", "mode"),
    [
        ("{}/../../evil.php", b"<?php", PLAIN),
        ("../evil.php", b"<?php", PLAIN),
        ("/etc/cron.d/evil", b"* * * * *", PLAIN),
        ("{}\\..\\..\\evil.php", b"<?php", PLAIN),
        ("C:/evil.php", b"<?php", PLAIN),
        ("{}/.git/hooks/post-checkout", b"#!/bin/sh", PLAIN),
        ("{}/link", b"../../../etc/passwd", LINK),
        ("{}/link", b"/etc/passwd", LINK),
        ("{}/device", b"", stat.S_IFCHR | 0o666),
        ("{}/composer.json", b"{}", PLAIN),
        ("{}/COMPOSER.json", b"{}", PLAIN),
        ("{}/bomb", b"\0" * (60 * MIB), PLAIN),
    ],
    ids=[
        "up",
        "beside",
        "absolute",
        "backslash",
        "drive",
        "git hook",
        "link up",
        "absolute link",
        "device",
        "twice",
        "twice in another case",
        "bomb",
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_an_archive_that_is_not_safe_fails_its_ref_alone_and_is_not_kept(
    importing: Importing, evil: Behave, name: str, data: bytes, mode: int
) -> None:
    evil(
        refs=one_more(),
        archive=lambda prefix: zipped(prefix, (name.format(prefix), data, mode)),
    )
    package = imported(importing)
    item = importing.items(package)["2.0.0"]
    assert (item.outcome, bool(item.reason)) == (Outcome.FAILED, True)
    assert importing.names(package) == set(importing.document(package)) == {"1.0.0"}
    (dist,) = importing.dists(package).values()
    assert list(importing.runtime.storage.keys()) == [dist.storage_key]


def test_bytes_that_are_no_archive_fail_their_ref_alone(importing: Importing, evil: Behave) -> None:
    evil(refs=one_more(), archive=lambda prefix: b"PK\x03\x04 and then nothing")
    assert importing.names(imported(importing)) == {"1.0.0"}


def test_refs_without_end_fail_the_sync_and_touch_nothing(
    importing: Importing, evil: Behave, settings: Settings
) -> None:
    package = imported(importing)
    counted = itertools.count()
    evil(refs=lambda: (ref(f"3.0.{number}", BAD) for number in counted))
    sync = importing.sync(package)
    assert sync.state is SyncState.FAILED
    assert "PACKISTRY_MAX_REFS" in sync.error
    assert importing.names(package) == {"1.0.0"}
    assert next(counted) <= settings.max_refs + 1


@pytest.mark.parametrize(
    "commit",
    ["../../../../etc/passwd", "", "A" * 40, "a" * 39, "a" * 40 + "\n", "a/" * 20, "\0" * 40],
    ids=ascii,
)
def test_a_commit_that_is_none_gets_into_no_path_and_no_address(
    importing: Importing, evil: Behave, commit: str
) -> None:
    evil(refs=one_more(commit=commit))
    package = imported(importing)
    assert importing.reasons(package)["2.0.0"] == NO_COMMIT
    assert importing.names(package) == {"1.0.0"}
    assert importing.dists(package).keys() == {GOOD}


@pytest.mark.parametrize(
    "name", ["../../etc", "a\0b", "v1\n2.0.0", "\udc80", "\u202egnp", "x" * 5000], ids=ascii
)
def test_a_ref_whose_name_cannot_be_used_fails_alone(
    importing: Importing, evil: Behave, name: str
) -> None:
    evil(refs=one_more(name=name))
    package = importing.add("x", provider="evil")
    assert importing.sync(package).state is SyncState.DONE
    assert importing.names(package) == {"1.0.0"}
    (item,) = (each for key, each in importing.items(package).items() if key != "1.0.0")
    assert item.ref.isprintable()
    assert len(item.ref) <= 255


@pytest.mark.parametrize(
    "data",
    [
        b" " * MIB + b'{"name": "acme/evil"}',
        b'{"name": "acme/evil", "version": "' + b"[" * 100_000,
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
    ],
    ids=["large", "cut off", "not UTF-8", "deep", "null"],
)
def test_a_manifest_that_cannot_be_read_fails_its_ref_alone(
    importing: Importing, evil: Behave, data: bytes
) -> None:
    evil(refs=one_more(), manifest=data)
    package = imported(importing)
    assert importing.names(package) == {"1.0.0"}
    assert importing.reasons(package)["2.0.0"]


def test_links_that_run_code_are_in_nothing_that_is_served_or_shown(
    importing: Importing, evil: Behave
) -> None:
    script = "javascript:alert(1)"
    manifest = {
        "name": "acme/evil",
        "homepage": script,
        "authors": [{"name": "Eve", "homepage": script}],
        "support": {"issues": script, "source": "data:text/html,x", "docs": "https://x.test"},
        "funding": [{"type": "x", "url": script}],
    }
    evil(
        refs=one_more(),
        manifest=json.dumps(manifest).encode(),
        links={"web_url": script, "clone_url": script},
    )
    package = found(importing)
    served = json.dumps(importing.document(package))
    assert importing.names(package) == {"1.0.0", "2.0.0"}
    assert "https://x.test" in served
    assert "javascript:" not in served
    assert "data:" not in served
    assert "javascript:" not in importing.project(package).web_url


@pytest.mark.parametrize(
    "clone_url",
    ["javascript:alert(1)", "ext::sh -c evil", "file:///etc", "/etc", "--upload-pack=evil"],
)
def test_composer_is_told_to_clone_from_no_odd_place(
    importing: Importing, evil: Behave, clone_url: str
) -> None:
    evil(links={"clone_url": clone_url})
    package = found(importing)
    assert "source" not in importing.document(package)["1.0.0"]


def test_a_readme_is_cut_and_can_be_stored(importing: Importing, evil: Behave) -> None:
    evil(readme="a\0\ud800" + "x" * (5 * MIB))
    package = importing.package(imported(importing))
    assert package.readme.startswith("a?x")
    assert len(package.readme) <= 512 * 1024
