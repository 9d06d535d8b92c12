from itertools import islice
from typing import Any

import click

from packistry.cli.asking import confirm, yes_option
from packistry.cli.auto_import import (
    auto_import_json,
    auto_import_options,
    passed,
    start_auto_import,
)
from packistry.cli.configuration import SET_HELP, ask_missing, read_settings
from packistry.cli.filters import filter_json, filter_options
from packistry.cli.installation import Installation, calling_plugin, pass_installation
from packistry.cli.output import json_option, write_json, write_next, write_table
from packistry.cli.parameters import Edit, Number
from packistry.cli.policy import INHERIT, KEEP_HELP, TAG_POLICY, TAG_POLICY_HELP
from packistry.cli.webhook import SHARED_HELP, secret_from_file, source_deliveries
from packistry.inputs import NewSource, SourceChange, read
from packistry.inputs.many import AutoImporting
from packistry.models import Dists, Source, TagPolicy
from packistry.plugin import (
    PluginError,
    RateLimited,
    SourceProvider,
    Unavailable,
    secret_fields,
)
from packistry.services.sources import checked

DISTS = click.Choice([dists.value for dists in Dists])
DISTS_HELP = "Build dists at import, or each at its first download."


@click.group()
def source() -> None:
    """The places that packages are imported from."""


source.add_command(source_deliveries)
source.add_command(passed)


@source.command("add")
@click.argument("name")
@click.option("--provider", required=True, help="Which plugin; `packistry plugins` lists them.")
@click.option("--set", "given", metavar="KEY=VALUE", multiple=True, help=SET_HELP)
@click.option("--dists", type=DISTS, default=Dists.EAGER.value, show_default=True, help=DISTS_HELP)
@click.option("--tag-policy", type=TAG_POLICY, help=TAG_POLICY_HELP)
@click.option("--keep-dists", default="0", metavar="N", help=KEEP_HELP)
@filter_options()
@json_option
@pass_installation
def add(
    installation: Installation,
    /,
    name: str,
    provider: str,
    given: tuple[str, ...],
    as_json: bool,
    **how: Any,
) -> None:
    """Make a source called NAME. Its credentials are tried first."""
    runtime = installation.runtime
    config = runtime.plugins.source_provider(provider).Config
    values = ask_missing(config, read_settings(config, given))
    new = read(NewSource, name=name, provider=provider, config=values, **how)
    tried = runtime.plugins.make_source(provider, values, http=runtime.http, git=runtime.git)
    try:
        _write_notes(tried)
    except (RateLimited, Unavailable) as error:
        click.echo(f"Warning: {error} The source is kept; try `packistry source check`.", err=True)
    with installation.change() as services:
        facts = _facts(services.sources.add(new), runtime.plugins.source_provider(provider))
    if as_json:
        write_json(facts)
        return
    click.echo(f'The source "{new.name}" is added.')
    write_next(
        "Next, import packages from it:",
        [f"packistry package add --repository PATH --source '{new.name}' PROJECT"],
    )


@source.command("list")
@json_option
@pass_installation
def list_(installation: Installation, as_json: bool) -> None:
    """Show all sources, without their secrets."""
    providers = installation.runtime.plugins.source_providers
    with installation.reading() as services:
        rows = [
            {
                **_facts(each, providers.get(each.provider)),
                "filter": filter_json(services.filters.of(each)),
                "auto_import": auto_import_json(services.auto_imports.of(each)),
                "packages": services.sources.packages(each),
            }
            for each in services.sources.all()
        ]
    if as_json:
        write_json(rows)
        return
    write_table(
        ["Name", "Provider", "Dists", "Packages", "Added"],
        [
            [
                row["name"],
                row["provider"] + ("" if row["loaded"] else " (no such plugin)"),
                row["dists"],
                row["packages"],
                row["created_at"],
            ]
            for row in rows
        ],
        "There is no source yet. Make one: packistry source add NAME --provider git",
    )


