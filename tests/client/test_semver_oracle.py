"""Our versions, constraints and minified lists against the PHP libraries that Composer uses."""

import json
import random
import subprocess
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from packistry.composer.minifier import expand, minify
from packistry.composer.semver import (
    InvalidConstraint,
    InvalidVersion,
    compare,
    normalize,
    normalize_branch,
    parse_constraints,
    parse_numeric_alias_prefix,
    parse_stability,
    satisfies,
)

Answer = TypeVar("Answer")

DRIVER = Path(__file__).with_name("semver_oracle.php")
QUESTIONS = 20_000

NUMBERS = ["0", "1", "2", "3", "9", "10", "00", "01", "007", "12", "123", "99999", "100000"]
DATES = ["2010", "2024", "20240131", "01", "02", "31", "12", "203040", "5", "123", ":", "-", "."]
HUGE = ["9223372036854775806", "9223372036854775807", "99999999999999999999", "9" * 30]
STABILITIES = [
    "stable",
    "Stable",
    "beta",
    "b",
    "B",
    "RC",
    "rc",
    "Rc",
    "alpha",
    "a",
    "A",
    "patch",
    "pl",
    "PL",
    "p",
    "P",
    "dev",
    "DEV",
    "Dev",
]
WORDS = [
    *STABILITIES,
    "x",
    "X",
    "*",
    "master",
    "trunk",
    "default",
    "dev-",
    "DEV-",
    "release",
    "foo",
    "feature/x",
    "SNAPSHOT",
    "v",
    "V",
]
MARKS = ["."] * 6 + list("-_+#@~:/,") + [" as ", "@dev", "@RC", "@beta", "@Stable", "-dev", ".x"]
SPACES = [" ", "  ", "\t", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2028"]
UNICODE = [
    "é",
    "ß",
    "\u017f",
    "\u212a",
    "İ",
    "١",
    "²",
    "１",
    "日本",
    "\U0001f600",
    "\u202e",
    "\xad",
]
OPERATORS = [">", ">=", "<", "<=", "=", "==", "!=", "<>", "^", "~", "~>", " - ", "||", "|", " || "]
JOINTS = [" ", ",", ", ", " ,", "  ", "|", "||", " || ", " | ", " - ", "  -  ", "-", " as "]
VERSION_ALPHABETS = [
    NUMBERS + ["."] * 12,
    NUMBERS + WORDS + MARKS,
    DATES * 3 + ["p1", "-dev", "beta", "RC2", "v", "."],
    NUMBERS + HUGE + WORDS + MARKS + SPACES,
    NUMBERS + WORDS + MARKS + UNICODE,
    [chr(code) for code in range(128)],
]
CONSTRAINT_ALPHABETS = [
    *VERSION_ALPHABETS,
    NUMBERS + OPERATORS + JOINTS + ["."] * 12 + ["*", "x", "-dev", "@dev", "beta", "dev-main"],
    NUMBERS + HUGE + OPERATORS + WORDS + MARKS + JOINTS,
    NUMBERS + OPERATORS + JOINTS + SPACES + UNICODE + ["."] * 8,
]


def ask(questions: Iterable[Sequence[Any]]) -> list[Any]:
    """The PHP libraries' answers, all from one process."""
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    php = subprocess.run(
        ["php", "-d", "display_errors=stderr", DRIVER],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert php.stderr == ""
    return [json.loads(line) for line in php.stdout.splitlines()]


def junk(rng: random.Random, alphabets: Sequence[Sequence[str]]) -> str:
    alphabet = rng.choice(alphabets)
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 9)))


def number(rng: random.Random) -> str:
    return ".".join(rng.choice(NUMBERS) for _ in range(rng.randint(1, 5)))


def modifier(rng: random.Random) -> str:
    word = rng.choice(["", "", rng.choice(STABILITIES)])
    digits = rng.choice(["", rng.choice("123"), ".1", "-2", "1.2", "1.2-3.4", "0"]) if word else ""
    dev = rng.choice(["", "", "", "dev", "-dev", ".dev", "-DEV"])
    build = rng.choice(["", "", "", "+build.5", "+2-dev", "+a+b", "+é"])
    return rng.choice(["", "-", ".", "_"]) + word + digits + dev + build


def date(rng: random.Random) -> str:
    groups = "".join(
        rng.choice(["", ".", "-", ":"]) + rng.choice(["01", "12", "31", "5", "203"])
        for _ in range(rng.randint(1, 8))
    )
    return rng.choice(["2010", "2024", "v1999", "100000"]) + groups


