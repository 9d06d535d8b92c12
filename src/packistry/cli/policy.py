"""How a package is imported, and what becomes of its tags that moved."""

from dataclasses import asdict
from typing import Any

import click

from packistry.cli import waiting
from packistry.cli.filters import filter_options
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.output import json_option, write_json, write_table
from packistry.cli.parameters import Edit
from packistry.inputs import PackageChange, read
from packistry.models import Dists, Package, TagPolicy
from packistry.services import Services
from packistry.services.filters import FilterFacts
from packistry.services.protection import HeldTag

REPOSITORY_HELP = "The repository it is in, by path; '' is the root."
WAIT_HELP = "Wait until it is imported, and say what became of each ref."
KEEP_HELP = (
    "How many dists of a branch are kept: `gc` removes older ones, and lock files that name them "
    "stop installing. 0: all."
)
COMMIT_HELP = "Only if the tag points to this commit (or one that begins so)."
INHERIT = "inherit"
TAG_POLICY = click.Choice([policy.value for policy in TagPolicy])
TAG_POLICY_HELP = (
    "Whether a stable tag that moved upstream is held (protect) or followed. Without: as its "
    "repository says."
)


@click.command("edit", cls=Edit)
@click.argument("name")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@click.option(
    "--dists",
    type=click.Choice([*(dists.value for dists in Dists), INHERIT]),
    help="Build dists at import or at their first download; inherit: as the source says.",
)
@click.option(
    "--tag-policy",
    type=click.Choice([*(policy.value for policy in TagPolicy), INHERIT]),
    help="Whether a stable tag that moved upstream is held (protect) or followed; inherit: as the "
    "source says, else the repository.",
)
@click.option("--keep-dists", metavar="N", help=KEEP_HELP + " inherit: as the source says.")
@filter_options("the source says")
@pass_installation
def edit(installation: Installation, /, name: str, path: str | None, **changes: Any) -> None:
    """Change how the package NAME (or number) is imported, from its next sync on."""
    change = read(PackageChange, **changes)

    def work(services: Services) -> FilterFacts:
        package = _get(services, name, path)
        services.packages.edit(package, change)
        return services.filters.of(package)

    facts = installation.attempt(work)
    if facts.nothing_left:
        click.echo(f"Warning: this leaves none of its {facts.known} branches and tags.", err=True)
    click.echo(f"{name} is changed. To have it take effect now: packistry package sync {name}")


@click.command("held")
@click.argument("name", required=False)
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@json_option
@pass_installation
def held(installation: Installation, name: str | None, path: str | None, as_json: bool) -> None:
    """Show stable tags that moved and wait for a decision, of the package NAME or of all."""
    with installation.reading() as services:
        package = None if name is None else _get(services, name, path)
        rows = [held_facts(each) for each in services.protection.held(package)]
    if as_json:
        write_json(rows)
    else:
        write_held(rows)


@click.command("accept")
@click.argument("name")
@click.argument("version", required=False)
@click.option("--all", "everything", is_flag=True, help="Every tag of the package that is held.")
@click.option("--commit", default="", metavar="COMMIT", help=COMMIT_HELP)
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@click.option("--wait", is_flag=True, help=WAIT_HELP)
@click.pass_context
@pass_installation
def accept(
    installation: Installation,
    ctx: click.Context,
    name: str,
    version: str | None,
    everything: bool,
    commit: str,
    path: str | None,
    wait: bool,
) -> None:
    """Let VERSION of the package NAME be the commit its tag points to now.

    What was refused before can be accepted, too. Lock files that name the old commit install it.
    """
    if everything == bool(version):
        raise click.UsageError("Say which: either VERSION or --all.")

    def work(services: Services) -> list[int]:
        package = _get(services, name, path)
        if version:
            return [services.protection.accept(package, version, commit=commit).id]
        asked = services.protection.accept_all(package)
        return [asked.id] if asked else []

    owed = installation.attempt(work)
    if not owed:
        click.echo(f"No tag of {name} is held.", err=True)
        return
    finished = waiting.finish(installation.runtime, owed, wait=wait)
    if not wait:
        click.echo("Accepted; the import is under way.")
    if not waiting.succeeded(finished):
        ctx.exit(1)


@click.command("refuse")
@click.argument("name")
@click.argument("version")
@click.option("--commit", default="", metavar="COMMIT", help=COMMIT_HELP)
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@pass_installation
def refuse(
    installation: Installation, name: str, version: str, commit: str, path: str | None
) -> None:
    """Let VERSION of the package NAME stay what it was, and report this commit no more."""
    installation.attempt(
        lambda services: services.protection.refuse(
            _get(services, name, path), version, commit=commit
        )
    )
    click.echo(f"Refused. Should the tag of {version} move on, it is reported again.")


def held_facts(tag: HeldTag) -> dict[str, Any]:
    """The tag as JSON has it."""
    return asdict(tag)


def write_held(rows: list[dict[str, Any]]) -> None:
    """The tags as a table."""
    write_table(
        ["Package", "Repository", "Version", "Was", "Served", "Tag", "Points to", "Since"],
        [
            [
                row["package"],
                row["repository"] or "(root)",
                row["version"],
                row["reference"][:12],
                row["served"][:12] or "(nothing)",
                row["tag"],
                row["held"][:12],
                row["held_at"],
            ]
            for row in rows
        ],
        "No tag is held.",
    )


def _get(services: Services, name: str, path: str | None) -> Package:
    home = None if path is None else services.repositories.get(path)
    return services.packages.get(name, home)
