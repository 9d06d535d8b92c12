from typing import Any

import click

from packistry.cli import waiting
from packistry.cli.adding import add
from packistry.cli.asking import confirm, yes_option
from packistry.cli.filters import filter_json, filter_rows
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.moving import move, rename
from packistry.cli.output import json_option, size, write_facts, write_json, write_table
from packistry.cli.policy import (
    REPOSITORY_HELP,
    WAIT_HELP,
    accept,
    edit,
    held,
    held_facts,
    refuse,
    write_held,
)
from packistry.cli.versions import remark, restore, version_facts, yank
from packistry.cli.webhook import (
    REPAIR_HELP,
    facts_of,
    package_deliveries,
    repair,
    sentence,
    settle,
)
from packistry.models import Package, Sync
from packistry.services import Services
from packistry.services.summaries import Summary
from packistry.wording import plural


@click.group()
def package() -> None:
    """The packages."""


for command in (add, edit, held, accept, refuse, yank, restore, package_deliveries, rename, move):
    package.add_command(command)


@package.command("list")
@click.argument("search", default="")
@click.option("--repository", "path", metavar="PATH", help="Of this one alone; '' is the root.")
@json_option
@pass_installation
def list_(installation: Installation, search: str, path: str | None, as_json: bool) -> None:
    """Show packages, those whose name holds SEARCH."""
    with installation.reading() as services:
        home = None if path is None else services.repositories.get(path)
        rows = [_summary(each) for each in services.packages.summaries(home, search)]
    if as_json:
        write_json(rows)
        return
    write_table(
        ["Id", "Package", "Repository", "Source", "Versions", "Dists", "Size", "State"],
        [
            [
                row["id"],
                row["name"] or f"({row['project']})",
                row["repository"] or "(root)",
                row["source"] or "(uploads)",
                row["versions"],
                row["dists"],
                size(row["bytes"]),
                # The rest of what a host or git has said is told by `package show`.
                (row["reason"] or row["state"]).partition("\n")[0],
            ]
            for row in rows
        ],
        "There is no such package. Add one: packistry package add --repository PATH --source NAME "
        "PROJECT",
    )


@package.command("show")
@click.argument("name")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@json_option
@pass_installation
def show(installation: Installation, name: str, path: str | None, as_json: bool) -> None:
    """Show the package NAME (or number) with its versions and last syncs."""
    with installation.reading() as services:
        found = _get(services, name, path)
        facts = {
            **_summary(services.packages.summary(found)),
            "description": found.description,
            "type": found.type,
            "abandoned": found.abandonment,
            "subdirectory": found.subdirectory,
            "policy": found.dists,
            "tag_policy": found.tag_policy,
            "keep_dists": found.keep_dists,
            "filter": filter_json(services.filters.of(found)),
            "version_list": [
                version_facts(services, *each) for each in services.packages.versions(found)
            ],
            "webhook": facts_of(services, found.project),
            "held": [held_facts(each) for each in services.protection.held(found)],
            "syncs": [_sync(each) for each in services.packages.recent_syncs(found)],
        }
    if as_json:
        write_json(facts)
        return
    _write_package(facts)


@package.command("sync")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every package.")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@click.option("--repair-webhook", is_flag=True, help=REPAIR_HELP)
@click.option("--wait", is_flag=True, help=WAIT_HELP)
@json_option
@click.pass_context
@pass_installation
def sync(
    installation: Installation,
    ctx: click.Context,
    names: tuple[str, ...],
    everything: bool,
    path: str | None,
    repair_webhook: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Look at the projects of packages now."""
    if everything == bool(names):
        raise click.UsageError("Say which: either NAME... or --all.")

    def work(services: Services) -> tuple[list[int], list[int]]:
        found = None if everything else [_get(services, name, path) for name in names]
        webhooks = repair(services, found) if repair_webhook else []
        if found is None:
            return [each.id for each in services.packages.sync_all()], webhooks
        return [services.packages.sync(each).id for each in found], webhooks

    owed, webhooks = installation.attempt(work)
    sound = settle(installation, webhooks, quiet=as_json)
    finished = waiting.finish(installation.runtime, owed, wait=wait, quiet=as_json)
    if as_json:
        write_json(
            [waiting.facts(each) for each in finished] if wait else [{"id": i} for i in owed]
        )
    elif not owed:
        click.echo("No package is made from a project.", err=True)
    elif not wait:
        click.echo(f"{plural(len(set(owed)), 'sync is', 'syncs are')} under way.")
    if not (sound and waiting.succeeded(finished)):
        ctx.exit(1)


@package.command("remove")
@click.argument("name")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@yes_option
@pass_installation
def remove(installation: Installation, name: str, path: str | None, yes: bool) -> None:
    """Remove the package NAME (or number) with its versions and dists."""
    with installation.reading() as services:
        found = _get(services, name, path)
        number, where = found.id, found.repository.name
    confirm(
        f'Remove {name} from "{where}"? Projects whose lock file names it cannot install it again.',
        yes=yes,
    )
    installation.attempt(
        lambda services: services.packages.remove(services.packages.get(str(number)))
    )
    click.echo(f"{name} is removed. `packistry gc` frees its space.")


def _get(services: Services, name: str, path: str | None) -> Package:
    home = None if path is None else services.repositories.get(path)
    return services.packages.get(name, home)


def _summary(row: Summary) -> dict[str, Any]:
    return {
        "id": row.package.id,
        "name": row.package.name,
        "repository": row.repository.path,
        "source": row.source.name if row.source else None,
        "project": row.project.path if row.project else None,
        "versions": row.versions,
        "dists": row.dists,
        "bytes": row.bytes,
        "state": row.state,
        "reason": row.reason,
    }


def _sync(sync: Sync) -> dict[str, Any]:
    return {
        "id": sync.id,
        "reason": sync.reason,
        "state": sync.state,
        "error": sync.error,
        "requested_at": sync.requested_at,
        "finished_at": sync.finished_at,
    }


def _write_package(facts: dict[str, Any]) -> None:
    write_facts(
        [
            ("Package", facts["name"] or f"number {facts['id']}, without a name yet"),
            ("Repository", facts["repository"] or "(root)"),
            ("Source", facts["source"] or "(uploads)"),
            ("Project", facts["project"]),
            ("Sub-directory", facts["subdirectory"]),
            ("Description", facts["description"]),
            ("Type", facts["type"]),
            ("Abandoned", facts["abandoned"] or ""),
            ("Dists", f"{facts['dists']} built, {size(facts['bytes'])}"),
            ("State", facts["reason"] or facts["state"]),
            ("Webhook", sentence(facts["webhook"])),
            *(filter_rows(facts["filter"]) if facts["project"] else ()),
        ]
    )
    click.echo()
    write_table(
        ["Version", "Reference", "Commit's date", "Dist", "Remark"],
        [
            [
                each["version"],
                each["reference"][:12],
                each["committed_at"],
                "" if each["dist_bytes"] is None else size(each["dist_bytes"]),
                remark(each),
            ]
            for each in facts["version_list"]
        ],
        "It has no versions.",
    )
    if facts["held"]:
        click.echo()
        write_held(facts["held"])
    if facts["syncs"]:
        click.echo()
        write_table(
            ["Sync", "Why", "State", "Asked for", "Ended", "Error"],
            [
                [
                    each["id"],
                    each["reason"],
                    each["state"],
                    each["requested_at"],
                    each["finished_at"],
                    each["error"],
                ]
                for each in facts["syncs"]
            ],
            "",
        )
