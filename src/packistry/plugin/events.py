"""Facts told to `packistry_event`. Listeners pick by `isinstance`; a field is only ever added."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened and was committed, at the aware moment `at`."""

    at: datetime = field(default_factory=_now)


@dataclass(frozen=True, kw_only=True)
class PackageAdded(Event):
    """`package` (vendor/name) appeared in the repository with the path `repository` ("": root)."""

    repository: str
    package: str


@dataclass(frozen=True, kw_only=True)
class PackageRemoved(Event):
    """`package` was removed from `repository`."""

    repository: str
    package: str


@dataclass(frozen=True, kw_only=True)
class VersionPublished(Event):
    """`version`, as Composer shows it, is served from `commit` ("" for an uploaded zip)."""

    repository: str
    package: str
    version: str
    commit: str = ""


@dataclass(frozen=True, kw_only=True)
class VersionRemoved(Event):
    """`version` is no longer listed. Its dist stays for lock files that name it."""

    repository: str
    package: str
    version: str


@dataclass(frozen=True, kw_only=True)
class VersionDownloaded(Event):
    """A client fetched the dist of `version`."""

    repository: str
    package: str
    version: str


@dataclass(frozen=True, kw_only=True)
class SyncFailed(Event):
    """The project with the host's id `project`, of the source named `source`, was not read."""

    source: str
    project: str
    error: str


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event):
    """The user with the e-mail `user` signed in by the backend named `backend`."""

    user: str
    backend: str


_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        PackageAdded,
        PackageRemoved,
        VersionPublished,
        VersionRemoved,
        VersionDownloaded,
        SyncFailed,
        SignedIn,
    )
}


def pack_event(event: Event) -> dict[str, str]:
    """The event as strings, so that a job can carry it as JSON; `unpack_event` reverses it."""
    return {"kind": type(event).__name__, **asdict(event), "at": event.at.isoformat()}


def unpack_event(packed: Mapping[str, str]) -> Event:
    """The event `pack_event` made this of. ValueError when it is of no known kind."""
    kind = _KINDS.get(packed.get("kind", ""))
    if kind is None:
        raise ValueError("no event of this kind")
    # A field an older or newer process wrote and this one does not know is not worth a failure.
    known = {each.name for each in fields(kind)} - {"at"}
    values = {name: value for name, value in packed.items() if name in known}
    return kind(at=datetime.fromisoformat(packed["at"]), **values)
