from datetime import datetime, timedelta
from typing import Any

import click

from packistry.cli.asking import confirm, yes_option
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.output import json_option, write_json, write_next, write_table
from packistry.cli.parameters import read_duration, read_end
from packistry.inputs import NewToken, read
from packistry.models import Role, Token, TokenKind
from packistry.models.base import now
from packistry.services import Services
from packistry.services.grants import Rights
from packistry.services.snippets import token_commands


@click.group()
def token() -> None:
    """The credentials that composer sends."""


@token.command("add")
@click.argument("name")
@click.option("--deploy", is_flag=True, help="A token of its own, for a server or for CI.")
@click.option("--user", "email", metavar="EMAIL", help="A token with the rights of this user.")
@click.option(
    "--repository",
    "repositories",
    metavar="PATH",
    multiple=True,
    help="It may read this repository ('' is the root).",
)
@click.option(
    "--package",
    "packages",
    metavar="VENDOR/NAME",
    multiple=True,
    help="It may read this package alone.",
)
@click.option("--write", is_flag=True, help="It may upload, too.")
@click.option(
    "--api", is_flag=True, help="It opens the JSON API, with the user's rights, and reads nothing."
)
@click.option(
    "--read", "read_too", is_flag=True, help="With --api: composer may read with it, too."
)
@click.option(
    "--expires",
    callback=read_end,
    metavar="WHEN",
    help="90d, 12h, 6w, or a date such as 2030-12-31.",
)
@json_option
@pass_installation
def add(
    installation: Installation,
    name: str,
    deploy: bool,
    email: str | None,
    repositories: tuple[str, ...],
    packages: tuple[str, ...],
    write: bool,
    api: bool,
    read_too: bool,
    expires: datetime | None,
    as_json: bool,
) -> None:
    """Make a token called NAME, and show it this once."""
    if deploy == (email is not None):
        raise click.UsageError("Say whose: either --deploy or --user EMAIL.")
    if email is not None and (repositories or packages):
        raise click.UsageError("A user's token has the rights of the user: see `packistry grant`.")
    if read_too and not api:
        raise click.UsageError("A token that is not for the API reads anyhow: leave out --read.")
    new = read(
        NewToken,
        name=name,
        can_read=read_too or not api,
        can_write=write,
        can_call_api=api,
        expires_at=expires,
    )
    with installation.change() as services:
        owner = services.users.get(email) if email is not None else None
        made, text = services.tokens.add(
            TokenKind.DEPLOY if deploy else TokenKind.PERSONAL,
            new.name,
            user=owner,
            can_read=new.can_read,
            can_write=new.can_write,
            can_call_api=new.can_call_api,
            expires_at=new.expires_at,
        )
        _grant(services, made, repositories, packages)
        facts = {"token": text, **_facts(made)}
        sees_more = bool(services.grants.of(owner or made)) or (owner and owner.role is Role.ADMIN)
    if as_json:
        write_json(facts)
        return
    click.echo(text)
    click.echo("\nThis is the only time it is shown; keep it where passwords are kept.")
    base_url = installation.runtime.settings.base_url
    if api:
        asks = f'curl -H "Authorization: Bearer {text}" {base_url}/api/me'
        write_next("Ask the JSON API with it:", [asks])
    if new.can_read or new.can_write:
        commands = token_commands(base_url, text)
        write_next("Have composer send it, either way:", commands)
    if not sees_more:
        whom = f"--token '{new.name}'" if deploy else f"--user {email}"
        write_next(
            f"It reads public repositories only. To give {'it' if deploy else 'its user'} more:",
            [f"packistry grant {whom} --repository PATH --read"],
        )


@token.command("list")
@click.option("--all", "everything", is_flag=True, help="Revoked and expired ones, too.")
@json_option
@pass_installation
def list_(installation: Installation, everything: bool, as_json: bool) -> None:
    """Show tokens. What they are made of cannot be shown: only a hash is kept."""
    moment = now()
    with installation.reading() as services:
        rows = [
            {**_facts(each), "state": state}
            for each in services.tokens.all()
            if (state := _state(each, moment)) == "active" or everything
        ]
    if as_json:
        write_json(rows)
        return
    write_table(
        ["Id", "Name", "Of", "Writes", "State", "Expires", "Last used"],
        [
            [
                row["id"],
                row["name"],
                row["user"] or "(deploy)",
                row["can_write"],
                row["state"],
                row["expires_at"],
                row["last_used_at"],
            ]
            for row in rows
        ],
        "There is no token. Make one: packistry token add NAME --deploy --repository PATH",
    )


@token.command("rotate")
@click.argument("name_or_id")
@click.option(
    "--keep",
    callback=read_duration,
    metavar="TIME",
    default="24h",
    show_default=True,
    help="How long the old one goes on: 1h, 7d, 2w; 0 stops it at once.",
)
@json_option
@pass_installation
def rotate(installation: Installation, name_or_id: str, keep: timedelta, as_json: bool) -> None:
    """Make another token that may do the same, and show it this once."""
    with installation.change() as services:
        made, text = services.tokens.rotate(services.tokens.find(name_or_id), keep)
        services.audit.note("token.rotated", made)
        facts = {"token": text, **_facts(made)}
    if as_json:
        write_json(facts)
        return
    click.echo(text)
    click.echo("\nThis is the only time it is shown; keep it where passwords are kept.")
    commands = token_commands(installation.runtime.settings.base_url, text)
    write_next("Have composer send it, either way:", commands)


@token.command("revoke")
@click.argument("name_or_id")
@yes_option
@pass_installation
def revoke(installation: Installation, name_or_id: str, yes: bool) -> None:
    """Close the door to the token with this name or number, at once and for ever."""
    with installation.reading() as services:
        found = services.tokens.find(name_or_id)
        name, number = found.name, found.id
    confirm(f'Revoke the token "{name}"?', yes=yes)
    with installation.change() as services:
        services.tokens.revoke(services.tokens.get(number))
    click.echo(f'The token "{name}" opens nothing any more.')


def _grant(
    services: Services, token: Token, repositories: tuple[str, ...], packages: tuple[str, ...]
) -> None:
    rights = Rights(read=True, write=token.can_write)
    for path in repositories:
        services.grants.grant(token, services.repositories.get(path), rights)
    for name in packages:
        services.grants.grant(token, services.packages.get(name), rights)


def _state(token: Token, moment: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at and token.expires_at <= moment else "active"


def _facts(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "kind": TokenKind(token.kind).name.lower(),
        "user": token.user.label if token.user else None,
        "can_read": token.can_read,
        "can_write": token.can_write,
        "can_call_api": token.can_call_api,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "created_at": token.created_at,
    }