def branch(rng: random.Random) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        names = ["main", "feature/x", "1.0", "a#b", "é", "master#abc", "x y", ""]
        return "dev-" + rng.choice(names)
    if kind == 1:
        return "dev-" + junk(rng, VERSION_ALPHABETS)
    if kind == 2:
        parts = (rng.choice([*NUMBERS, "x", "X", "*"]) for _ in range(rng.randint(1, 5)))
        return ".".join(parts) + rng.choice(["-dev", ".dev", "dev", ".x-dev", "-DEV", ""])
    return rng.choice(["foo-dev", "feature/x-dev", "-dev", "dev", "main"])


def version(rng: random.Random) -> str:
    """A version, mostly one that Composer reads."""
    text = rng.choice(["", "", "v", "V"]) + rng.choice([number, dated, modified, branch])(rng)
    flag = rng.choice(["", "", "", "", "@dev", "@RC", "@stable", " as 1.0", " as dev-x", "#abc"])
    space = rng.choice(["", "", "", "", "", *SPACES])
    return rng.choice([text + flag + space, space + text + flag, text + space + flag])


def modified(rng: random.Random) -> str:
    return number(rng) + modifier(rng)


def dated(rng: random.Random) -> str:
    return date(rng) + (modifier(rng) if rng.random() < 0.5 else "")


def any_text(rng: random.Random) -> str:
    return version(rng) if rng.random() < 0.5 else junk(rng, VERSION_ALPHABETS)


def compared(rng: random.Random) -> str:
    plain = rng.choice([number, version, branch])
    return rng.choice([*OPERATORS[:11], ""]) + rng.choice(["", "", " "]) + plain(rng)


def sloped(rng: random.Random) -> str:
    return rng.choice(["^", "~", ""]) + modified(rng)


def wild(rng: random.Random) -> str:
    ending = rng.choice([".*", ".x", ".X.*", ".x-dev"])
    return rng.choice(["", "v", "^", "~"]) + number(rng) + ending


def hyphenated(rng: random.Random) -> str:
    plain = rng.choice([number, modified, version, branch])
    return plain(rng) + rng.choice([" - ", "  - "]) + plain(rng)


def unbounded(rng: random.Random) -> str:
    return rng.choice(["*", "x", "v*", "*.*", "@dev", "@stable", "*@beta", "x.X.*"])


def overflowing(rng: random.Random) -> str:
    numbers = rng.choice(NUMBERS + HUGE) + "." + rng.choice(HUGE)
    return rng.choice(["^", "~", ""]) + numbers + rng.choice([".*", ".1", ""])


def one_constraint(rng: random.Random) -> str:
    kinds = [compared, compared, sloped, wild, hyphenated, unbounded, overflowing]
    flag = rng.choice(["", "", "", "", "@dev", "@RC", "@rc", "@stable", "#abc", "@Beta"])
    return rng.choice(kinds)(rng) + flag


def constraint(rng: random.Random) -> str:
    """A constraint, mostly one that Composer reads."""
    text = one_constraint(rng)
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        text += rng.choice(JOINTS[:11]) + one_constraint(rng)
    return text


def touching(rng: random.Random) -> str:
    ends = sorted(rng.sample(range(9), rng.randint(2, 5)))
    return rng.choice(["||", " | "]).join(
        f">={low}{rng.choice([' ', ','])}{rng.choice(['<', '<', '<='])}{high}"
        for low, high in pairwise(ends)
    )


def any_constraint(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return constraint(rng)
    return touching(rng) if kind < 0.55 else junk(rng, CONSTRAINT_ALPHABETS)


def readable_versions(rng: random.Random, count: int) -> list[str]:
    found: dict[str, str] = {}
    while len(found) < count:
        text = version(rng)
        if (form := or_none(normalize, text)) is not None:
            found[form] = text
    return list(found.values())


def readable_constraints(rng: random.Random, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        text = any_constraint(rng)
        if or_none(parse_constraints, text) is not None:
            found.append(text)
    return found


def or_none(answer: Callable[[str], Answer], text: str) -> Answer | None:
    try:
        return answer(text)
    except (InvalidVersion, InvalidConstraint):
        return None


def differences(asked: Iterable[Any], ours: Iterable[Any], theirs: Iterable[Any]) -> list[Any]:
    rows = zip(asked, ours, theirs, strict=True)
    return [(question, mine, php) for question, mine, php in rows if mine != php][:20]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("normalize", normalize),
        ("normalizeBranch", normalize_branch),
        ("parseStability", parse_stability),
        ("parseNumericAliasPrefix", lambda name: parse_numeric_alias_prefix(name) or False),
    ],
)
def test_versions_are_read_as_composer_reads_them(question, answer):
    rng = random.Random(question)
    texts = [any_text(rng) for _ in range(QUESTIONS)]
    texts += [normalize(text) for text in readable_versions(rng, 1_000)]
    theirs = ask((question, text) for text in texts)
    assert not differences(texts, (or_none(answer, text) for text in texts), theirs)


