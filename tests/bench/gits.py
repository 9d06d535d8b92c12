"""Git repositories to import: one like monolog's, one with a very large file."""

import json
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BRANCHES = ("main", "1.x", "2.x", "fix/handlers", "feature/formatters", "feature/processors")
TAGS = 87
FILES = 123
TESTS = 120
COMMITS_A_REF = 25
WORDS = 900
LINES_A_FILE = 80
ATTRIBUTES = b"/tests export-ignore\n/.gitattributes export-ignore\n"
LINES = (
    "",
    "    }}",
    "    /**",
    "     * {a} {c} the {d} of a {e}, or {f} when there is none",
    "     * @param {b}|null ${a} {d} {e}",
    "    public function {a}{b}({b} ${c}, string ${d} = '{e}'): {b}",
    "        $this->{a} = ${c}->{d}{b}(${e});",
    "        if (!${a} instanceof {b} || ${c} === '{d}') {{",
    "            throw new {b}Exception('{a} {c} {d}: '.${e});",
    "        return $this->{a}{b}(${c}, [{d}::class, '{e}' => ${f}]);",
)
MIB = 1024 * 1024
LARGE_FILE = 200 * MIB
OTHER_FILES = 7 * [10 * MIB]
START = 1309910400
BETWEEN_COMMITS = 2 * 86400


def like_monolog(path: Path) -> Path:
    """87 tags and 6 branches, 25 commits from one to the next; 123 files in each zip.

    As many again are its tests, which are left out of them; and git needs about as long as for
    monolog itself.
    """
    chance = random.Random("monolog")
    prose = _Prose(chance)
    files = [f"src/Handler{number % 9}/File{number}.php" for number in range(FILES - 1)]
    files += [f"tests/Handler{number % 9}/File{number}Test.php" for number in range(TESTS)]
    refs = TAGS + len(BRANCHES)
    with _importing(path) as stream:
        first = {name: prose.code() for name in files}
        stream.commit(0, {".gitattributes": ATTRIBUTES, **first})
        for number in range(1, refs * COMMITS_A_REF):
            contents = {chance.choice(files): prose.code()}
            if number % COMMITS_A_REF == 1:
                contents["composer.json"] = _manifest("bench/like-monolog", number)
            stream.commit(number, contents)
        for number in range(TAGS):
            name = f"refs/tags/{number // 30 + 1}.{number % 30}.0"
            stream.point(name, (number + 1) * COMMITS_A_REF - 1)
        for number, name in enumerate(BRANCHES):
            stream.point(f"refs/heads/{name}", (refs - number) * COMMITS_A_REF - 1)
    # As a host keeps it.
    subprocess.run(["git", "-C", path, "repack", "-a", "-d", "--quiet"], check=True)
    return path


def small(path: Path) -> Path:
    """One tag, one branch, two files."""
    with _importing(path) as stream:
        stream.commit(0, {"composer.json": _manifest("bench/small", 0), "src/A.php": b"<?php\n"})
        stream.point("refs/heads/main", 0)
        stream.point("refs/tags/1.0.0", 0)
    return path


def large(path: Path) -> Path:
    """One tag whose zip has more than 256 MiB: it holds a file of 200 MiB, and does not deflate."""
    sizes = [LARGE_FILE, *OTHER_FILES]
    contents = {f"data/{number}.bin": os.urandom(size) for number, size in enumerate(sizes)}
    contents["composer.json"] = _manifest("bench/large", 0)
    with _importing(path, compression=0) as stream:
        stream.commit(0, contents)
        stream.point("refs/heads/main", 0)
        stream.point("refs/tags/1.0.0", 0)
    return path


class _Stream:
    """What `git fast-import` reads."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        self._write = process.stdin.write

    def commit(self, number: int, files: dict[str, bytes]) -> None:
        self._write(b"commit refs/bench/work\n")
        self._write(f"mark :{number + 1}\n".encode())
        self._write(
            f"committer A <a@packages.example> {START + number * BETWEEN_COMMITS} +0000\n".encode()
        )
        self._data(f"Change {number}".encode())
        for name, content in files.items():
            self._write(f"M 100644 inline {name}\n".encode())
            self._data(content)

    def point(self, ref: str, number: int) -> None:
        self._write(f"reset {ref}\nfrom :{number + 1}\n\n".encode())

    def _data(self, content: bytes) -> None:
        self._write(b"data %d\n" % len(content))
        self._write(content)
        self._write(b"\n")


@contextmanager
def _importing(path: Path, *, compression: int = 6) -> Iterator[_Stream]:
    """A new bare repository at `path`, filled by the block."""
    settings = (f"core.compression={compression}", "fastimport.unpackLimit=1", "safe.directory=*")
    git = ["git", *(part for setting in settings for part in ("-c", setting))]
    subprocess.run([*git, "init", "--quiet", "--bare", "--initial-branch=main", path], check=True)
    # Without deltas: it would look for them between files of 200 MiB, too.
    command = [*git, "-C", str(path), "fast-import", "--quiet", "--depth=0"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    with process:
        yield _Stream(process)
    if process.returncode:
        raise RuntimeError(f"git fast-import ended with {process.returncode}")


def _manifest(name: str, number: int) -> bytes:
    manifest = {
        "name": name,
        "description": f"Change {number}",
        "license": "MIT",
        "require": {"php": ">=8.1"},
        "autoload": {"psr-4": {"Bench\\": "src/"}},
    }
    return json.dumps(manifest, indent=4).encode()


class _Prose:
    """Writes PHP that means nothing, and deflates to about a third in about as long as code."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        syllables = [a + b for a in "bcdfglmnprst" for b in ("a", "e", "i", "o", "er", "un")]
        lengths = (chance.randint(2, 4) for _ in range(WORDS))
        self._words = ["".join(chance.choices(syllables, k=length)) for length in lengths]

    def code(self) -> bytes:
        """One file."""
        lines = (self._line() for _ in range(LINES_A_FILE))
        return "\n".join(["<?php declare(strict_types=1);", *lines, ""]).encode()

    def _line(self) -> str:
        # Few words are used much, and most seldom.
        spots = (int(len(self._words) * self._chance.random() ** 3) for _ in range(6))
        a, b, c, d, e, f = (self._words[spot] for spot in spots)
        return self._chance.choice(LINES).format(a=a, b=b.title(), c=c, d=d, e=e, f=f)
