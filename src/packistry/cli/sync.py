from dataclasses import asdict
from typing import Any

import click

from packistry.cli import waiting
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.output import json_option, write_facts, write_json, write_table
from packistry.cli.parameters import Number
from packistry.cli.policy import REPOSITORY_HELP, WAIT_HELP
from packistry.models import SyncState
from packistry.services.syncs import LIMIT


@click.group()
def sync() -> None:
    """Looks at projects: what is owed, under way and done."""


@sync.command("list")
@click.option("--package", "name", metavar="NAME", help="Of the project this one is made from.")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@click.option(
    "--state", type=click.Choice([state.value for state in SyncState]), help="Only those."
)
@click.option("--limit", type=Number(1), default=LIMIT, show_default=True, help="At most.")
@json_option
@pass_installation
def list_(
    installation: Installation,
    name: str | None,
    path: str | None,
    state: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show syncs, the latest first."""
    with installation.reading() as services:
        home = None if path is None else services.repositories.get(path)
        package = None if name is None else services.packages.get(name, home)
        found = services.syncs.all(
            package=package, state=SyncState(state) if state else None, limit=limit
        )
    rows = [asdict(each) for each in found]
    if as_json:
        for row in rows:
            del row["refs"]
        write_json(rows)
        return
    write_table(
        ["Sync", "Project", "Packages", "Why", "State", "Refs", "Asked for", "Seconds", "Error"],
        [
            [
                row["id"],
                row["project"],
                row["packages"],
                row["reason"],
                row["state"],
                f"{row['done']}/{row['total']}" if row["total"] else "",
                row["requested_at"],
                row["seconds"],
                row["error"],
            ]
            for row in rows
        ],
        "There is no such sync. Ask for one: packistry package sync NAME",
    )


@sync.command("show")
@click.argument("sync_id", metavar="ID", type=Number(1))
@json_option
@pass_installation
def show(installation: Installation, sync_id: int, as_json: bool) -> None:
    """Show the sync ID with what became of each ref, and why."""
    with installation.reading() as services:
        facts = asdict(services.syncs.get(sync_id))
    if as_json:
        write_json(facts)
    else:
        _write(facts)


@sync.command("retry")
@click.argument("sync_id", metavar="ID", type=Number(1))
@click.option("--wait", is_flag=True, help=WAIT_HELP)
@click.pass_context
@pass_installation
def retry(installation: Installation, ctx: click.Context, sync_id: int, wait: bool) -> None:
    """Look again, now, at the project that the sync ID looked at."""
    again = installation.attempt(lambda services: services.syncs.retry(sync_id).id)
    click.echo(f"The project is looked at by sync {again}.")
    finished = waiting.finish(installation.runtime, [again], wait=wait)
    if not waiting.succeeded(finished):
        ctx.exit(1)


@sync.command("cancel")
@click.argument("sync_id", metavar="ID", type=Number(1))
@pass_installation
def cancel(installation: Installation, sync_id: int) -> None:
    """Cancel the sync ID. One that runs stops before its next ref; what it did so far stays."""
    installation.attempt(lambda services: services.syncs.cancel(sync_id))
    click.echo(f"Sync {sync_id} is cancelled. The next reconcile looks at the project again.")


def _write(facts: dict[str, Any]) -> None:
    write_facts(
        [
            ("Sync", facts["id"]),
            ("Project", facts["project"]),
            ("Source", facts["source"]),
            ("Packages", facts["packages"]),
            ("Why", facts["reason"]),
            ("State", facts["state"]),
            ("Attempts", facts["attempts"]),
            ("Refs", f"{facts['done']} of {facts['total']} done"),
            ("Asked for", facts["requested_at"]),
            ("Begun", facts["started_at"]),
            ("Ended", facts["finished_at"]),
            ("Seconds", facts["seconds"]),
            ("Error", facts["error"]),
        ]
    )
    if facts["refs"]:
        click.echo()
        write_table(
            ["Package", "Ref", "Commit", "Version", "Outcome", "After", "Reason"],
            [
                [
                    ref["package"],
                    ref["ref"],
                    ref["reference"][:12],
                    ref["version"],
                    ref["outcome"],
                    f"{ref['after']:.1f} s",
                    ref["reason"],
                ]
                for ref in facts["refs"]
            ],
            "",
        )
    elif facts["state"] == SyncState.DONE:
        click.echo("\nNothing had changed.")
