"""Packages under another name, and in another repository."""

import click

from packistry.cli.asking import confirm, yes_option
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.policy import REPOSITORY_HELP
from packistry.inputs import read
from packistry.inputs.moving import NewName
from packistry.services import Services


@click.command("rename")
@click.argument("name")
@click.argument("new_name", metavar="NEW")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@pass_installation
def rename(installation: Installation, name: str, new_name: str, path: str | None) -> None:
    """Have the package NAME (or number) go on as NEW.

    NAME stays for those who install it, abandoned in favour of NEW.
    """
    new = read(NewName, name=new_name)

    def work(services: Services) -> str:
        home = None if path is None else services.repositories.get(path)
        package = services.packages.get(name, home)
        services.moving.rename(package, new.name)
        services.audit.note("package.renamed", package, note=new.name)
        return package.name or ""

    before = installation.attempt(work)
    click.echo(f"{new.name} is being imported; {before} is abandoned in favour of it.")


@click.command("move")
@click.argument("name")
@click.option(
    "--to", required=True, metavar="PATH", help="The repository it goes to; '' is the root."
)
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@yes_option
@pass_installation
def move(installation: Installation, name: str, to: str, path: str | None, yes: bool) -> None:
    """Have the package NAME (or number) be in another repository."""
    with installation.reading() as services:
        home = None if path is None else services.repositories.get(path)
        package = services.packages.get(name, home)
        number, before = package.id, package.repository.name
        after = services.repositories.get(to).name
    confirm(
        f'Move {name} from "{before}" to "{after}"? Lock files that name it cannot install it any '
        "more, and who may read it there may not see it here.",
        yes=yes,
    )

    def work(services: Services) -> None:
        package = services.packages.get(str(number))
        services.moving.move(package, services.repositories.get(to))
        services.audit.note("package.moved", package, note=f"{before}: {after}")

    installation.attempt(work)
    click.echo(f'{name} is in "{after}" now.')
