"""What every source provider must do, as tests to inherit."""

import io
import json
import re
import shutil
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from packistry.plugin import (
    NotFound,
    Project,
    Ref,
    RefKind,
    RefusedRef,
    Snapshot,
    SourceProvider,
    form_fields,
    split_secrets,
)
from packistry.testing.webhooks import WebhookContract

HOSTILE_FOLDERS = (
    "..",
    "../..",
    "/",
    "/etc",
    ".",
    "no-such-folder",
    "a/../..",
    "-rf",
    "a\nb",
    "x\n" + "0" * 40,
    "a\0b",
    "composer.json",
    "é\u202e",
    "*",
    ":(glob)**",
    "x" * 5000,
)
"""Folders that no project has, and that must not be read as anything else."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_SOUNDS_SECRET = re.compile(r"password|token|secret|private|_key$|^key$")


class SourceProviderContract:
    """Inherit it in a class named `Test…` and give three fixtures, and a fourth if need be.

    `provider`: configured, over a `FakeHost` or a place the test made. `project`: one of its
    projects, which has at least one ref with a composer.json at its top. `expected_refs`: all its
    refs, as {"branch": {name, …}, "tag": {name, …}}. `missing_id`: the id of no project. A
    provider that supports webhooks also inherits `WebhookContract`.
    """

    @pytest.fixture
    def provider(self) -> SourceProvider[Any]:
        """A configured provider."""
        pytest.fail("give the fixture `provider`")

    @pytest.fixture
    def project(self, provider: SourceProvider[Any]) -> Project:
        """A project with at least one ref whose top folder has a composer.json."""
        pytest.fail("give the fixture `project`")

    @pytest.fixture
    def expected_refs(self) -> Mapping[str, set[str]]:
        """The names of the project's refs by kind."""
        pytest.fail("give the fixture `expected_refs`")

    @pytest.fixture
    def missing_id(self) -> str:
        """The id of no project."""
        return "no-such-project-31415926"

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        """The folder the provider may cache in."""
        path = tmp_path / "workspace"
        path.mkdir(mode=0o700)
        return path

    @pytest.fixture
    def snapshot(
        self, provider: SourceProvider[Any], project: Project, workspace: Path
    ) -> Iterator[Snapshot]:
        """The project, opened."""
        with provider.open(project, workspace) as opened:
            yield opened

    @pytest.fixture
    def ref(self, snapshot: Snapshot) -> Ref:
        """A ref with a composer.json."""
        return next(ref for ref in _usable(snapshot) if snapshot.manifest(ref) is not None)

    def test_it_declares_what_core_needs(self, provider: SourceProvider[Any]) -> None:
        assert _NAME.fullmatch(provider.name)
        assert provider.title.strip()
        assert isinstance(form_fields(provider.Config), list)

    def test_every_secret_is_declared_secret(self, provider: SourceProvider[Any]) -> None:
        for field in form_fields(provider.Config):
            if field.kind in ("text", "lines") and _SOUNDS_SECRET.search(field.name):
                pytest.fail(f"{field.name} sounds like a secret: annotate it with SecretStr")

    def test_no_secret_is_in_a_repr(self, provider: SourceProvider[Any], project: Project) -> None:
        _, secrets = split_secrets(provider.config)
        shown = " ".join(map(repr, (provider, provider.config, provider.http, project)))
        assert not [name for name, secret in secrets.items() if secret in shown]

    def test_a_commit_has_a_page_of_its_own_or_none(
        self, provider: SourceProvider[Any], project: Project, ref: Ref
    ) -> None:
        url = type(provider).commit_url(project, ref.commit)
        assert url == "" or (url.startswith(("https://", "http://")) and ref.commit in url)
        nowhere = replace(project, web_url="")
        assert type(provider).commit_url(nowhere, ref.commit) in ("", url)

    def test_the_check_passes(self, provider: SourceProvider[Any]) -> None:
        assert all(isinstance(note, str) for note in provider.check())

    def test_a_place_that_lists_projects_lists_this_one(
        self, provider: SourceProvider[Any], project: Project
    ) -> None:
        listed = {each.id for each in islice(provider.projects(), 1000)}
        assert project.id in listed if provider.lists_projects else not listed

    def test_projects_are_listed_lazily(self, provider: SourceProvider[Any]) -> None:
        found = provider.projects()
        assert isinstance(found, Iterator)
        assert all(isinstance(each, Project) for each in islice(found, 10))

    def test_a_search_finds_paths_that_hold_it(self, provider: SourceProvider[Any]) -> None:
        for known in islice(provider.projects(), 1):
            word = known.path.rsplit("/", 1)[-1]
            found = list(islice(provider.projects(word), 100))
            assert known.id in {each.id for each in found}
            assert all(word.lower() in each.path.lower() for each in found)

    def test_a_project_is_found_by_its_id(
        self, provider: SourceProvider[Any], project: Project
    ) -> None:
        assert provider.project(project.id) == project

    def test_a_project_that_is_not_there_is_not_found(
        self, provider: SourceProvider[Any], missing_id: str, workspace: Path
    ) -> None:
        with pytest.raises(NotFound):
            self._open_and_read(provider, provider.project(missing_id), workspace)

    def test_all_branches_and_tags_are_there(
        self, snapshot: Snapshot, expected_refs: Mapping[str, set[str]]
    ) -> None:
        found: dict[str, set[str]] = {kind.value: set() for kind in RefKind}
        for ref in snapshot.refs():
            found[ref.kind.value].add(ref.name)
        assert found == {kind.value: set(expected_refs.get(kind.value, ())) for kind in RefKind}

    def test_each_ref_is_complete(self, snapshot: Snapshot) -> None:
        for ref in snapshot.refs():
            if isinstance(ref, RefusedRef):
                assert ref.name.isprintable()
                assert ref.reason
                continue
            assert isinstance(ref.kind, RefKind)
            assert _COMMIT.fullmatch(ref.commit)
            assert ref.committed_at.utcoffset() == timedelta(0)

    def test_each_ref_comes_once(self, snapshot: Snapshot) -> None:
        names = [(ref.kind, ref.name) for ref in snapshot.refs()]
        assert len(names) == len(set(names))

    def test_the_default_branch_is_a_branch(self, snapshot: Snapshot) -> None:
        branches = {ref.name for ref in _usable(snapshot) if ref.kind is RefKind.BRANCH}
        default = snapshot.default_branch
        assert default is None or default in branches

    def test_a_manifest_is_the_bytes_of_composer_json(self, snapshot: Snapshot, ref: Ref) -> None:
        manifest = snapshot.manifest(ref)
        assert manifest is not None
        assert isinstance(json.loads(manifest), dict)

    def test_many_manifests_at_once_are_the_same_as_one_by_one(self, snapshot: Snapshot) -> None:
        refs = list(_usable(snapshot))
        one_by_one = {ref.commit: snapshot.manifest(ref) for ref in refs}
        assert dict(snapshot.manifests(refs)) == one_by_one
        assert dict(snapshot.manifests([])) == {}

    def test_a_folder_that_is_none_holds_nothing(self, snapshot: Snapshot, ref: Ref) -> None:
        held = [
            folder
            for folder in HOSTILE_FOLDERS
            if snapshot.manifest(ref, folder) is not None
            or dict(snapshot.manifests([ref], folder)) != {ref.commit: None}
            or snapshot.readme(ref, folder) is not None
        ]
        assert held == []

    def test_a_folder_that_is_none_has_no_archive(self, snapshot: Snapshot, ref: Ref) -> None:
        for folder in HOSTILE_FOLDERS:
            with pytest.raises(NotFound), snapshot.archive(ref, folder, prefix="acme-lib"):
                pytest.fail(f"{folder!r} was archived")

    def test_a_readme_is_text_or_none(self, snapshot: Snapshot, ref: Ref) -> None:
        readme = snapshot.readme(ref)
        assert readme is None or readme.encode("utf-8")

    def test_an_archive_has_one_top_folder(self, snapshot: Snapshot, ref: Ref) -> None:
        with snapshot.archive(ref, prefix="acme-lib") as stream:
            members = zipfile.ZipFile(stream).infolist()
        names = [member.filename for member in members]
        assert names
        assert all(name.startswith("acme-lib/") for name in names)
        assert len(names) == len(set(names))

    def test_an_archive_holds_the_manifest(self, snapshot: Snapshot, ref: Ref) -> None:
        with snapshot.archive(ref, prefix="acme-lib") as stream:
            packed = zipfile.ZipFile(stream).read("acme-lib/composer.json")
        assert packed == snapshot.manifest(ref)

    def test_an_archive_stays_in_its_folder(self, snapshot: Snapshot) -> None:
        for ref in islice(_usable(snapshot), 20):
            with snapshot.archive(ref, prefix="acme-lib") as stream:
                members = zipfile.ZipFile(stream).infolist()
            for member in members:
                steps = member.filename.rstrip("/").split("/")
                assert not {"", ".", "..", ".git"} & set(steps)
                assert "\\" not in member.filename
                mode = stat.S_IFMT(member.external_attr >> 16)
                assert mode in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)

    def test_an_archive_is_the_same_bytes_each_time(
        self, provider: SourceProvider[Any], project: Project, ref: Ref, tmp_path: Path
    ) -> None:
        made = []
        for name in ("one", "two"):
            workspace = tmp_path / name
            workspace.mkdir()
            with (
                provider.open(project, workspace) as opened,
                opened.archive(ref, prefix="acme-lib") as stream,
            ):
                made.append(_all_of(stream))
        assert made[0] == made[1]

    def test_an_archive_can_be_read_from_anywhere(self, snapshot: Snapshot, ref: Ref) -> None:
        with snapshot.archive(ref, prefix="acme-lib") as stream:
            first = stream.read(4)
            stream.seek(0)
            assert stream.read(4) == first == b"PK\x03\x04"

    def test_a_lost_workspace_costs_time_and_nothing_else(
        self, provider: SourceProvider[Any], project: Project, workspace: Path
    ) -> None:
        with provider.open(project, workspace) as before:
            refs = sorted(before.refs(), key=str)
        shutil.rmtree(workspace)
        workspace.mkdir()
        with provider.open(project, workspace) as after:
            assert sorted(after.refs(), key=str) == refs

    def test_a_kept_workspace_gives_the_same(
        self, provider: SourceProvider[Any], project: Project, workspace: Path
    ) -> None:
        with provider.open(project, workspace) as first:
            refs = sorted(first.refs(), key=str)
        with provider.open(project, workspace) as second:
            assert sorted(second.refs(), key=str) == refs

    def test_webhooks_come_with_their_contract(self, provider: SourceProvider[Any]) -> None:
        if provider.supports_webhooks:
            assert isinstance(self, WebhookContract), "inherit WebhookContract as well"

    @staticmethod
    def _open_and_read(provider: SourceProvider[Any], project: Project, workspace: Path) -> None:
        with provider.open(project, workspace) as opened:
            list(opened.refs())


def _usable(snapshot: Snapshot) -> Iterator[Ref]:
    return (ref for ref in snapshot.refs() if isinstance(ref, Ref))


def _all_of(stream: BinaryIO) -> bytes:
    copy = io.BytesIO()
    shutil.copyfileobj(stream, copy)
    return copy.getvalue()
