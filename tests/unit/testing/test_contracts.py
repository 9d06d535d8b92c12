"""The contracts pass a sound provider, and catch the faults they exist for."""

import hashlib
import hmac
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from packistry.builtin.storage import Local, LocalConfig
from packistry.plugin import (
    Change,
    Project,
    Ref,
    RefKind,
    RefPushed,
    Snapshot,
    SourceProvider,
    WebhookRequest,
)
from packistry.testing import FakeHost, SourceProviderContract, StorageContract, WebhookContract
from tests.unit.testing.shelf import LIB, Shelf, ShelfConfig, ShelfSnapshot


def shelf(kind: type[Shelf] = Shelf) -> Shelf:
    provider = kind(ShelfConfig(), FakeHost().client())
    provider.projects_by_id = {"lib": LIB}
    return provider


class TestShelf(SourceProviderContract, WebhookContract):
    @pytest.fixture
    def provider(self) -> SourceProvider[Any]:
        return shelf()

    @pytest.fixture
    def project(self, provider: SourceProvider[Any]) -> Project:
        return provider.project("lib")

    @pytest.fixture
    def expected_refs(self) -> Mapping[str, set[str]]:
        return {"branch": {"main"}, "tag": {"1.0"}}

    @pytest.fixture
    def delivery(self, webhook_secret: str) -> WebhookRequest:
        body = json.dumps({"id": "lib", "ref": "main", "deleted": False}).encode()
        signature = hmac.new(webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        return WebhookRequest(headers={"X-Hub-Signature-256": f"sha256={signature}"}, body=body)

    @pytest.fixture
    def expected_changes(self) -> Sequence[Change]:
        return [RefPushed(project_id="lib", kind=RefKind.BRANCH, name="main")]


class Climbing(ShelfSnapshot):
    def manifest(self, ref: Ref, path: str = "") -> bytes | None:
        return super().manifest(ref, "" if path == ".." else path)


class Slipping(ShelfSnapshot):
    @contextmanager
    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> Iterator[BinaryIO]:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(f"{prefix}/../evil", b"")
        stream.seek(0)
        yield stream


class Dated(ShelfSnapshot):
    numbers = itertools.count()

    @contextmanager
    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> Iterator[BinaryIO]:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(f"{prefix}/now", str(next(self.numbers)))
        stream.seek(0)
        yield stream


class Naive(ShelfSnapshot):
    def refs(self) -> Iterator[Ref]:
        for ref in super().refs():
            moment = datetime(2026, 1, 1)  # noqa: DTZ001 - the fault to be caught
            yield Ref(kind=ref.kind, name=ref.name, commit="abc", committed_at=moment)


class Trusting(Shelf):
    def receive_webhook(self, request: WebhookRequest, secret: str) -> Sequence[Change]:
        body = json.loads(request.body)
        return [RefPushed(project_id=body["id"], kind=RefKind.BRANCH, name=body["ref"])]


class Chatty(Shelf):
    def __repr__(self) -> str:
        return f"Shelf({self.config.token.get_secret_value()})"


class Eager(Shelf):
    def projects(self, search: str = "") -> Any:
        return list(super().projects(search))


def opened(kind: type[ShelfSnapshot]) -> tuple[Snapshot, Ref]:
    snapshot = kind(LIB)
    return snapshot, next(snapshot.refs())


def source_faults() -> list[Callable[[Path], object]]:
    contract = SourceProviderContract()
    return [
        lambda _: contract.test_a_folder_that_is_none_holds_nothing(*opened(Climbing)),
        lambda _: contract.test_an_archive_stays_in_its_folder(opened(Slipping)[0]),
        lambda _: contract.test_each_ref_is_complete(opened(Naive)[0]),
        lambda path: _twice(contract, path),
        lambda _: contract.test_no_secret_is_in_a_repr(
            shelf(Chatty), Project(id="lib", path="lib")
        ),
        lambda _: contract.test_projects_are_listed_lazily(shelf(Eager)),
        lambda _: contract.test_webhooks_come_with_their_contract(shelf()),
    ]


def _twice(contract: SourceProviderContract, path: Path) -> None:
    provider = shelf()
    provider.snapshot_class = Dated
    _, ref = opened(Dated)
    contract.test_an_archive_is_the_same_bytes_each_time(
        provider, provider.project("lib"), ref, path
    )


@pytest.mark.parametrize(
    "fault",
    source_faults(),
    ids=["climbs", "slips", "naive", "dated", "chatty", "eager", "half a contract"],
)
def test_the_source_contract_catches_a_fault(
    fault: Callable[[Path], object], tmp_path: Path
) -> None:
    with pytest.raises(AssertionError):
        fault(tmp_path)


def test_the_webhook_contract_catches_a_provider_that_trusts_everyone() -> None:
    delivery = WebhookRequest(headers={"X": "y"}, body=b'{"id": "lib", "ref": "main"}')
    contract, trusting = WebhookContract(), shelf(Trusting)
    with pytest.raises(pytest.fail.Exception):
        contract.test_a_delivery_for_another_secret_is_refused(trusting, delivery, "other")
    with pytest.raises(pytest.fail.Exception):
        contract.test_a_wrong_signature_is_refused(trusting, delivery, "secret", "x")
    with pytest.raises(pytest.fail.Exception):
        contract.test_a_delivery_without_headers_is_refused(trusting, delivery, "secret")


class Replacing(Local):
    def put(self, key: str, stream: BinaryIO) -> None:
        self.delete(key)
        super().put(key, stream)


class Unchecked(Local):
    def exists(self, key: str) -> bool:
        return (self.config.path / key).exists()


def test_the_storage_contract_catches_one_that_replaces(tmp_path: Path) -> None:
    storage = Replacing(LocalConfig(path=tmp_path))
    with pytest.raises(pytest.fail.Exception):
        StorageContract().test_other_bytes_under_a_key_are_an_error(storage, b"other")


def test_the_storage_contract_catches_one_that_trusts_keys(tmp_path: Path) -> None:
    storage = Unchecked(LocalConfig(path=tmp_path / "dists"))
    with pytest.raises(pytest.fail.Exception):
        StorageContract().test_a_hostile_key_is_refused(storage, "../x")
