"""A plugin that fails harms itself alone, and what it knows is its own."""

import gc
import logging
import types
from base64 import b64decode
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest

from packistry import jobs, models
from packistry.inputs import NewSource, SourceChange
from packistry.jobs.scheduler import Scheduler
from packistry.models import SyncState
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.plugins import Plugins
from tests.evil import BUILTIN, Behave, imported, install
from tests.importing import Importing
from tests.repositories import GitRepository

CANARY = "c4nary"
SOON = 20.0


@pytest.fixture
def evil(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Behave:
    return install(runtime, monkeypatch)


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


def test_looking_again_at_a_source_whose_plugin_is_gone_fails_in_words_and_quietly(
    importing: Importing, evil: Behave, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = importing.runtime
    package = imported(importing)
    served = importing.document(package)
    del runtime.context
    runtime.plugins = Plugins.load([BUILTIN])
    with runtime.transaction() as services:
        project = services.session.get_one(models.Project, importing.project(package).id)
        project.next_look_at = project.synced_at = now() - timedelta(days=1)
    with caplog.at_level(logging.WARNING):
        assert Scheduler(runtime).reconcile() == 1
        jobs.drain(runtime)
    assert "No plugin offers the source provider 'evil'" in importing.project(package).unreachable
    assert importing.document(package) == served
    assert caplog.records == []


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
