"""Git repositories to import: one like monolog's, one with a very large file."""

import json
import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BRANCHES = ("main", "1.x", "2.x", "fix/handlers", "feature/formatters", "feature/processors")
TAGS = 87
FILES = 123
COMMITS_A_REF = 25
LINES = 120
LINES_A_FILE = 54
MIB = 1024 * 1024
LARGE_FILE = 200 * MIB
OTHER_FILES = 7 * [10 * MIB]
START = 1309910400
BETWEEN_COMMITS = 2 * 86400


def like_monolog(path: Path) -> Path:
    """87 tags and 6 branches, 25 commits from one to the next; 123 files in each."""
    chance = random.Random("monolog")
    lines = [_line(chance) for _ in range(LINES)]
    files = [f"src/Handler{number % 9}/File{number}.php" for number in range(FILES - 1)]
    refs = TAGS + len(BRANCHES)
    with _importing(path) as stream:
        stream.commit(0, {name: _code(chance, lines) for name in files})
        for number in range(1, refs * COMMITS_A_REF):
            contents = {chance.choice(files): _code(chance, lines)}
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


def _line(chance: random.Random) -> str:
    words = ("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(6))
    return " ".join(words)


def _code(chance: random.Random, lines: Sequence[str]) -> bytes:
    """Lines that recur, and so deflate to about a third, as code does."""
    return "\n".join(["<?php", *chance.choices(lines, k=LINES_A_FILE), ""]).encode()
