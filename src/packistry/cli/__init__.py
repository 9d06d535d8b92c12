"""The command `packistry`: one file per noun."""

import click

from packistry.cli.commands import Commands, Later

__all__ = ["main"]

_COMMANDS = {
    "serve": Later(
        module="server", help="Serve the repositories, and import packages unless Redis is set."
    ),
    "worker": Later(module="server", help="Run jobs from Redis until stopped."),
    "migrate": Later(module="server", help="Make the tables, or bring them up to date."),
    "setup-link": Later(
        module="server", help="Print a link with which the first administrator signs up."
    ),
    "doctor": Later(module="care", help="Find what is wrong, and say the remedy."),
    "plugins": Later(
        module="care",
        help="Show the plugins that are loaded, and those that failed or that sources miss.",
    ),
    "plugin": Later(module="plugin", help="Write a plugin of your own."),
    "gc": Later(module="care", help="Remove what nothing refers to."),
    "backup": Later(
        module="care", help="Copy the SQLite database to FILE, as it is at one moment."
    ),
    "repository": Later(
        module="repository",
        help="The Composer repositories: the root one, and those below /r/PATH.",
    ),
    "source": Later(module="source", help="The places that packages are imported from."),
    "package": Later(module="package", help="The packages."),
    "sync": Later(module="sync", help="Looks at projects: what is owed, under way and done."),
    "user": Later(
        module="user", help="The people: administrators, and users who read what they are granted."
    ),
    "auth-source": Later(
        module="auth_source", help="The places that people sign in at, beside their password here."
    ),
    "grant": Later(module="grant", help="Give a user or a deploy token rights."),
    "revoke": Later(module="grant", help="Take rights away."),
    "token": Later(module="token", help="The credentials that composer sends."),
    "secrets": Later(module="care", help="The credentials of sources, which are kept encrypted."),
}


@click.group(cls=Commands, later=_COMMANDS)
@click.version_option(package_name="packistry")
def main() -> None:
    """A self-hosted Composer repository.

    Settings come from PACKISTRY_* environment variables. Lists take --json. Exit codes: 0 all
    went well, 1 it did not, 2 the command line is wrong.
    """
