import json
from datetime import UTC, datetime

import pytest

from packistry.plugin import (
    Event,
    PackageAdded,
    PackageRemoved,
    SignedIn,
    SyncFailed,
    VersionDownloaded,
    VersionPublished,
    VersionRemoved,
)
from packistry.plugin.events import pack_event, unpack_event

EVENTS: list[Event] = [
    PackageAdded(repository="", package="acme/lib"),
    PackageRemoved(repository="team", package="acme/lib"),
    VersionPublished(repository="", package="acme/lib", version="1.0", commit="a" * 40),
    VersionRemoved(repository="", package="acme/lib", version="dev-main"),
    VersionDownloaded(repository="", package="acme/lib", version="1.0"),
    SyncFailed(source="forge", project="17", error="gone"),
    SignedIn(user="ada@example.org", backend="password"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_travels_as_json(event: Event) -> None:
    assert unpack_event(json.loads(json.dumps(pack_event(event)))) == event


def test_an_event_knows_its_moment() -> None:
    before = datetime.now(UTC)
    assert before <= SignedIn(user="a", backend="b").at <= datetime.now(UTC)


def test_a_field_of_a_newer_process_is_ignored() -> None:
    event = EVENTS[0]
    assert unpack_event({**pack_event(event), "colour": "red"}) == event


@pytest.mark.parametrize("kind", ["", "Event", "os.system"])
def test_an_unknown_kind_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        unpack_event({"kind": kind, "at": "2026-01-01T00:00:00+00:00"})
