"""Projects by the hundred: `package add --all`, and what a source adds by itself."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from packistry.cli import waiting
from packistry.cli.installation import Installation, calling_plugin, fail
from packistry.cli.output import write_json, write_next
from packistry.cli.webhook import see_to_new
from packistry.errors import PackistryError
from packistry.inputs import NewPackage
from packistry.services import Services
from packistry.services.discovery import AddedPackage, Wanted
from packistry.services.finder import add_all
from packistry.services.packages import Progress

NOTHING = "The source has no project that its credentials reach."


def add_many(
    installation: Installation,
    path: str,
    source: str,
    new: NewPackage,
    wanted: Wanted,
    *,
    wait: bool,
    as_json: bool,
) -> bool:
    """Add all that is wanted and tell what became of each; whether all went well."""
    added = _add(installation, path, source, new, wanted)
    syncs = [each.sync_id for each in added]
    finished = waiting.finish(installation.runtime, syncs, wait=wait, quiet=as_json)
    with installation.reading() as services:
        rows = [_outcome(services, source, each, finished) for each in added]
    here = [row["id"] for row in rows if row["verdict"] is None]
    if wait:
        see_to_new(installation, here, now=True, quiet=as_json)
    if as_json:
        write_json(rows)
    else:
        _tell(rows, wait=wait)
    return waiting.succeeded(finished)


def _add(
    installation: Installation, path: str, source: str, new: NewPackage, wanted: Wanted
) -> list[AddedPackage]:
    added: list[AddedPackage] = []
    left_out: Counter[str] = Counter()
    found = 0
    runtime, author = installation.runtime, installation.author
    try:
        with calling_plugin(source):
            for batch in add_all(runtime, author, source, path, new, wanted):
                found += batch.found
                added += batch.added
                left_out += batch.left_out
                _progress(f"Looked at {found} projects, {len(added)} of them are new.")
    except PackistryError:
        if added:
            click.echo(f"{len(added)} were added before; the same command goes on.", err=True)
        raise
    finally:
        _progress("")
    if not found:
        fail(NOTHING)
    others = "".join(f"; {count} {reason}" for reason, count in sorted(left_out.items()))
    click.echo(f"Of {found} projects {len(added)} are looked into{others}.", err=True)
    return added


def _outcome(
    services: Services, source: str, added: AddedPackage, finished: Sequence[Progress]
) -> dict[str, Any]:
    """What a project is now: a package with a name, or none with a verdict."""
    found = services.packages.find(str(added.package_id))
    verdict = None
    if not found:
        passed = services.discovery.passed(services.sources.get(source), added.project)
        verdict = passed[0].reason if passed else "It was removed meanwhile."
    sync = next((waiting.facts(each) for each in finished if each.id == added.sync_id), None)
    return {
        "id": added.package_id,
        "project": added.project,
        "name": found[0].name if found else None,
        "verdict": verdict,
        "sync": sync or {"id": added.sync_id},
    }


def _tell(rows: Sequence[dict[str, Any]], *, wait: bool) -> None:
    for row in rows:
        if row["verdict"] is not None:
            click.echo(f"{row['project']}: no package. {row['verdict']}")
    if rows and not wait:
        write_next(
            "The import is under way. What has no composer.json goes again. See how it goes:",
            ["packistry package list"],
        )


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)
