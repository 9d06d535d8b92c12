"""How refs become versions, held against the VCS importer of Debian's Composer."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from packistry.composer.versions import (
    SkippedRef,
    VersionName,
    order_branches,
    order_tags,
    version_of_branch,
    version_of_tag,
)
from tests.client.manifest_oracle import ask

TAGS = [
    *["v0.1.0", "0.2", "release-0.3.0", "0.7.0", "0.7.0+meta", "0.8.0", "v0.8", "2.0.0", "v2.0"],
    *["foo", "1.0.x", "0.4.0-dev", "dev-0.5", "1.0.0-beta.1", "V3.0", "20100102", "master"],
    *["1.2.3.4", "1.2.3.4.5", "release-v4.0", "pre-release-5.0", "v", "é", "6.0-RC1-dev"],
]
BRANCHES = [
    *["1.0", "1.x", "v2", "v2.1.x", "2.0.0", "1.2.3.4", "feature/x", "5.x-wip", "a,b", "dev-foo"],
    *["1.2.3.4.5", "V7", "9999999", "a|b", "a>b", "a@stable", "é", "master", "00.1", "a+b"],
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "lib"
    git(tmp_path, "init", "-q", "-b", "main", "lib")
    commit(path, {"name": "acme/lib"})
    return path


def git(path: Path, *command: str, text: str = "") -> str:
    return subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.de", *command],
        cwd=path,
        input=text.encode(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()


def commit(path: Path, manifest: dict[str, str]) -> None:
    (path / "composer.json").write_text(json.dumps(manifest))
    git(path, "add", ".")
    git(path, "commit", "-qm", "x")


def make_refs(path: Path, kind: str, names: list[str]) -> None:
    git(
        path, "update-ref", "--stdin", text="".join(f"create refs/{kind}/{n} HEAD\n" for n in names)
    )


def imported_by_composer(path: Path) -> set[tuple[str, str]]:
    home = path.parent / "home"
    (answer,) = ask([{"ask": "vcs", "path": str(path), "home": str(home)}])
    return {(pretty, normalized) for pretty, normalized in answer["versions"]}


def imported_here(path: Path, typed: dict[str, str] | None = None) -> set[tuple[str, str]]:
    listed = git(path, "for-each-ref", "--format=%(refname)").splitlines()
    tags = [ref.removeprefix("refs/tags/") for ref in listed if ref.startswith("refs/tags/")]
    branches = [ref.removeprefix("refs/heads/") for ref in listed if ref.startswith("refs/heads/")]
    named: dict[str, VersionName] = {}
    for tag in order_tags(tags):
        try:
            name = version_of_tag(tag, (typed or {}).get(tag))
        except SkippedRef:
            continue
        named.setdefault(name.identity, name)
    for branch in order_branches(branches, "main"):
        try:
            name = version_of_branch(branch)
        except SkippedRef:
            continue
        named[name.pretty] = name
    return {(name.pretty, name.normalized) for name in named.values()}


def test_the_refs_of_the_table_get_the_names_composer_gives_them(repository):
    """Statement 63."""
    make_refs(repository, "tags", TAGS)
    make_refs(repository, "heads", BRANCHES)
    assert imported_here(repository) == imported_by_composer(repository)


def test_versions_typed_in_composer_json_are_heeded_as_composer_heeds_them(repository):
    typed = {
        "1.9.0": "2.0.0",
        "3.6.0": "3.6",
        "v4.0": "4.0-dev",
        "5.0": "",
        "6.0": "nonsense",
        "7.0": "v7",
        "8.0": "dev-main",
    }
    for tag, version in typed.items():
        commit(repository, {"name": "acme/lib", "version": version})
        git(repository, "tag", "-a", "-m", "x", tag)
    make_refs(repository, "heads", ["on-top"])
    assert imported_here(repository, typed) == imported_by_composer(repository)


def random_names(chance: random.Random, count: int) -> list[str]:
    pieces = ["1", "0", "2.0", ".", ".", "-", "+", "v", "V", "x", "dev", "beta", "RC", "a", "p2"]
    pieces += [
        "release-",
        "master",
        "2024",
        "01",
        "_",
        "9999999",
        "stable",
        ",",
        "@",
        "!",
        "=",
        "é",
    ]
    names: set[str] = set()
    while len(names) < count:
        name = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 6)))
        if not (name[0] in ".-" or name.endswith(".") or ".." in name or name == "@"):
            names.add(name)
    return sorted(names)


def test_random_refs_get_the_names_composer_gives_them(repository):
    chance = random.Random(5)
    make_refs(repository, "tags", random_names(chance, 1500))
    make_refs(repository, "heads", random_names(chance, 700))
    assert imported_here(repository) == imported_by_composer(repository)
