"""The command `packistry`: one file per noun."""

import click

from packistry.cli.auth_source import auth_source
from packistry.cli.care import doctor, gc, plugins, secrets
from packistry.cli.grant import grant, revoke
from packistry.cli.installation import Commands
from packistry.cli.package import package
from packistry.cli.plugin import plugin
from packistry.cli.repository import repository
from packistry.cli.server import migrate, serve, setup_link, worker
from packistry.cli.source import source
from packistry.cli.sync import sync
from packistry.cli.token import token
from packistry.cli.user import user

__all__ = ["main"]


@click.group(cls=Commands)
@click.version_option(package_name="packistry")
def main() -> None:
    """A self-hosted Composer repository.

    Settings come from PACKISTRY_* environment variables. Lists take --json. Exit codes: 0 all
    went well, 1 it did not, 2 the command line is wrong.
    """


for command in (
    serve,
    worker,
    migrate,
    setup_link,
    doctor,
    plugins,
    plugin,
    gc,
    repository,
    source,
    package,
    sync,
    user,
    auth_source,
    grant,
    revoke,
    token,
    secrets,
):
    main.add_command(command)
