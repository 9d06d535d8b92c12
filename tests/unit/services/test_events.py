from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest
import transaction

from packistry import jobs
from packistry.plugin import hookimpl
from packistry.plugin.events import Event, PackageAdded, PackageRemoved
from packistry.queue import EmbeddedQueue
from packistry.runtime import Runtime
from packistry.services.events import JOB, Events
from packistry.services.plugins import Plugins
from tests.importing import Importing
from tests.repositories import GitRepository

BUILTIN = EntryPoint("builtin", "packistry.builtin", "packistry")
ADDED = PackageAdded(repository="", package="acme/lib")


class Listener:
    def __init__(self) -> None:
        self.heard: list[Event] = []

    @hookimpl
    def packistry_event(self, event: Event) -> None:
        self.heard.append(event)


class Quitter:
    @hookimpl
    def packistry_event(self, event: Event) -> None:
        raise SystemExit("enough")


class Installed(EntryPoint):
    """A plugin of this test, as if it had been installed."""

    plugins: ClassVar[dict[str, object]] = {}

    def load(self) -> object:
        return self.plugins[self.name]


@pytest.fixture
def queue() -> EmbeddedQueue:
    return EmbeddedQueue()


def events(queue: EmbeddedQueue, **plugins: object) -> Events:
    Installed.plugins.update(plugins)
    points = [Installed(name, f"test_{name}", "packistry") for name in plugins]
    return Events(Plugins.load(points), queue)


def deliver(events: Events, queue: EmbeddedQueue) -> None:
    while job := queue.take():
        assert job.name == "deliver_event"
        (packed,) = job.arguments
        events.deliver(str(packed))


def test_a_listener_hears_of_a_fact_after_the_commit(queue):
    listener = Listener()
    ours = events(queue, listener=listener)
    with transaction.manager:
        ours.announce(ADDED)
        deliver(ours, queue)
        assert listener.heard == []
    deliver(ours, queue)
    assert listener.heard == [ADDED]


def test_nobody_hears_of_what_was_not_committed(queue):
    listener = Listener()
    ours = events(queue, listener=listener)
    transaction.begin()
    ours.announce(ADDED)
    transaction.abort()
    deliver(ours, queue)
    assert listener.heard == []


def test_without_a_listener_nothing_is_sent(queue):
    ours = events(queue)
    with transaction.manager:
        ours.announce(ADDED)
    assert queue.take() is None


def test_a_plugin_that_exits_keeps_no_other_from_hearing(queue):
    listener = Listener()
    ours = events(queue, a_quitter=Quitter(), listener=listener)
    with transaction.manager:
        ours.announce(ADDED)
    deliver(ours, queue)
    assert listener.heard == [ADDED]


def test_a_listener_hears_of_packages_that_are_removed_with_their_repository(
    runtime: Runtime, importing: Importing, library: GitRepository
):
    listener = Listener()
    Installed.plugins["listener"] = listener
    points = [Installed("listener", "test_listener", "packistry"), BUILTIN]
    runtime.plugins = Plugins.load(points, strict=True)
    importing.imported(library, path="team")
    jobs.drain(runtime, [JOB])
    listener.heard.clear()
    with runtime.transaction() as services:
        services.repositories.remove(services.repositories.get("team"))
    jobs.drain(runtime, [JOB])
    (event,) = listener.heard
    assert isinstance(event, PackageRemoved)
    assert (event.repository, event.package) == ("team", "acme/lib")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"kind":"Doom"}', '{"kind":"PackageAdded"}'])
def test_an_event_that_cannot_be_read_is_dropped(queue, text):
    listener = Listener()
    events(queue, listener=listener).deliver(text)
    assert listener.heard == []
