"""A provider that is not git: folders of files on a shelf, with webhooks."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import Field, SecretStr

from packistry.plugin import (
    Change,
    Config,
    NotFound,
    Project,
    Ref,
    RefDeleted,
    RefKind,
    RefPushed,
    Snapshot,
    SourceProvider,
    WebhookRequest,
    check_signature,
)

Files = dict[str, bytes]


class ShelfConfig(Config):
    """What opens the shelf."""

    token: SecretStr = Field(SecretStr("canary-token"), title="Token")


class ShelfSnapshot(Snapshot):
    default_branch = "main"

    def __init__(self, versions: dict[str, Files]) -> None:
        self.versions = versions

    def refs(self) -> Iterator[Ref]:
        for name, files in self.versions.items():
            kind = RefKind.BRANCH if name == "main" else RefKind.TAG
            at = datetime(2026, 1, 1, tzinfo=UTC)
            yield Ref(kind=kind, name=name, commit=content_id(files), committed_at=at)

    def manifest(self, ref: Ref, path: str = "") -> bytes | None:
        return self.folder(ref, path).get("composer.json")

    @contextmanager
    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> Iterator[BinaryIO]:
        files = self.folder(ref, path)
        if not files:
            raise NotFound("There is no such folder.")
        with io.BytesIO() as stream:
            with zipfile.ZipFile(stream, "w") as archive:
                for name, data in sorted(files.items()):
                    archive.writestr(zipfile.ZipInfo(f"{prefix}/{name}"), data)
            stream.seek(0)
            yield stream

    def readme(self, ref: Ref, path: str = "") -> str | None:
        return self.folder(ref, path).get("README.md", b"").decode() or None

    def folder(self, ref: Ref, path: str) -> Files:
        files = next(each for each in self.versions.values() if content_id(each) == ref.commit)
        start = f"{path}/" if path else ""
        return {
            name.removeprefix(start): data for name, data in files.items() if name.startswith(start)
        }


class Shelf(SourceProvider[ShelfConfig]):
    """Projects in memory. A test may spoil it by overriding a method."""

    name = "shelf"
    title = "Shelf"
    Config = ShelfConfig
    projects_by_id: dict[str, dict[str, Files]] = {}
    snapshot_class: type[ShelfSnapshot] = ShelfSnapshot

    def check(self) -> Sequence[str]:
        """Nothing can be wrong."""
        return ()

    def projects(self, search: str = "") -> Iterator[Project]:
        return (self.project(name) for name in self.projects_by_id if search in name)

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        if id not in self.projects_by_id:
            raise NotFound(f"There is no project {id}.")
        return Project(id=id, path=f"shelf/{id}")

    @contextmanager
    def open(self, project: Project, workspace: Path) -> Iterator[Snapshot]:
        yield self.snapshot_class(self.projects_by_id[project.id])

    def create_webhook(self, project: Project, url: str, secret: str) -> str:
        return "1"

    def delete_webhook(self, project: Project, webhook_id: str) -> None:
        """Gone already."""

    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        check_signature(request, secret)
        body = request.json()
        kind = RefDeleted if body["deleted"] else RefPushed
        return [kind(project_id=body["id"], kind=RefKind.BRANCH, name=body["ref"])]


def content_id(files: Files) -> str:
    listed = json.dumps({name: data.hex() for name, data in sorted(files.items())})
    return hashlib.sha256(listed.encode()).hexdigest()


LIB: dict[str, Files] = {
    "main": {"composer.json": b'{"name": "acme/lib"}', "README.md": b"# Lib", "a/b.php": b"<?php"},
    "1.0": {"composer.json": b'{"name": "acme/lib"}', "c.php": b"<?php"},
}
