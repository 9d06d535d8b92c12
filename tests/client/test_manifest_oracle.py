"""composer.json and documents, held against PHP and Debian's Composer."""

import json
import random
from typing import Any

import pytest

from packistry.composer.documents import (
    Dist,
    VersionFacts,
    dev_document,
    packages_json,
    stable_document,
    version_entry,
)
from packistry.composer.manifest import BadManifest, check, parse
from packistry.composer.versions import VersionName, version_of_branch, version_of_tag
from tests.client.manifest_oracle import as_php, ask, decode

NAME = "acme/lib"
TAG, BRANCH = version_of_tag("v1.2.3"), version_of_branch("main")

TEXTS: list[Any] = ["", "x", "self.version", "__unset", "é\u202e\x1b", "0", "../x", "a" * 300]
SCALARS: list[Any] = [*TEXTS, None, True, False, 0, 7, -1.5, 2**63 - 1, [], {}, ["x"], {"a": "b"}]
CONSTRAINTS: list[Any] = [
    "^1.0",
    ">=1,<2",
    "*",
    "1.0 - 2.0",
    "dev-main#abc",
    "@dev",
    "self.version",
]
CONSTRAINTS += [
    "~>1",
    "",
    "latest",
    "1.0 || ",
    "1.0.0-foo",
    "^",
    1,
    None,
    "1.*.2",
    "=dev-x",
    "v1.x-dev",
]
LINK_NAMES = ["php", "ext-json", "psr/log", "Acme/Base", "phpunit", "a/b/c", "a/con", "a/b.json"]
URLS: list[Any] = ["https://a.example/", "http://a.example", "javascript:x", "ftp://x/", "x", "", 5]
POOLS: dict[str, list[Any]] = {
    "description": SCALARS,
    "type": ["library", "Composer-Plugin", "a b", "x_y", *SCALARS],
    "homepage": URLS,
    "license": ["MIT", ["MIT", "BSD-3-Clause"], "proprietary", *SCALARS],
    "keywords": [["a", "b c"], ["é"], [5, None], *SCALARS],
    "authors": [
        [{"name": "A", "email": "a@b.de"}],
        [{"email": "x"}],
        ["A"],
        [{"name": 5}],
        *SCALARS,
    ],
    "support": [{"issues": url} for url in URLS] + [{"email": "a@b.de"}, *SCALARS],
    "funding": [[{"type": "x", "url": url}] for url in URLS] + SCALARS,
    "extra": [
        {"branch-alias": {"dev-main": "1.x-dev"}},
        {"branch-alias": {"dev-main": 1}},
        {"branch-alias": "x"},
        {"branch-alias": {"dev-main": "x"}},
        {"a": [1, 2.5, {"b": None}]},
        *SCALARS,
    ],
    "autoload": [
        {"psr-4": {"A\\": "src"}},
        {"psr-4": {"A\\": ["src", "lib"], "": "x"}},
        {"psr-4": {"A": "src"}},
        {"psr-0": {"A_": ""}, "classmap": ["x"], "files": ["a.php"]},
        {"psr-2": {}},
        {"classmap": "x"},
        *SCALARS,
    ],
    "bin": ["bin/x", ["bin/x", "/bin/y"], ["../x"], [5], *SCALARS],
    "target-dir": ["Acme/Lib", "../x", *SCALARS],
    "include-path": [["lib"], "lib", [5], *SCALARS],
    "suggest": [{"a/b": "for x"}, {"a/b": None}, ["x"], *SCALARS],
    "abandoned": [True, "a/b", *SCALARS],
    "time": ["2024-01-02", "x", *SCALARS],
    "scripts": SCALARS,
    "minimum-stability": ["dev", *SCALARS],
    "version_normalized": SCALARS,
    "default-branch": SCALARS,
    "transport-options": SCALARS,
    "php-ext": [{"extension-name": "x"}, *SCALARS],
}
LINKS = ("require", "require-dev", "conflict", "provide", "replace")


def random_manifest(chance: random.Random) -> dict[str, Any]:
    manifest: dict[str, Any] = {}
    for key in chance.sample(sorted(POOLS), chance.randint(0, 5)):
        manifest[key] = chance.choice(POOLS[key])
    for key in chance.sample(LINKS, chance.randint(0, 2)):
        names = chance.sample(LINK_NAMES, chance.randint(0, 3))
        good = CONSTRAINTS[:7]
        manifest[key] = {
            name: chance.choice(CONSTRAINTS if chance.random() < 0.3 else good) for name in names
        }
        if chance.random() < 0.1:
            manifest[key] = chance.choice(SCALARS)
    return manifest


def accepted(manifest: dict[str, Any], *, dev: bool) -> bool:
    try:
        check(manifest, dev=dev)
    except BadManifest:
        return False
    return True


def entry(manifest: dict[str, Any], name: VersionName) -> dict[str, Any]:
    facts = VersionFacts(
        pretty=name.pretty,
        normalized=name.normalized,
        dist=Dist(url="https://p.example/x.zip", reference="abc"),
        default_branch=name.dev,
    )
    return version_entry(NAME, check(manifest, dev=name.dev).metadata, facts)


def named(manifest: dict[str, Any], name: VersionName) -> dict[str, Any]:
    """The manifest as Composer's VCS importer hands it to the loader."""
    return manifest | {
        "name": NAME,
        "version": name.pretty,
        "version_normalized": name.normalized,
        "default-branch": name.dev,
    }


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    chance = random.Random(20240102)
    return [random_manifest(chance) for _ in range(3000)]


