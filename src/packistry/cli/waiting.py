"""`--wait`: the progress of syncs, and what became of each ref."""

import sys
import time
from collections.abc import Sequence
from threading import Thread
from typing import Any, Self

import click

from packistry import jobs, stopping
from packistry.cli.output import write_next, write_table
from packistry.models import Outcome, SyncState
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.packages import Progress

LOOK_SECONDS = 0.2
STOP_SECONDS = 5.0
# How long somebody else has to begin before we do the work ourselves. A worker that takes jobs
# from Redis may be busy with others for a while.
GRACE_SECONDS = {"embedded": 1.0, "rq": 15.0}
REMARKABLE = (Outcome.SKIPPED, Outcome.HELD, Outcome.FAILED)
BAR = 30
SUCCEEDED = (SyncState.DONE,)
UNREAD = (SyncState.FAILED, SyncState.QUEUED)


class Waiting:
    """Waits until syncs are over, and does those itself that nobody else begins.

    Claims are atomic, so that it is harmless when a server begins at the same moment.
    """

    def __init__(self, runtime: Runtime, sync_ids: Sequence[int]) -> None:
        self._runtime = runtime
        self._ids = sorted(set(sync_ids))
        self._helper: Thread | None = None
        self._stop = stopping.Stop()
        self._ended: dict[int, Progress] = {}
        self._grace = GRACE_SECONDS[runtime.settings.jobs]

    def until_done(self) -> list[Progress]:
        """The syncs as they ended. One that is to be tried again later counts as ended."""
        try:
            with _Bar() as bar:
                return self._watch(bar)
        finally:
            # Whoever interrupts us leaves nothing running.
            self._stop.ask()
            if self._helper is not None:
                self._helper.join(STOP_SECONDS)

    def _watch(self, bar: "_Bar") -> list[Progress]:
        started = time.monotonic()
        while True:
            found = self._look()
            bar.show(found)
            waiting = [each for each in found if not ended(each)]
            if not waiting:
                return found
            if time.monotonic() - started > self._grace:
                self._help(waiting)
            time.sleep(LOOK_SECONDS)

    def _look(self) -> list[Progress]:
        """All of them; what has ended is not asked for again. One may go with its project."""
        asked = [each for each in self._ids if each not in self._ended]
        found = self._runtime.attempt(lambda services: services.packages.progress(asked))
        self._ended |= {each.id: each for each in found if ended(each)}
        waiting = {each.id: each for each in found if not ended(each)}
        return [each for _, each in sorted((self._ended | waiting).items())]

    def _help(self, waiting: list[Progress]) -> None:
        """Do what is owed, or was begun by a process that died, if we are not at it yet."""
        if self._helper is None or not self._helper.is_alive():
            ids = [each.id for each in waiting]
            self._helper = Thread(target=self._work, args=(ids,), daemon=True)
            self._helper.start()

    def _work(self, ids: list[int]) -> None:
        with stopping.stoppable(self._stop):
            for sync_id in ids:
                if self._stop.asked:
                    return
                jobs.run(self._runtime, "sync", sync_id)


def finish(
    runtime: Runtime, sync_ids: Sequence[int], *, wait: bool, quiet: bool = False
) -> list[Progress]:
    """The syncs as they ended, if waiting was asked for; told unless `quiet`."""
    if not wait:
        return []
    finished = Waiting(runtime, sync_ids).until_done()
    if not quiet:
        report(finished)
    return finished


def ended(sync: Progress) -> bool:
    """Whether nothing more happens to it now."""
    if sync.state is SyncState.QUEUED:
        return bool(sync.error) and sync.not_before > now()
    return sync.state is not SyncState.RUNNING


def succeeded(syncs: Sequence[Progress]) -> bool:
    """Whether all of them read their projects to the end."""
    return all(each.state in SUCCEEDED for each in syncs)


def report(syncs: Sequence[Progress]) -> None:
    """What became of each sync, and the reason for each ref that is no version."""
    for sync in syncs:
        click.echo(f"{sync.project}: {_sentence(sync)}")
        rows = [
            [item.package, item.ref, item.outcome, item.reason]
            for item in sync.items
            if item.outcome in REMARKABLE
        ]
        if rows:
            write_table(["Package", "Ref", "Outcome", "Reason"], rows, "")
    sources = sorted({each.source for each in syncs if each.error and each.state in UNREAD})
    if sources:
        write_next(
            "To try what a source sends, or to give it other credentials:",
            [
                line
                for name in sources
                for line in (
                    f"packistry source check '{name}'",
                    f"packistry source edit '{name}' --set KEY=VALUE",
                )
            ],
        )


def facts(sync: Progress) -> dict[str, Any]:
    """The sync as JSON has it."""
    return {
        "id": sync.id,
        "project": sync.project,
        "state": sync.state,
        "error": sync.error,
        "refs": [
            {
                "package": item.package,
                "kind": item.kind,
                "ref": item.ref,
                "version": item.version,
                "outcome": item.outcome,
                "reason": item.reason,
            }
            for item in sync.items
        ],
    }


def _sentence(sync: Progress) -> str:
    if sync.state is SyncState.QUEUED:
        return f"failed, and will be tried again at {sync.not_before:%H:%M:%S} UTC. {sync.error}"
    if sync.state is not SyncState.DONE:
        return f"{sync.state}. {sync.error}"
    counts = [
        f"{sum(item.outcome is outcome for item in sync.items)} {outcome}" for outcome in Outcome
    ]
    return ", ".join(each for each in counts if not each.startswith("0 ")) or "nothing had changed"


class _Bar:
    """How far the syncs are, on one line of a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._write("")

    def show(self, syncs: Sequence[Progress]) -> None:
        total = max(1, sum(max(each.total, 1) for each in syncs))
        done = sum(max(each.total, 1) if ended(each) else each.done for each in syncs)
        bar = "#" * (BAR * done // total)
        self._write(f"Importing [{bar:-<{BAR}}] {done} of {total} refs")

    def _write(self, line: str) -> None:
        if self._shown:
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)
