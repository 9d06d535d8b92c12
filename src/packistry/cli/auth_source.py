from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from packistry.cli.asking import confirm, yes_option
from packistry.cli.configuration import SET_HELP, ask_missing, read_settings
from packistry.cli.installation import Installation, calling_plugin, pass_installation
from packistry.cli.output import json_option, write_facts, write_json, write_next, write_table
from packistry.cli.parameters import Edit
from packistry.inputs import read
from packistry.inputs.sign_in import AuthenticationSourceChange, NewAuthenticationSource
from packistry.models import AuthenticationSource, Role
from packistry.plugin import secret_fields
from packistry.services import Services
from packistry.services.authentication_sources import checked, rule_text
from packistry.services.elsewhere import callback_url
from packistry.wording import plural

F = TypeVar("F", bound=Callable[..., Any])

ROLES = click.Choice([role.value for role in Role])

_POLICY = (
    click.option("--icon", type=click.Path(path_type=Path), help="An SVG file for the button."),
    click.option(
        "--registration/--no-registration",
        default=None,
        help="Whether strangers who sign in become users.",
    ),
    click.option("--default-role", type=ROLES, help="What those may do without a grant."),
    click.option(
        "--allowed-domain",
        "allowed_domains",
        metavar="DOMAIN",
        multiple=True,
        help="Let in only who has a proven e-mail address there. May be repeated.",
    ),
    click.option(
        "--trusted/--not-trusted",
        default=None,
        help="Whether an e-mail address that it proves opens the account with this address.",
    ),
    click.option(
        "--single-sign-out/--no-single-sign-out",
        default=None,
        help="Whether signing out here signs out there, too.",
    ),
    click.option(
        "--rule",
        "rules",
        metavar="RULE",
        multiple=True,
        help="What a claim gives, such as 'groups=devs: read team-a', 'groups=ops: admin', or "
        "'*: read /' for everybody who registers. May be repeated.",
    ),
)


def policy_options(command: F) -> F:
    """Adds what we decide about a source, whatever its backend."""
    for option in reversed(_POLICY):
        command = option(command)
    return command


@click.group("auth-source")
def auth_source() -> None:
    """The places that people sign in at, beside their password here."""


@auth_source.command("add")
@click.argument("name")
@click.option("--provider", required=True, help="Which backend; `packistry plugins` lists them.")
@click.option("--set", "given", metavar="KEY=VALUE", multiple=True, help=SET_HELP)
@policy_options
@json_option
@pass_installation
def add(
    installation: Installation,
    /,
    name: str,
    provider: str,
    given: tuple[str, ...],
    as_json: bool,
    **policy: Any,
) -> None:
    """Make an authentication source called NAME, and say its callback URL."""
    runtime = installation.runtime
    backend = runtime.plugins.auth_backend(provider)
    values = ask_missing(backend.Config, read_settings(backend.Config, given))
    fields = {key: value for key, value in _read(policy).items() if value is not None}
    new = read(NewAuthenticationSource, name=name, provider=provider, config=values, **fields)
    with installation.change() as services:
        facts = _facts(services, services.authentication_sources.add(new))
    if as_json:
        write_json(facts)
        return
    click.echo(f'The authentication source "{new.name}" is added.')
    write_facts([("Callback URL", facts["callback_url"])])
    steps = [each.format(callback_url=facts["callback_url"]) for each in backend.instructions]
    if steps:
        write_next("At the provider:", steps)
    write_next("Then try it:", [f"packistry auth-source check '{new.name}'"])


@auth_source.command("list")
@json_option
@pass_installation
def list_(installation: Installation, as_json: bool) -> None:
    """Show all authentication sources, without their secrets."""
    with installation.reading() as services:
        rows = [_facts(services, each) for each in services.authentication_sources.all()]
    if as_json:
        write_json(rows)
        return
    write_table(
        ["Name", "Provider", "Active", "Registration", "Domains", "People", "Callback URL"],
        [
            [
                row["name"],
                row["provider"] + ("" if row["loaded"] else " (no such plugin)"),
                row["active"],
                row["registration"],
                row["allowed_domains"],
                row["people"],
                row["callback_url"],
            ]
            for row in rows
        ],
        "There is none yet: people sign in with a password. Make one: "
        "packistry auth-source add NAME --provider oidc",
    )