@pytest.mark.parametrize("name", [TAG, BRANCH], ids=["tag", "branch"])
def test_what_composer_s_loader_refuses_is_refused(manifests, name):
    given = [manifest for manifest in manifests if accepted(manifest, dev=name.dev)]
    served = [{"ask": "load", "manifest": entry(manifest, name)} for manifest in given]
    assert len(given) > 500
    assert [answer for answer in ask(served) if "error" in answer] == []


@pytest.mark.parametrize("name", [TAG, BRANCH], ids=["tag", "branch"])
def test_what_composer_takes_without_a_word_is_accepted(manifests, name):
    """Except for what newer clients or our own safety rules refuse."""
    questions = [{"ask": "validate", "manifest": named(manifest, name)} for manifest in manifests]
    sound = [
        manifest
        for manifest, answer in zip(manifests, ask(questions), strict=True)
        if answer.get("complaints") == []
    ]
    reasons = []
    for manifest in sound:
        try:
            check(manifest, dev=name.dev)
        except BadManifest as error:
            reasons += [reason for reason in error.reasons if not _is_our_own_rule(reason)]
    assert len(sound) > 100
    assert reasons == []


@pytest.mark.parametrize("name", [TAG, BRANCH], ids=["tag", "branch"])
def test_what_is_refused_though_composer_loads_it_packagist_refuses_too(manifests, name):
    refused = [manifest for manifest in manifests if _refused_by_composer_s_rules(manifest, name)]
    given = [named(manifest, name) for manifest in refused]
    answers = ask({"ask": "validate", "manifest": manifest} for manifest in given)
    assert len(refused) > 100
    assert [
        manifest
        for manifest, answer in zip(given, answers, strict=True)
        if answer.get("complaints") == []
    ] == []


def _refused_by_composer_s_rules(manifest: dict[str, Any], name: VersionName) -> bool:
    try:
        check(manifest, dev=name.dev)
    except BadManifest as error:
        return not all(_is_our_own_rule(reason) for reason in error.reasons)
    return False


def _is_our_own_rule(reason: str) -> bool:
    return 'holds ".."' in reason or "holds control characters" in reason


def test_each_document_is_read_by_composer_unchanged(manifests):
    chance = random.Random(7)
    questions, documents = [], []
    for _ in range(150):
        stable = [version_of_tag(f"{number}.{chance.randint(0, 9)}") for number in range(6)]
        names = [*stable, BRANCH, version_of_branch("1.x")]
        entries = []
        for name in names:
            manifest = chance.choice(manifests)
            if accepted(manifest, dev=name.dev):
                entries.append(entry(manifest, name))
        for document in (stable_document(NAME, entries), dev_document(NAME, entries)):
            documents.append(document)
            text = json.dumps(document, allow_nan=False, ensure_ascii=False)
            questions.append({"ask": "document", "name": NAME, "text": text})
    for answer, document in zip(ask(questions), documents, strict=True):
        assert "error" not in answer, document
        assert answer["value"] == as_php(document)
        assert len(answer["versions"]) == len(document["packages"][NAME])


def test_the_versions_of_a_document_are_those_put_in():
    entries = [entry({}, version_of_tag(tag)) for tag in ("1.0", "v2.0-RC1", "20100102")]
    text = json.dumps(stable_document(NAME, entries))
    (answer,) = ask([{"ask": "document", "name": NAME, "text": text}])
    assert answer["versions"] == [
        ["20100102", "20100102"],
        ["v2.0-RC1", "2.0.0.0-RC1"],
        ["1.0", "1.0.0.0"],
    ]


def random_text(chance: random.Random) -> bytes:
    pieces = [b'{"name":"a/b"', b',"n":', b"1", b"-0.5", b"1e5", b"1E400", b"9223372036854775807"]
    pieces += [b"9223372036854775808", b"[", b"]", b"{", b"}", b'"x"', b":", b",", b" ", b"\n"]
    pieces += [b"\xc3\xa9", b"\xe9", b"\\ud83d\\ude00", b"\\ud800", b'"\\u0000"', b"NaN", b"null"]
    pieces += [
        b'"\\/"',
        b'"\t"',
        b"true",
        b"01",
        b"1.",
        b"+1",
        b"//",
        b"\xef\xbb\xbf",
        b'"\xf4\x90"',
    ]
    if chance.random() < 0.5:
        middle = b"".join(chance.choice(pieces) for _ in range(chance.randint(0, 6)))
        return b'{"a":[' + middle + b"]}"
    return b"".join(chance.choice(pieces) for _ in range(chance.randint(1, 9))) + b"}"


def test_what_is_parsed_php_decodes_to_the_same_value():
    chance = random.Random(11)
    texts = [random_text(chance) for _ in range(20_000)]
    texts += [b'{"a":' + b"[" * 31 + b"]" * 31 + b"}", b'{"a":{"a":1,"a":2}}', b'{"":{"":""}}']
    values = []
    for text in texts:
        try:
            values.append((text, parse(text)))
        except BadManifest:
            continue
    answers = ask(decode(text) for text, _ in values)
    assert len(values) > 1000
    for (text, value), answer in zip(values, answers, strict=True):
        assert "error" not in answer, text
        assert answer["value"] == as_php(value), text


def test_this_composer_shows_no_warning_for_the_root():
    document = packages_json(base_url="https://p.example", names=[])
    (answer,) = ask([{"ask": "warnings", "document": document}])
    assert answer == {"output": ""}


def test_a_client_of_the_gated_versions_shows_the_warning():
    document = packages_json(base_url="https://p.example", names=[])
    (answer,) = ask([{"ask": "warnings", "document": document | {"warning-versions": "<99"}}])
    assert "Upgrade to Composer 2" in answer["output"]