@source.command("edit", cls=Edit)
@click.argument("source_name", metavar="NAME")
@click.option("--name", help="Call it so.")
@click.option("--set", "given", metavar="KEY=VALUE", multiple=True, help=SET_HELP)
@click.option("--clear", metavar="KEY", multiple=True, help="Forget this secret.")
@click.option("--dists", type=DISTS, help=DISTS_HELP)
@click.option(
    "--tag-policy",
    type=click.Choice([*(policy.value for policy in TagPolicy), INHERIT]),
    help="Whether a stable tag that moved upstream is held (protect) or followed; inherit: as each "
    "repository says.",
)
@click.option("--keep-dists", metavar="N", help=KEEP_HELP)
@filter_options("by default")
@click.option("--webhook-secret", metavar="@FILE", callback=secret_from_file, help=SHARED_HELP)
@click.option("--forget-webhook-secret", is_flag=True, help="Have no such secret.")
@click.option(
    "--accept-plugin",
    is_flag=True,
    help="Its provider may come from the Python package that offers it now.",
)
@auto_import_options
@pass_installation
def edit(
    installation: Installation,
    /,
    source_name: str,
    name: str | None,
    given: tuple[str, ...],
    clear: tuple[str, ...],
    auto_import: AutoImporting | None,
    no_auto_import: bool,
    **changes: Any,
) -> None:
    """Change the source called NAME. What is not said stays, secrets too."""
    if auto_import is not None and no_auto_import:
        raise click.UsageError("Say either --auto-import or --no-auto-import.")
    with installation.reading() as services:
        provider = services.sources.get(source_name).provider
    values: dict[str, Any] = {}
    if given or clear:
        config = installation.runtime.plugins.source_provider(provider).Config
        values = read_settings(config, given)
        unknown = sorted(set(clear) - secret_fields(config))
        if unknown:
            raise click.UsageError(f"{unknown[0]!r} is no secret of the provider {provider}.")
    change = read(SourceChange, name=name, config=values, clear=frozenset(clear), **changes)
    with installation.change() as services:
        found = services.sources.get(source_name)
        services.sources.edit(found, change)
        if auto_import is not None:
            start_auto_import(services, found, auto_import)
        if no_auto_import:
            services.auto_imports.stop(found)
        changed = installation.runtime.provider(found) if given or clear else None
    click.echo(f'The source "{name or source_name}" is changed.')
    if changed is not None:
        try:
            _write_notes(changed)
        except PluginError as error:
            click.echo(f"Warning: {error}", err=True)


@source.command("check")
@click.argument("name")
@pass_installation
def check(installation: Installation, name: str) -> None:
    """Try the credentials of the source called NAME."""
    _write_notes(_provider(installation, name))
    click.echo(f'The source "{name}" works.')


@source.command("projects")
@click.argument("name")
@click.argument("search", default="")
@click.option("--limit", type=Number(1), default=100, show_default=True, help="At most.")
@json_option
@pass_installation
def projects(installation: Installation, name: str, search: str, limit: int, as_json: bool) -> None:
    """Show the projects of the source called NAME whose path holds SEARCH."""
    with installation.reading() as services:
        make = services.context.lister(services.sources.get(name))
    provider = make()
    with calling_plugin(provider.title):
        found = list(islice(provider.projects(search), limit + 1))
    rows = [
        {
            "id": each.id,
            "path": each.path,
            "web_url": each.web_url,
            "clone_url": each.clone_url,
            "archived": each.archived,
        }
        for each in found[:limit]
    ]
    if as_json:
        write_json(rows)
        return
    write_table(
        ["Project", "Archived", "Address"],
        [[row["path"], row["archived"], row["web_url"] or row["clone_url"]] for row in rows],
        "No project was found.",
    )
    if len(found) > limit:
        click.echo(f"There are more: narrow the search, or say --limit {limit * 10}.", err=True)


@source.command("remove")
@click.argument("name")
@yes_option
@pass_installation
def remove(installation: Installation, name: str, yes: bool) -> None:
    """Remove the source called NAME. No package may be made from it any more."""
    with installation.reading() as services:
        services.sources.get(name)
    confirm(f'Remove the source "{name}"?', yes=yes)
    with installation.change() as services:
        services.sources.remove(services.sources.get(name))
    click.echo(f'The source "{name}" is removed.')


def _provider(installation: Installation, name: str) -> SourceProvider[Any]:
    with installation.reading() as services:
        make = services.context.provider_maker(services.sources.get(name))
    return make()


def _write_notes(provider: SourceProvider[Any]) -> None:
    """Has the provider check itself, and writes what it has to say."""
    with calling_plugin(provider.title):
        notes = checked(provider)
    for note in notes:
        click.echo(f"Note: {note}", err=True)


def _facts(source: Source, provider: type[SourceProvider[Any]] | None) -> dict[str, Any]:
    hidden = secret_fields(provider.Config) if provider else frozenset()
    return {
        "id": source.id,
        "name": source.name,
        "provider": source.provider,
        "distribution": source.distribution,
        "loaded": provider is not None,
        "lists_projects": provider is not None and provider.lists_projects,
        "config": {key: value for key, value in source.config.items() if key not in hidden},
        "has_secrets": source.secrets != "",
        "has_webhook_secret": source.webhook_secret != "",
        "dists": source.dists,
        "tag_policy": source.tag_policy,
        "keep_dists": source.keep_dists,
        "created_at": source.created_at,
    }