@auth_source.command("edit", cls=Edit)
@click.argument("source_name", metavar="NAME")
@click.option("--name", help="Call it so.")
@click.option("--set", "given", metavar="KEY=VALUE", multiple=True, help=SET_HELP)
@click.option("--clear", metavar="KEY", multiple=True, help="Forget this secret.")
@click.option(
    "--moved", is_flag=True, help="Another address is of the same place: everybody stays known."
)
@click.option(
    "--enable/--disable",
    "active",
    default=None,
    help="Disabling ends its people's sessions, and shuts out who has no other way in.",
)
@policy_options
@click.option("--any-domain", is_flag=True, help="Let in addresses of all domains.")
@click.option("--no-rules", is_flag=True, help="Let its claims give nothing.")
@pass_installation
def edit(
    installation: Installation,
    /,
    source_name: str,
    given: tuple[str, ...],
    clear: tuple[str, ...],
    moved: bool,
    any_domain: bool,
    no_rules: bool,
    **changes: Any,
) -> None:
    """Change the authentication source called NAME. What is not said stays; --rule replaces all."""
    with installation.reading() as services:
        provider = services.authentication_sources.get(source_name).provider
    values: dict[str, Any] = {}
    if given or clear:
        config = installation.runtime.plugins.auth_backend(provider).Config
        values = read_settings(config, given)
        unknown = sorted(set(clear) - secret_fields(config))
        if unknown:
            raise click.UsageError(f"{unknown[0]!r} is no secret of the provider {provider}.")
    fields = _read(changes)
    if any_domain:
        fields["allowed_domains"] = ()
    if no_rules:
        fields["rules"] = ()
    change = read(
        AuthenticationSourceChange, config=values, clear=frozenset(clear), moved=moved, **fields
    )
    with installation.change() as services:
        services.authentication_sources.edit(
            services.authentication_sources.get(source_name), change
        )
    click.echo(f'The authentication source "{change.name or source_name}" is changed.')


@auth_source.command("check")
@click.argument("name")
@pass_installation
def check(installation: Installation, name: str) -> None:
    """Try the address, the client and the callback URL of the source called NAME."""
    with installation.reading() as services:
        source = services.authentication_sources.get(name)
        make = services.context.backends.maker(source)
        callback = callback_url(services.context.settings.base_url, source.id)
        sign_out = source.single_sign_out
    backend = make()
    with calling_plugin(backend.title):
        notes = checked(backend, callback, sign_out=sign_out)
    for note in notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(f'The authentication source "{name}" works, as far as it can be seen from here.')


@auth_source.command("remove")
@click.argument("name")
@yes_option
@pass_installation
def remove(installation: Installation, name: str, yes: bool) -> None:
    """Remove the authentication source called NAME, with what its claims gave.

    Its people stay; those who have no other way in are disabled.
    """
    with installation.reading() as services:
        source = services.authentication_sources.get(name)
        people = services.authentication_sources.people(source)
    confirm(f'Remove "{name}"? {plural(people, "user signs", "users sign")} in there.', yes=yes)
    with installation.change() as services:
        services.authentication_sources.remove(services.authentication_sources.get(name))
    click.echo(f'The authentication source "{name}" is removed.')


def _read(policy: dict[str, Any]) -> dict[str, Any]:
    """The options as fields of an input: those not given are None."""
    fields = {key: value if value != () else None for key, value in policy.items()}
    path = fields.get("icon")
    if path is not None:
        try:
            fields["icon"] = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise click.UsageError(f"{path} cannot be read as the text of an SVG.") from None
    return fields


def _facts(services: Services, source: AuthenticationSource) -> dict[str, Any]:
    backend = services.context.plugins.auth_backends.get(source.provider)
    hidden = secret_fields(backend.Config) if backend else frozenset()
    return {
        "id": source.id,
        "name": source.name,
        "provider": source.provider,
        "loaded": backend is not None,
        "callback_url": callback_url(services.context.settings.base_url, source.id),
        "config": {key: value for key, value in source.config.items() if key not in hidden},
        "has_secrets": source.secrets != "",
        "active": source.active,
        "registration": source.registration,
        "default_role": source.default_role,
        "allowed_domains": source.allowed_domains,
        "trusted": source.trusted,
        "single_sign_out": source.single_sign_out,
        "rules": [rule_text(rule) for rule in source.rules],
        "people": services.authentication_sources.people(source),
        "created_at": source.created_at,
    }
