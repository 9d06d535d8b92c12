"""Webhooks of packages, and what they delivered."""

from collections.abc import Sequence
from typing import Any

import click

from packistry import jobs
from packistry.cli.configuration import read_value
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.output import json_option, write_json, write_table
from packistry.cli.parameters import Number
from packistry.cli.policy import REPOSITORY_HELP
from packistry.models import Delivery, Package, Project, WebhookState
from packistry.services import Services
from packistry.services.webhooks import JOB

LIMIT = click.option(
    "--limit",
    type=Number(1, 1000),
    default=50,
    show_default=True,
    metavar="N",
    help="At most.",
)
NO_WEBHOOK_HELP = "Do not have the host tell of changes; it is looked at from time to time only."
REPAIR_HELP = "Have the host's webhook made anew, with another secret."
SHARED_HELP = (
    "What webhooks are signed with that the whole source shares, as @FILE, or @- for stdin. "
    "The one before stays good for a week."
)
NONE_YET = "Nothing was delivered yet."


@click.command("deliveries")
@click.argument("name")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@click.option(
    "--retry", type=Number(1), metavar="N", help="Have the project of delivery N looked at."
)
@LIMIT
@json_option
@pass_installation
def package_deliveries(
    installation: Installation,
    name: str,
    path: str | None,
    retry: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show what the webhook of the package NAME (or number) delivered, the latest first."""

    def work(services: Services) -> tuple[int | None, list[dict[str, Any]]]:
        home = None if path is None else services.repositories.get(path)
        package = services.packages.get(name, home)
        sync = None
        if retry is not None:
            delivery = services.deliveries.get(retry, of=package)
            sync = services.deliveries.retry(delivery).id
        rows = services.deliveries.recent(package, limit) if package.project_id else []
        return sync, [_facts(row) for row in rows]

    sync, rows = installation.attempt(work)
    if sync is not None:
        click.echo(f"Sync {sync} is under way.", err=True)
    _write(rows, as_json)


@click.command("deliveries")
@click.argument("name")
@LIMIT
@json_option
@pass_installation
def source_deliveries(installation: Installation, name: str, limit: int, as_json: bool) -> None:
    """Show what was delivered for the source called NAME, forged ones too, the latest first."""
    with installation.reading() as services:
        found = services.deliveries.recent(services.sources.get(name), limit)
        rows = [_facts(row) for row in found]
    _write(rows, as_json)


def secret_from_file(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """What the file holds: other users of this machine can see what is typed."""
    if value is None:
        return None
    if not value.startswith("@") or value.startswith("@@"):
        raise click.BadParameter("write @FILE, or @- for stdin.")
    return read_value(value)


def facts_of(services: Services, project: Project | None) -> dict[str, Any] | None:
    """The webhook of a project as JSON has it; None without a project."""
    if project is None:
        return None
    facts = services.webhooks.facts(project)
    return {
        "state": facts.state,
        "reason": facts.reason,
        "url": facts.url or None,
        "checked_at": facts.checked_at,
    }


def sentence(facts: dict[str, Any] | None) -> str:
    """The same in one line; "" without a project."""
    if facts is None:
        return ""
    return f"{facts['state']}: {facts['reason']}" if facts["reason"] else str(facts["state"])


def repair(services: Services, packages: Sequence[Package] | None) -> list[int]:
    """Have webhooks made anew, of these packages or (None) wherever one can be; their ids."""
    if packages is None:
        return [webhook.id for webhook in services.webhooks.repair_all()]
    return sorted({services.packages.repair_webhook(package).id for package in packages})


def settle(installation: Installation, webhook_ids: Sequence[int], *, quiet: bool) -> bool:
    """Have these seen to now; whether all are active. Harmless when a server is at it, too."""
    for webhook_id in webhook_ids:
        jobs.run(installation.runtime, JOB, webhook_id)
    sound = True
    with installation.reading() as services:
        for project in services.webhooks.projects(webhook_ids):
            facts = facts_of(services, project)
            sound = sound and facts is not None and facts["state"] == WebhookState.ACTIVE
            if not quiet:
                click.echo(f"{project.path}: the webhook is {sentence(facts)}")
    return sound


def see_to_new(
    installation: Installation, package_ids: Sequence[int], *, now: bool, quiet: bool
) -> list[dict[str, Any] | None]:
    """The webhooks of packages that were just added, made `now` or by the server.

    What is in the way of one is said on stderr.
    """
    with installation.reading() as services:
        packages = [services.packages.get(str(each)) for each in package_ids]
        wanted = [services.webhooks.find(each.project) for each in packages if each.project]
        ids = [each.id for each in wanted if each is not None]
    if now:
        for webhook_id in ids:
            jobs.run(installation.runtime, JOB, webhook_id)
    with installation.reading() as services:
        packages = [services.packages.get(str(each)) for each in package_ids]
        found = [facts_of(services, each.project) for each in packages]
        for package, facts in zip(packages, found, strict=True):
            known = package.project is not None and services.webhooks.find(package.project)
            if not quiet and known and facts is not None and facts["reason"]:
                path = package.project.path if package.project else ""
                click.echo(f"Warning: {path} has no webhook: {facts['reason']}", err=True)
    return found


def _facts(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "received_at": delivery.received_at,
        "project": delivery.project.path if delivery.project else None,
        "event": delivery.event,
        "delivery": delivery.label,
        "changes": delivery.changes,
        "verdict": delivery.verdict,
        "reason": delivery.reason,
        "sync": delivery.sync_id,
        "sync_state": delivery.sync.state if delivery.sync else None,
    }


def _write(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        write_json(rows)
        return
    write_table(
        ["Delivery", "At", "Project", "Event", "Meaning", "Verdict", "Sync", "Reason"],
        [
            [
                row["id"],
                row["received_at"],
                row["project"],
                row["event"],
                ", ".join(row["changes"]),
                row["verdict"],
                f"{row['sync']} {row['sync_state']}" if row["sync"] else "",
                row["reason"],
            ]
            for row in rows
        ],
        NONE_YET,
    )