def test_versions_are_ordered_as_composer_orders_them():
    rng = random.Random("compare")
    forms = [normalize(text) for text in readable_versions(rng, 2_000)]
    forms += [str(parse_constraints(f">={n}.1")).split()[1] for n in NUMBERS[:11]]
    pairs = [(rng.choice(forms), rng.choice(forms)) for _ in range(QUESTIONS)]
    pairs += [(form, form) for form in forms]
    near = sorted(forms)
    pairs += list(pairwise(near))
    theirs = ask(("compare", a, b) for a, b in pairs)
    assert not differences(pairs, (order_as_composer_sees_it(a, b) for a, b in pairs), theirs)


def order_as_composer_sees_it(a: str, b: str) -> list[bool]:
    order = compare(a, b)
    if a.startswith("dev-") and b.startswith("dev-"):
        # Branches have an order among themselves here, none in Composer.
        return [False, order == 0, False]
    return [order < 0, order == 0, order > 0]


def test_constraints_are_read_as_composer_reads_them():
    rng = random.Random("constraints")
    texts = [any_constraint(rng) for _ in range(QUESTIONS)]
    ours = (or_none(lambda text: str(parse_constraints(text)), text) for text in texts)
    assert not differences(texts, ours, ask(("parseConstraints", text) for text in texts))


def test_constraints_select_the_versions_that_composer_selects():
    rng = random.Random("satisfies")
    versions = readable_versions(rng, 300)
    asked = [(text, rng.sample(versions, 40)) for text in readable_constraints(rng, 500)]
    ours = ([satisfies(version, text) for version in sample] for text, sample in asked)
    assert not differences(asked, ours, ask(("satisfying", *question) for question in asked))


def test_constraints_meet_where_composer_says_they_meet():
    rng = random.Random("matches")
    texts = readable_constraints(rng, 500)
    asked = [(text, rng.sample(texts, 40)) for text in texts]
    parsed = {text: parse_constraints(text) for text in texts}
    ours = ([parsed[text].matches(parsed[other]) for other in others] for text, others in asked)
    assert not differences(asked, ours, ask(("matching", *question) for question in asked))


def random_value(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.4:
        keys = rng.sample(["php", "a/b", "name", "é"], rng.randint(1, 3))
        if rng.random() < 0.5:
            return [random_value(rng, depth - 1) for _ in keys]
        return {key: random_value(rng, depth - 1) for key in keys}
    return rng.choice([True, False, 0, 1, 1.0, 0.5, "1", "", "a", "1.0.0", "true"])


def random_metadata(rng: random.Random) -> list[dict[str, Any]]:
    keys = ["name", "version", "require", "dist", "time", "extra"]
    versions: list[dict[str, Any]] = []
    for _ in range(rng.randint(1, 4)):
        kept = dict(versions[-1]) if versions else {"name": "a/b"}
        for key in rng.sample(keys, rng.randint(0, 4)):
            kept.pop(key, None)
            if rng.random() < 0.8:
                kept[key] = random_value(rng, 2)
        versions.append(kept)
    return versions


@pytest.fixture(scope="module")
def metadata():
    rng = random.Random("metadata")
    return [random_metadata(rng) for _ in range(QUESTIONS)]


def test_metadata_is_minified_to_the_bytes_that_composer_writes(metadata):
    theirs = map(json.dumps, ask(("minify", versions) for versions in metadata))
    assert not differences(metadata, (json.dumps(minify(each)) for each in metadata), theirs)


def test_minified_metadata_is_expanded_as_composer_expands_it(metadata):
    lists = [minify(versions) for versions in metadata]
    theirs = map(json.dumps, ask(("expand", versions) for versions in lists))
    assert not differences(lists, (json.dumps(expand(each)) for each in lists), theirs)
