"""A provider that nobody should trust: what it gives is contained, what it knows is its own."""

import gc
import io
import itertools
import json
import logging
import stat
import types
import zipfile
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Event, Thread
from typing import Any, BinaryIO

import pytest
from pydantic import SecretStr, field_validator

from packistry import jobs
from packistry.inputs import NewSource, SourceChange
from packistry.models import Outcome, SyncState
from packistry.plugin import (
    Config,
    Project,
    Ref,
    RefKind,
    Snapshot,
    SourceProvider,
    hookimpl,
)
from packistry.runtime import Runtime
from packistry.services.plugins import Plugins
from packistry.services.synchronizer import NO_COMMIT
from packistry.settings import MIB, Settings
from tests.importing import Importing
from tests.repositories import GitRepository

GOOD = "9" * 40
BAD = "b" * 40
CANARY = "c4nary"
SOON = 20.0


class EvilConfig(Config):
    token: SecretStr = SecretStr("")

    @field_validator("token")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        Evil.configured(value.get_secret_value())
        return value


class Evil(SourceProvider[EvilConfig]):
    """One sound tag, 1.0.0, and beside it whatever a test sets on the class."""

    name = "evil"
    title = "Evil"
    Config = EvilConfig

    refs: Callable[[], Iterator[Ref]]
    manifest: bytes
    archive: Callable[[str], bytes]
    readme: str
    links: Mapping[str, str]
    configured: Callable[[str], None]
    made: Callable[[str], None]

    def __init__(self, config: EvilConfig, http: Any) -> None:
        super().__init__(config, http)
        Evil.made(config.token.get_secret_value())

    def check(self) -> None: ...

    def projects(self, search: str = "") -> Iterator[Project]:
        return iter(())

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        return Project(id=id, path=id, **self.links)

    @contextmanager
    def open(self, project: Project, workspace: Path) -> Iterator[Snapshot]:
        yield EvilSnapshot()


class EvilSnapshot(Snapshot):
    default_branch = None

    def refs(self) -> Iterator[Ref]:
        yield ref("1.0.0", GOOD)
        yield from Evil.refs()

    def manifest(self, ref: Ref, path: str = "") -> bytes | None:
        return b'{"name": "acme/evil"}' if ref.commit == GOOD else Evil.manifest

    @contextmanager
    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> Iterator[BinaryIO]:
        make = zipped if ref.commit == GOOD else Evil.archive
        yield io.BytesIO(make(prefix))

    def readme(self, ref: Ref, path: str = "") -> str | None:
        return Evil.readme


def ref(name: str, commit: str) -> Ref:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Ref(kind=RefKind.TAG, name=name, commit=commit, committed_at=at)


def one_more(name: str = "2.0.0", commit: str = BAD) -> Callable[[], Iterator[Ref]]:
    return lambda: iter([ref(name, commit)])


def zipped(prefix: str, *extra: tuple[str, bytes, int]) -> bytes:
    """A zip with a composer.json below `prefix`, and these (name, data, mode) anywhere."""
    packed = io.BytesIO()
    plain = stat.S_IFREG | 0o644
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        members = ((f"{prefix}/composer.json", b'{"name": "acme/evil"}', plain), *extra)
        for name, data, mode in members:
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = mode << 16
            archive.writestr(member, data)
    return packed.getvalue()


class Plugin:
    @hookimpl
    def packistry_source_providers(self) -> list[type[SourceProvider[Any]]]:
        return [Evil]


class Installed(EntryPoint):
    def load(self) -> object:
        return Plugin()


def nothing(_token: str) -> None: ...


