from typing import Any

import click

from packistry.cli.asking import confirm, yes_option
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.output import json_option, write_json, write_next, write_table
from packistry.cli.parameters import Edit
from packistry.errors import Invalid
from packistry.inputs import NewRepository, RepositoryChange, read
from packistry.models import Repository, TagPolicy
from packistry.services.documents import render_stale
from packistry.services.snippets import repository_commands
from packistry.wording import plural


@click.group()
def repository() -> None:
    """The Composer repositories: the root one, and those below /r/PATH."""


@repository.command("add")
@click.argument("name")
@click.option("--path", default="", help="Serve it at /r/PATH. Without: the root repository.")
@click.option("--public", is_flag=True, help="Everybody may read it, without a token.")
@click.option("--reserve", "reserved", metavar="VENDOR", multiple=True, help="Keep VENDOR/* here.")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@click.option(
    "--tag-policy",
    type=click.Choice([policy.value for policy in TagPolicy]),
    default=TagPolicy.PROTECT.value,
    show_default=True,
    help="Whether a stable tag that moved upstream is held (protect) or followed.",
)
@json_option
@pass_installation
def add(
    installation: Installation,
    name: str,
    path: str,
    public: bool,
    reserved: tuple[str, ...],
    description: str,
    tag_policy: str,
    as_json: bool,
) -> None:
    """Make a repository called NAME."""
    new = read(
        NewRepository,
        name=name,
        path=path,
        public=public,
        reserved_vendors=reserved,
        description=description,
        tag_policy=tag_policy,
    )
    base_url = installation.runtime.settings.base_url
    with installation.change() as services:
        made = services.repositories.add(new)
        commands = repository_commands(base_url, made)
        facts = {**_facts(made, base_url), "composer": commands}
    if as_json:
        write_json(facts)
        return
    click.echo(f'The repository "{new.name}" is at {facts["url"]}')
    write_next("In a project that shall use it:", commands)
    following = [f"packistry package add --repository '{new.path}' --source NAME PROJECT"]
    if not new.public:
        following.append(f"packistry token add NAME --deploy --repository '{new.path}'")
    write_next(
        "Next, add packages to it" + ("" if new.public else " and make a token") + ":", following
    )


@repository.command("list")
@json_option
@pass_installation
def list_(installation: Installation, as_json: bool) -> None:
    """Show all repositories."""
    base_url = installation.runtime.settings.base_url
    with installation.reading() as services:
        rows = [
            {**_facts(each, base_url), "packages": services.repositories.size(each)}
            for each in services.repositories.all()
        ]
    if as_json:
        write_json(rows)
        return
    write_table(
        ["Name", "Path", "Public", "Packages", "Reserved", "Tags", "URL"],
        [
            [
                row["name"],
                row["path"] or "(root)",
                row["public"],
                row["packages"],
                row["reserved_vendors"],
                row["tag_policy"],
                row["url"],
            ]
            for row in rows
        ],
        "There is no repository yet. Make one: packistry repository add NAME",
    )


@repository.command("edit", cls=Edit)
@click.argument("repository_path", metavar="PATH")
@click.option("--name", help="Call it so.")
@click.option("--path", help="Serve it at /r/PATH; '' makes it the root repository.")
@click.option("--public/--private", default=None, help="Whether everybody may read it.")
@click.option("--reserve", "reserved", metavar="VENDOR", multiple=True, help="Keep VENDOR/* here.")
@click.option("--release", "released", metavar="VENDOR", multiple=True, help="Reserve it no more.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option(
    "--tag-policy",
    type=click.Choice([policy.value for policy in TagPolicy]),
    help="Whether a stable tag that moved upstream is held (protect) or followed.",
)
@pass_installation
def edit(
    installation: Installation,
    /,
    repository_path: str,
    reserved: tuple[str, ...],
    released: tuple[str, ...],
    **changes: Any,
) -> None:
    """Change the repository at PATH ('' or / is the root). What is not said stays."""
    added = read(RepositoryChange, reserved_vendors=reserved).reserved_vendors or ()
    with installation.change() as services:
        found = services.repositories.get(repository_path)
        given_up = {each.removesuffix("/*") for each in released}
        if unknown := given_up - set(found.reserved_vendors):
            raise Invalid(f'The repository "{found.name}" does not reserve "{min(unknown)}".')
        vendors = (set(found.reserved_vendors) | set(added)) - given_up
        change = read(RepositoryChange, reserved_vendors=tuple(vendors), **changes)
        services.repositories.edit(found, change)
        name = found.name
    click.echo(f'The repository "{name}" is changed.')
    if changes["path"] is not None:
        render_stale(installation.runtime)
        click.echo("Its URL has changed: tell every project that uses it.")


@repository.command("remove")
@click.argument("repository_path", metavar="PATH")
@yes_option
@pass_installation
def remove(installation: Installation, repository_path: str, yes: bool) -> None:
    """Remove the repository at PATH ('' or / is the root) with all its packages."""
    with installation.reading() as services:
        found = services.repositories.get(repository_path)
        name, size = found.name, services.repositories.size(found)
    confirm(f'Remove the repository "{name}" with its {plural(size, "package")}?', yes=yes)
    with installation.change() as services:
        services.repositories.remove(services.repositories.get(repository_path))
    click.echo(f'The repository "{name}" is removed. `packistry gc` frees its space.')


def _facts(repository: Repository, base_url: str) -> dict[str, Any]:
    return {
        "id": repository.id,
        "name": repository.name,
        "path": repository.path,
        "url": f"{base_url}{repository.prefix}",
        "public": repository.public,
        "description": repository.description,
        "reserved_vendors": repository.reserved_vendors,
        "tag_policy": repository.tag_policy,
        "created_at": repository.created_at,
    }
