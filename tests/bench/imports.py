"""Imports: against what git itself needs, and how much memory they take."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from packistry.settings import MIB, Settings
from tests.bench import data, gits
from tests.bench.machine import peak_memory
from tests.bench.rounds import Effort, interleave, seconds
from tests.bench.table import Figure, Target
from tests.servers import folder

THREADS: int = Settings.model_fields["archive_threads"].default
MEMORY_LIMIT = 256 * MIB
# What Satis had at most for the same, on a machine where it could be measured.
SATIS_MEMORY = 45 * MIB
SECONDS = 300
URL = "http://packages.bench"
MEMORY = "the importer's memory / Satis's: "
FLAT = "the importer's memory / for two refs"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What `tests.bench.importer` says. `error` is why it failed, "" when it did not."""

    first: float = 0.0
    again: float = 0.0
    versions: int = 0
    dists: int = 0
    bytes: int = 0
    error: str = ""


class Workshop:
    """Imports one repository again and again, each time into new folders."""

    def __init__(self, path: Path, git: Path) -> None:
        self._path = path
        self._git = git
        self._numbers = count(1)

    def plain_fetch(self) -> float:
        """Seconds that git needs to fetch branches and tags."""
        target = self._new()
        took = seconds(lambda: _fetch(self._git, target))
        shutil.rmtree(target)
        return took

    def plain_archives(self) -> float:
        """Seconds that git needs to fetch, and to zip every commit that a ref points to."""
        target = self._new()

        def work() -> None:
            _fetch(self._git, target)
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(lambda commit: _archive(target, commit), _commits(target)))

        took = seconds(work)
        shutil.rmtree(target)
        return took

    def imported(self, dists: str) -> Imported:
        """Our import of the same. RuntimeError when it is not complete."""
        target = self._new()
        done = _finish(_start(target, self._git, dists))
        shutil.rmtree(target)
        if done.error or not done.versions or (dists == "eager") != bool(done.dists):
            raise RuntimeError(f"The import did not do its work: {done}")
        return done

    def memory(self) -> tuple[int, int]:
        """Bytes that our eager import had at once: its own process, and its largest git."""
        target = self._new()
        process = _start(target, self._git, "eager")
        peaks = peak_memory(process, "git")
        done = _finish(process)
        shutil.rmtree(target)
        if done.error:
            raise RuntimeError(done.error)
        return peaks

    def _new(self) -> Path:
        self._path.mkdir(exist_ok=True)
        return self._path / f"try-{next(self._numbers)}"


def measure(effort: Effort, repository: Path | None) -> list[Figure]:
    with folder() as path:
        git = repository or gits.like_monolog(path / "like-monolog.git")
        workshop = Workshop(path, git)
        little = Workshop(path / "little", gits.small(path / "small.git"))
        return [*_times(effort, workshop), *_memory(workshop, little), _beyond_memory(path)]


def _times(effort: Effort, workshop: Workshop) -> list[Figure]:
    lazy: list[Imported] = []

    def import_lazily() -> float:
        lazy.append(workshop.imported("lazy"))
        return lazy[-1].first

    measures: dict[str, Callable[[], float]] = {
        "fetch": workshop.plain_fetch,
        "archives": workshop.plain_archives,
        "eager": lambda: workshop.imported("eager").first,
        "lazy": import_lazily,
        "again": lambda: lazy[-1].again,
    }
    # What is said of an import follows it: the order within a round is the same each time.
    measured = interleave(effort.rounds, measures)
    rows = (
        ("eager import / fetch and archives", "eager", "archives", 1.20, 1.10),
        ("lazy import / fetch", "lazy", "fetch", 1.25, 1.10),
        ("unchanged import / first lazy one", "again", "lazy", 0.15, 0.05),
    )
    return [
        measured.figure(
            what, ours=ours, baseline=baseline, unit="s", target=Target(must=must, aim=aim)
        )
        for what, ours, baseline, must, aim in rows
    ]


def _memory(workshop: Workshop, little: Workshop) -> list[Figure]:
    peaks = workshop.memory()
    against_satis = [
        _memory_figure(MEMORY + who, peak, SATIS_MEMORY, Target(must=1.5, aim=0.5))
        for who, peak in zip(("itself", "its largest git"), peaks, strict=True)
    ]
    # What Python and its libraries take is there before the first ref.
    least, _ = little.memory()
    flat = _memory_figure(FLAT, peaks[0], least, Target(must=1.15, aim=1.05))
    return [*against_satis, flat]


def _memory_figure(what: str, ours: int, baseline: int, target: Target) -> Figure:
    return Figure(
        what=what,
        ours=ours / MIB,
        baseline=baseline / MIB,
        unit="MiB",
        ratio=ours / baseline,
        target=target,
    )


def _beyond_memory(path: Path) -> Figure:
    """Whether a zip larger than the memory allowed is imported; infinitely bad when not."""
    git = gits.large(path / "large.git")
    done = _finish(_start(path / "large", git, "eager", MEMORY_LIMIT))
    if done.error:
        sys.stderr.write(f"The import with limited memory failed: {done.error}\n")
    # Two refs of one commit share a dist.
    size = done.bytes if done.dists == 1 and not done.error else 0
    return Figure(
        what="memory allowed / the zip it imports",
        ours=MEMORY_LIMIT / MIB,
        baseline=size / MIB,
        unit="MiB",
        ratio=MEMORY_LIMIT / size if size else float("inf"),
        target=Target(must=1.0, aim=1.0),
    )


def _start(target: Path, git: Path, dists: str, limit: int = 0) -> "subprocess.Popen[str]":
    # What makes the tables stays in the memory of the process that did it.
    data.runtime(target, URL).close()
    command = [sys.executable, "-m", "tests.bench.importer"]
    return subprocess.Popen(
        [*command, str(target), str(git), dists, str(limit)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(process: "subprocess.Popen[str]") -> Imported:
    try:
        output, complaints = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    if process.returncode:
        return Imported(error=complaints.strip() or f"status {process.returncode}")
    return Imported(**json.loads(output))


def _fetch(git: Path, target: Path) -> None:
    _git("init", "--quiet", "--bare", str(target))
    refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    _git("-C", str(target), "fetch", "--quiet", "--no-tags", f"file://{git}", *refs)


def _commits(target: Path) -> Sequence[str]:
    listed = _git("-C", str(target), "for-each-ref", "--format=%(objectname) %(*objectname)")
    # Of an annotated tag, the commit behind it.
    return list(dict.fromkeys(line.split()[-1] for line in listed.splitlines()))


def _archive(target: Path, commit: str) -> None:
    zipped = f"--output={target}/{commit}.zip"
    _git("-C", str(target), "archive", "--format=zip", f"--prefix={commit[:7]}/", zipped, commit)


def _git(*arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    done = subprocess.run(
        ["git", *arguments], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout
