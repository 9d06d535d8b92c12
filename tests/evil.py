"""A provider that nobody should trust: one sound tag, and beside it whatever a test wants."""

import io
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pydantic import SecretStr, field_validator

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
from tests.importing import Importing

GOOD = "9" * 40
BAD = "b" * 40
BUILTIN = EntryPoint(name="builtin", value="packistry.builtin", group="packistry")

Behave = Callable[..., None]


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
    links: Mapping[str, Any]
    configured: Callable[[str], None]
    made: Callable[[str], None]

    def __init__(self, config: EvilConfig, http: Any) -> None:
        super().__init__(config, http)
        Evil.made(config.token.get_secret_value())

    def check(self) -> Sequence[str]:
        return ()

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


def install(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Behave:
    """Load the provider. What is returned sets how it misbehaves; until then it does not."""

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
    ours = Installed(name="evil", value="evil", group="packistry")
    runtime.plugins = Plugins.load([BUILTIN, ours])
    return behave


def imported(importing: Importing) -> int:
    package = importing.add("x", provider="evil")
    importing.sync(package)
    return package
