from collections.abc import Callable
from typing import Any, TypeVar

import click

from packistry.cli.installation import Installation, pass_installation
from packistry.services import Services
from packistry.services.grants import Owner, Rights, Target, describe

F = TypeVar("F", bound=Callable[..., Any])


def _whom_and_what(command: F) -> F:
    options = (
        click.option("--user", "email", metavar="EMAIL", help="To this user."),
        click.option("--token", metavar="NAME_OR_ID", help="To this deploy token."),
        click.option("--repository", metavar="PATH", help="On all of it; '' is the root."),
        click.option("--package", metavar="VENDOR/NAME", help="On this package alone."),
        click.option("--in", "home", metavar="PATH", help="The repository the package is in."),
        click.option("--read", is_flag=True, help="Installing."),
        click.option("--write", is_flag=True, help="Uploading."),
        click.option("--manage", is_flag=True, help="Maintaining a repository, which is all."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("grant")
@_whom_and_what
@pass_installation
def grant(installation: Installation, /, **said: Any) -> None:
    """Give a user or a deploy token rights. Without any of them: reading."""
    _check(said)
    read = said["read"] or not (said["write"] or said["manage"])
    rights = Rights(read=read, write=said["write"], manage=said["manage"])
    with installation.change() as services:
        owner, target = _owner(services, said), _target(services, said)
        services.grants.grant(owner, target, rights)
        sentence = f"{describe(owner)} may {_words(rights)} {describe(target)}."
    click.echo(sentence)


@click.command("revoke")
@_whom_and_what
@pass_installation
def revoke(installation: Installation, /, **said: Any) -> None:
    """Take rights away. Without any of them: all."""
    _check(said)
    neither = not (said["read"] or said["write"] or said["manage"])
    rights = Rights(
        read=said["read"] or neither,
        write=said["write"] or neither,
        manage=said["manage"] or neither,
    )
    with installation.change() as services:
        owner, target = _owner(services, said), _target(services, said)
        services.grants.revoke(owner, target, rights)
        sentence = f"{describe(owner)} may not {_words(rights, ' or ')} {describe(target)} any more"
        public = services.repositories.is_public(target) and rights.read
    click.echo(
        f"{sentence}, except that all may read it: it is public." if public else f"{sentence}."
    )


def _check(said: dict[str, Any]) -> None:
    if (said["email"] is None) == (said["token"] is None):
        raise click.UsageError("Say whom: either --user EMAIL or --token NAME_OR_ID.")
    if (said["repository"] is None) == (said["package"] is None):
        raise click.UsageError("Say what: either --repository PATH or --package VENDOR/NAME.")
    if said["home"] is not None and said["package"] is None:
        raise click.UsageError("--in says where a --package is.")


def _owner(services: Services, said: dict[str, Any]) -> Owner:
    if said["email"] is not None:
        return services.users.get(said["email"])
    return services.tokens.find(said["token"])


def _target(services: Services, said: dict[str, Any]) -> Target:
    if said["repository"] is not None:
        return services.repositories.get(said["repository"])
    home = None if said["home"] is None else services.repositories.get(said["home"])
    return services.packages.get(said["package"], home)


def _words(rights: Rights, joined: str = " and ") -> str:
    words = (("read", rights.read), ("write to", rights.write), ("maintain", rights.manage))
    return joined.join(word for word, given in words if given)