@pytest.fixture
def evil(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets how the provider misbehaves; until then it does not."""

    def behave(**ways: Any) -> None:
        for name, way in ways.items():
            value = staticmethod(way) if callable(way) else way
            monkeypatch.setattr(Evil, name, value, raising=False)

    behave(
        refs=lambda: iter(()),
        manifest=b'{"name": "acme/evil"}',
        archive=zipped,
        readme="",
        links={},
        configured=nothing,
        made=nothing,
    )
    builtin = EntryPoint(name="builtin", value="packistry.builtin", group="packistry")
    ours = Installed(name="evil", value="evil", group="packistry")
    runtime.plugins = Plugins.load([builtin, ours])
    return behave


Behave = Callable[..., None]


def imported(importing: Importing) -> int:
    package = importing.add("x", provider="evil")
    importing.sync(package)
    return package


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


def give_token(importing: Importing) -> None:
    with importing.runtime.transaction() as services:
        change = SourceChange(config={"token": CANARY})
        services.sources.edit(services.sources.get("evil"), change)


def raises(token: str) -> None:
    raise KeyError(token)


def exits(token: str) -> None:
    raise SystemExit(token)


@pytest.mark.parametrize("method", ["configured", "made"])
@pytest.mark.parametrize("way", [raises, exits])
def test_a_provider_that_cannot_be_made_fails_its_own_syncs_in_words(
    importing: Importing, evil: Behave, library: GitRepository, method: str, way: Any
) -> None:
    package = imported(importing)
    give_token(importing)
    evil(**{method: way})
    sync = importing.sync(package)
    assert sync.state is SyncState.FAILED
    assert "'evil' failed" in sync.error
    assert CANARY not in sync.error
    assert importing.names(package) == {"1.0.0"}
    assert importing.names(importing.imported(library)) == {"dev-main", "v1.0.0"}


@pytest.mark.parametrize("method", ["configured", "made"])
def test_a_provider_that_hangs_while_it_is_made_holds_nobody_up(
    importing: Importing, evil: Behave, library: GitRepository, method: str
) -> None:
    package = imported(importing)
    give_token(importing)
    sync, begun, over = importing.request(package), Event(), Event()

    def hangs(_token: str) -> None:
        begun.set()
        over.wait(SOON)

    evil(**{method: hangs})
    thread = Thread(target=jobs.run, args=(importing.runtime, "sync", sync))
    other = Thread(target=importing.imported, args=(library,))
    thread.start()
    assert begun.wait(SOON)
    other.start()
    other.join(SOON / 2)
    held_up = other.is_alive()
    over.set()
    thread.join()
    other.join()
    assert not held_up


def test_walking_every_object_reachable_from_a_provider_finds_no_other_secret(
    runtime: Runtime, evil: Behave
) -> None:
    with runtime.transaction() as services:
        mine = services.sources.add(
            NewSource(name="mine", provider="evil", config={"token": "mine-7f3a"})
        )
        services.sources.add(
            NewSource(name="git", provider="git", config={"password": "other-9c1e"})
        )
        runtime.provider(services.sources.get("git"))
        provider = runtime.provider(mine)
    key = (runtime.settings.root / "secret.key").read_bytes().split()[-1]
    texts, kinds = reachable(provider)
    assert any(b"mine-7f3a" in text for text in texts)
    for secret in (b"other-9c1e", key, b64decode(key)):
        assert not any(secret in text for text in texts)
    assert not kinds & {"Runtime", "Context", "SecretBox", "Session", "Engine", "Settings"}


def reachable(start: object) -> tuple[set[bytes], set[str]]:
    """All texts below an object, by whatever name or none, and what kinds of object are there.

    Not what any code in the process can import: classes, modules and the globals of functions.
    """
    texts: set[bytes] = set()
    kinds: set[str] = set()
    visited: dict[int, object] = {}
    pending: list[object] = [start]
    while pending:
        at = pending.pop()
        if id(at) in visited or isinstance(at, type | types.ModuleType | logging.Logger):
            continue
        visited[id(at)] = at
        kinds.add(type(at).__name__)
        if isinstance(at, str):
            texts.add(at.encode("utf-8", "replace"))
        elif isinstance(at, bytes | bytearray):
            texts.add(bytes(at))
        elif isinstance(at, types.FunctionType):
            pending += [at.__closure__, at.__defaults__, at.__kwdefaults__, at.__dict__]
        else:
            pending += gc.get_referents(at)
    return texts, kinds
