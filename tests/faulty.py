"""A plugin whose host does what a test wants: projects in memory, and faults at will."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from packistry.plugin import (
    Config,
    NotFound,
    Project,
    Ref,
    RefKind,
    Snapshot,
    SourceProvider,
    hookimpl,
)

Fault = Callable[[], None]


def nothing() -> None:
    """No fault."""


@dataclass(kw_only=True)
class Host:
    """Refs by name, each with its files: "main" is the branch, the others are tags.

    `on_open` and `on_archive` (given the ref's name) may raise; `read` lists what was read.
    """

    refs: dict[str, dict[str, bytes]] = field(default_factory=dict)
    path: str = "acme/lib"
    on_open: Fault = nothing
    on_archive: Callable[[str], None] = lambda name: None
    read: list[str] = field(default_factory=list)

    def push(self, name: str, manifest: Mapping[str, Any], **files: bytes) -> str:
        """Put the ref there; what identifies its content."""
        self.refs[name] = {"composer.json": json.dumps(manifest).encode(), **files}
        return commit_of(self.refs[name])


HOSTS: dict[str, Host] = {}


def commit_of(files: Mapping[str, bytes]) -> str:
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()


class HostSnapshot(Snapshot):
    """What a host has."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def default_branch(self) -> str | None:
        return "main" if "main" in self._host.refs else None

    def refs(self) -> Iterator[Ref]:
        for name, files in self._host.refs.items():
            yield Ref(
                kind=RefKind.BRANCH if name == "main" else RefKind.TAG,
                name=name,
                commit=commit_of(files),
                committed_at=datetime(2026, 1, 1, tzinfo=UTC),
            )

    def manifest(self, ref: Ref, path: str = "") -> bytes | None:
        self._host.read.append(ref.name)
        return self._host.refs[ref.name].get("composer.json")

    @contextmanager
    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> Iterator[BinaryIO]:
        self._host.on_archive(ref.name)
        files = self._host.refs.get(ref.name)
        if files is None or commit_of(files) != ref.commit:
            raise NotFound("The host has no such commit.")
        with io.BytesIO() as stream:
            with zipfile.ZipFile(stream, "w") as archive:
                for name, data in sorted(files.items()):
                    archive.writestr(zipfile.ZipInfo(f"{prefix}/{name}"), data)
            stream.seek(0)
            yield stream

    def readme(self, ref: Ref, path: str = "") -> str | None:
        return None


class Faulty(SourceProvider[Config]):
    """Opens what `HOSTS` has."""

    name = "faulty"
    title = "Faulty host"
    Config = Config

    def check(self) -> Sequence[str]:
        """Never fails."""
        return ()

    def projects(self, search: str = "") -> Iterator[Project]:
        yield from ()

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        if id not in HOSTS:
            raise NotFound("There is no such project.")
        return Project(id=id, path=HOSTS[id].path)

    @contextmanager
    def open(self, project: Project, workspace: Path) -> Iterator[Snapshot]:
        host = HOSTS[project.id]
        if project.path != host.path:
            raise NotFound("There is no project of this name.")
        host.on_open()
        yield HostSnapshot(host)


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    return [Faulty]
