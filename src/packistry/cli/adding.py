"""`package add`: packages made of projects that are named, or of all that a source has."""

from typing import Any

import click

from packistry.cli import waiting
from packistry.cli.filters import filter_options
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.many import add_many
from packistry.cli.output import json_option, write_json, write_next
from packistry.cli.policy import KEEP_HELP, REPOSITORY_HELP, TAG_POLICY, TAG_POLICY_HELP, WAIT_HELP
from packistry.cli.webhook import NO_WEBHOOK_HELP, see_to_new
from packistry.inputs import NewPackage, read
from packistry.inputs.many import ManyProjects
from packistry.models import Dists, Repository
from packistry.services import Services
from packistry.services.discovery import Wanted
from packistry.services.packages import Progress
from packistry.services.snippets import repository_commands

MATCH_HELP = "With --all: those whose path fits, such as acme/*; case does not matter. Repeatable."


@click.command("add")
@click.option("--repository", "path", required=True, metavar="PATH", help=REPOSITORY_HELP)
@click.option("--source", "source_name", required=True, metavar="NAME", help="Where it comes from.")
@click.option("--subdirectory", default="", metavar="DIR", help="Where its composer.json is.")
@click.option(
    "--dists",
    type=click.Choice([dists.value for dists in Dists]),
    help="Build dists at import or at their first download. Without: as the source says.",
)
@click.option("--tag-policy", type=TAG_POLICY, help=TAG_POLICY_HELP)
@click.option("--keep-dists", metavar="N", help=KEEP_HELP + " Without: as the source says.")
@filter_options()
@click.option("--no-webhook", is_flag=True, help=NO_WEBHOOK_HELP)
@click.option("--wait", is_flag=True, help=WAIT_HELP)
@click.option("--all", "everything", is_flag=True, help="All projects that the source lists.")
@click.option("--match", multiple=True, metavar="GLOB", help=MATCH_HELP)
@click.option("--archived", is_flag=True, help="With --all: archived ones, too.")
@json_option
@click.argument("names", metavar="[PROJECT]...", nargs=-1)
@click.pass_context
@pass_installation
def add(
    installation: Installation,
    ctx: click.Context,
    /,
    path: str,
    source_name: str,
    no_webhook: bool,
    wait: bool,
    everything: bool,
    match: tuple[str, ...],
    archived: bool,
    as_json: bool,
    names: tuple[str, ...],
    **how: Any,
) -> None:
    """Make a package of each PROJECT of a source: what the host calls it, or its URL.

    With --all of every project that is not there yet and has a composer.json.
    """
    _check(everything, names, match, archived=archived, subdirectory=how["subdirectory"])
    new = read(NewPackage, webhook=not no_webhook, **how)
    if everything:
        many = read(ManyProjects, archived=archived, **({"patterns": match} if match else {}))
        wanted = Wanted(patterns=many.patterns, archived=many.archived, again=True)
        well = add_many(installation, path, source_name, new, wanted, wait=wait, as_json=as_json)
    else:
        well = _add_named(installation, path, source_name, new, names, wait=wait, as_json=as_json)
    if not well:
        ctx.exit(1)


def _check(
    everything: bool,
    names: tuple[str, ...],
    match: tuple[str, ...],
    *,
    archived: bool,
    subdirectory: str,
) -> None:
    if everything == bool(names):
        raise click.UsageError("Say which: either PROJECT... or --all.")
    if not everything and (match or archived):
        raise click.UsageError("--match and --archived choose among --all projects.")
    if everything and subdirectory:
        raise click.UsageError("A sub-directory is one of a project that you name.")


def _add_named(
    installation: Installation,
    path: str,
    source_name: str,
    new: NewPackage,
    names: tuple[str, ...],
    *,
    wait: bool,
    as_json: bool,
) -> bool:
    """Whether all went well."""
    with installation.reading() as services:
        services.repositories.get(path)
        make = services.context.provider_maker(services.sources.get(source_name))
    # The host is asked outside of any transaction: it may take its time.
    provider = make()
    projects = [provider.project(name) for name in dict.fromkeys(names)]

    def work(services: Services) -> list[dict[str, Any]]:
        repository = services.repositories.get(path)
        source = services.sources.get(source_name)
        return [
            {"id": package.id, "project": project.path, "sync": sync.id}
            for project, (package, sync) in zip(
                projects, services.packages.add(repository, source, projects, new), strict=True
            )
        ]

    added = installation.attempt(work)
    with installation.reading() as services:
        commands = _commands(installation, services.repositories.get(path))
    if not as_json:
        for row in added:
            click.echo(f"Package number {row['id']} is made from {row['project']}.")
    finished = waiting.finish(
        installation.runtime, [row["sync"] for row in added], wait=wait, quiet=as_json
    )
    webhooks = see_to_new(installation, [row["id"] for row in added], now=wait, quiet=as_json)
    added = [row | {"webhook": facts} for row, facts in zip(added, webhooks, strict=True)]
    named = _named(installation, added, finished)
    if as_json:
        write_json(named)
    elif not wait:
        write_next("The import is under way. See how it goes:", ["packistry package list"])
    else:
        _write_what_next(named, commands)
    return waiting.succeeded(finished) and (not wait or all(row["name"] for row in named))


def _named(
    installation: Installation, added: list[dict[str, Any]], finished: list[Progress]
) -> list[dict[str, Any]]:
    """What was added, with the names the import has found out by now."""
    syncs = {each.id: waiting.facts(each) for each in finished}
    with installation.reading() as services:
        return [
            {
                **row,
                "name": services.packages.get(str(row["id"])).name,
                "sync": syncs.get(row["sync"], {"id": row["sync"]}),
            }
            for row in added
        ]


def _write_what_next(added: list[dict[str, Any]], commands: list[str]) -> None:
    if any(row["name"] for row in added):
        write_next("In a project that shall use it:", commands)
    nameless = [row["id"] for row in added if not row["name"]]
    if nameless:
        write_next(
            "What has no name yet is looked at again from time to time. If it was a mistake:",
            [f"packistry package remove {number}" for number in nameless],
        )


def _commands(installation: Installation, repository: Repository) -> list[str]:
    return repository_commands(installation.runtime.settings.base_url, repository)
