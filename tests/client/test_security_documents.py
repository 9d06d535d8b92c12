"""Hostile composer.json files, imported from git, and what PHP and Composer make of the result."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from packistry.models import Document
from packistry.runtime import Runtime
from tests.client.manifest_oracle import as_php, ask, decode
from tests.importing import Importing
from tests.repositories import GitRepository

NAME = "acme/lib"


def text(**manifest: Any) -> str:
    return json.dumps({"name": NAME, **manifest})


def raw(inside: str) -> str:
    return f'{{"name": "{NAME}", "extra": {{"x": {inside}}}}}'


# Manifests that must not become versions.
REFUSED = {
    "deep": raw("[" * 100_000),
    "deep and closed": raw("[" * 600 + "]" * 600),
    "not a number": raw("NaN"),
    "infinite": raw("1e999"),
    "minus infinity": raw("-Infinity"),
    "an integer of 65 bits": raw("18446744073709551616"),
    "a number of 5000 digits": raw("1" * 5000),
    "half a surrogate": raw('"\\ud800"'),
    "half a surrogate as a key": raw('{"\\udfff": 1}'),
    "NUL": raw('"\\u0000"'),
    "NUL in a key": raw('{"\\u0000a": 1}'),
    "two names": f'{{"name": "{NAME}", "name": "acme/other"}}',
    "a byte order mark": "\ufeff" + text(),
    "a megabyte of spaces": text() + " " * 1024 * 1024,
    "bin out of the package": text(bin=["../../evil"]),
    "bin by a backslash": text(bin=["..\\..\\evil"]),
    "target-dir out of the package": text(**{"target-dir": "../../evil"}),
    "a link to a path": text(require={"../../evil": "*"}),
    "a constraint without end": text(require={"a/b": "||".join(["1"] * 100_000)}),
}
# Manifests that do, without what they must not hold.
CLEANED = {
    "perforce": text(source={"type": "perforce", "url": "; touch /tmp/evil", "reference": "x"}),
    "an option for a url": text(source={"type": "git", "url": "--upload-pack=evil"}),
    "a dist elsewhere": text(dist={"type": "zip", "url": "https://evil.example/x.zip"}),
    "mirrors": text(source={"type": "git", "url": "x", "mirrors": [{"url": "https://evil"}]}),
    "transport options": text(**{"transport-options": {"ssl": {"verify_peer": False}}}),
    "no such value": text(description="__unset", extra={"a": "__unset"}, license="__unset"),
    "an absolute bin": text(bin=["/bin/sh"]),
    "another version": text(**{"version_normalized": "9.9.9.9", "default-branch": True}),
    "notifications": text(**{"notification-url": "https://evil.example/"}),
    "scripts": text(scripts={"post-install-cmd": "touch /tmp/evil"}),
    "repositories": text(repositories=[{"type": "vcs", "url": "https://evil.example"}]),
    "bidi and escapes": text(description="a\u202eb\x1b[2J"),
    "numbers": raw("[9223372036854775807, -9223372036854775808, 1.5, 1e22, -0.0, 0.1]"),
    "empty containers": raw('{"a": {}, "b": [], "": {"0": {}}, "c": [[], {}]}'),
    "odd texts": raw('["\\/", "\\u2028", "é😀", "<!--", "\\u007f", "a\\nb"]'),
    "keys like numbers": raw('{"0": 1, "1": 2, "-1": 3, "00": 4}'),
    "31 levels": raw("[" * 29 + "]" * 29),
}


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """Each manifest a tag: 1.x those that are refused, 2.x those that are cleaned."""
    repository = GitRepository(tmp_path / "lib")
    for major, manifests in ((1, REFUSED), (2, CLEANED)):
        for number, manifest in enumerate(manifests.values()):
            repository.commit(files={"composer.json": manifest})
            repository.tag(f"{major}.{number}.0")
    repository.commit({"name": NAME})
    return repository


@pytest.fixture
def package(runtime: Runtime, repository: GitRepository) -> int:
    return Importing(runtime).imported(repository)


@pytest.fixture
def importing(runtime: Runtime) -> Importing:
    return Importing(runtime)


@pytest.fixture
def documents(runtime: Runtime, package: int) -> list[bytes]:
    with runtime.transaction() as services:
        bodies = services.session.scalars(select(Document.body)).all()
    return [gzip.decompress(body) for body in bodies]


def test_a_hostile_manifest_fails_its_ref_alone_with_a_reason(
    importing: Importing, package: int
) -> None:
    reasons = importing.reasons(package)
    silent = [what for number, what in enumerate(REFUSED) if not reasons.get(f"1.{number}.0")]
    assert silent == []
    expected = {f"2.{number}.0" for number in range(len(CLEANED))} | {"dev-main"}
    assert importing.names(package) == expected


def test_every_stored_document_survives_php_json_decode_unchanged(
    documents: list[bytes],
) -> None:
    answers = ask(decode(document) for document in documents)
    assert len(documents) == 2
    for document, answer in zip(documents, answers, strict=True):
        assert "error" not in answer
        assert answer["value"] == as_php(json.loads(document))


def test_a_manifest_with_each_trap_is_cleaned_checked_by_the_oldest_supported_composer(
    documents: list[bytes], importing: Importing, package: int
) -> None:
    questions = [
        {"ask": "packages", "name": NAME, "text": document.decode()} for document in documents
    ]
    packages: dict[str, Any] = {}
    for answer in ask(questions):
        assert "error" not in answer
        packages |= answer["packages"] or {}
    assert set(packages) == importing.names(package)
    for version, facts in packages.items():
        assert facts["name"] == NAME
        # A local repository is told to nobody.
        assert facts["source"] == [None, None], version
        kind, url = facts["dist"]
        assert (kind, url.startswith("http://packages.test/")) == ("zip", True), version
        assert facts["mirrors"] == [None, None]
        assert not any(".." in path or path.startswith("/") for path in facts["bin"]), version
        assert facts["target-dir"] is None
        assert facts["options"] == []
        assert facts["scripts"] == []
        assert facts["repositories"] == []
    served = b"".join(documents)
    for word in (b"evil", b'__unset",', b"\\u202e", "\u202e".encode(), b"\\u001b", b"9.9.9.9"):
        assert word not in served, word
