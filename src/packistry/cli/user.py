from typing import Any

import click

from packistry.cli.asking import ask_password, confirm, yes_option
from packistry.cli.installation import Installation, fail, pass_installation
from packistry.cli.output import json_option, write_json, write_next, write_table
from packistry.cli.parameters import Edit
from packistry.inputs import NewPassword, NewUser, UserChange, read
from packistry.models import Purpose, Role, User
from packistry.services import invitations, links

ROLES = click.Choice([role.value for role in Role])
NO_PASSWORD = "Give the password with --password-stdin: there is nobody to ask."  # noqa: S105 - a sentence


@click.group()
def user() -> None:
    """The people: administrators, and users who read what they are granted."""


@user.command("add")
@click.argument("email")
@click.option("--name", help="What people call them. Without: what stands before the @.")
@click.option(
    "--role",
    type=ROLES,
    default=Role.USER.value,
    show_default=True,
    help="An admin may do everything, a user what they are granted.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@json_option
@pass_installation
def add(
    installation: Installation,
    email: str,
    name: str | None,
    role: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Let in the person with this EMAIL."""
    # Everything else is checked before anybody types a password.
    read(NewUser, email=email, name=name or email.partition("@")[0], role=role)
    new = read(
        NewUser,
        email=email,
        name=name or email.partition("@")[0],
        role=role,
        password=ask_password(from_stdin=password_stdin, optional=True),
    )
    with installation.change() as services:
        facts = _facts(services.users.add(new))
    if as_json:
        write_json(facts)
        return
    click.echo(f"{new.email} is added as {new.role}.")
    following = [f"packistry token add NAME --user {new.email}"]
    if new.password is None:
        following.append(f"packistry user link {new.email}")
    if new.role is Role.USER:
        following.append(f"packistry grant --user {new.email} --repository PATH --read")
    write_next("Next:", following)


@user.command("list")
@json_option
@pass_installation
def list_(installation: Installation, as_json: bool) -> None:
    """Show all users."""
    with installation.reading() as services:
        users = services.users.all()
        standings = services.second_factors.standings(users)
        rows = [
            {
                **_facts(each),
                "second_factor": standings[each.id],
                "grants": len(services.grants.of(each)),
            }
            for each in users
        ]
    if as_json:
        write_json(rows)
        return
    write_table(
        ["E-mail", "Name", "Role", "Active", "Second factor", "Grants", "Added"],
        [
            [
                row["email"] or f"number {row['id']}",
                row["name"],
                row["role"],
                row["active"],
                row["second_factor"],
                row["grants"],
                row["created_at"],
            ]
            for row in rows
        ],
        "There is no user yet. Add one: packistry user add EMAIL --role admin",
    )


@user.command("edit", cls=Edit)
@click.argument("user_email", metavar="EMAIL")
@click.option("--email", help="Their new address.")
@click.option("--name", help="What people call them.")
@click.option("--role", type=ROLES, help="What they may do without a grant.")
@click.option("--enable/--disable", "active", default=None, help="Whether they are let in.")
@pass_installation
def edit(installation: Installation, /, user_email: str, **changes: Any) -> None:
    """Change the user with this EMAIL. What is not said stays."""
    change = read(UserChange, **changes)
    with installation.change() as services:
        services.users.edit(services.users.get(user_email), change)
    click.echo(f"{change.email or user_email} is changed.")


@user.command("reset-password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@pass_installation
def reset_password(installation: Installation, email: str, password_stdin: bool) -> None:
    """Give the user with this EMAIL another password."""
    with installation.reading() as services:
        services.users.get(email)
    typed = ask_password(from_stdin=password_stdin, optional=False)
    if typed is None:
        fail(NO_PASSWORD)
    new = read(NewPassword, password=typed)
    with installation.change() as services:
        services.users.reset_password(services.users.get(email), new.password)
    click.echo(f"{email} signs in with the new password from now on.")


@user.command("link")
@click.argument("email")
@click.option("--mail", is_flag=True, help="Mail it to them instead of printing it.")
@pass_installation
def link(installation: Installation, email: str, mail: bool) -> None:
    """Make a link with which the user with this EMAIL chooses a password. It works once."""
    settings = installation.runtime.settings
    if mail:
        if not settings.smtp_url.get_secret_value():
            fail("Mail is not set up: set PACKISTRY_SMTP_URL, or leave --mail out.")
        with installation.change() as services:
            owner = services.users.get(email)
            services.links.check(owner)
            to = owner.email or ""
            mail_id = services.mails.owe(to, Purpose.INVITATION)
        problem = invitations.mail_link(installation.runtime, mail_id)
        if problem:
            fail(f"{problem} The server tries again; to hand a link over, leave --mail out.")
        click.echo(f"A link is on its way to {to}.")
        return
    with installation.change() as services:
        owner = services.users.get(email)
        token = services.links.hand_over(owner)
        services.audit.note("user.link-made", owner)
    click.echo(links.address(settings.base_url, token))
    click.echo("It works once, and for a week. Whoever has it can sign in as them.", err=True)


@user.command("reset-second-factor")
@click.argument("email")
@pass_installation
def reset_second_factor(installation: Installation, email: str) -> None:
    """Take the second factor from the user with this EMAIL, who lost it. They are signed out."""
    with installation.change() as services:
        owner = services.users.get(email)
        services.second_factors.reset(owner)
        services.audit.note("user.second-factor-off", owner)
    click.echo(f"{email} signs in with the password alone, and sets another up where it is needed.")


@user.command("remove")
@click.argument("email")
@yes_option
@pass_installation
def remove(installation: Installation, email: str, yes: bool) -> None:
    """Remove the user with this EMAIL, with their tokens and grants."""
    with installation.reading() as services:
        services.users.get(email)
    confirm(f"Remove {email} with their tokens and grants?", yes=yes)
    with installation.change() as services:
        services.users.remove(services.users.get(email))
    click.echo(f"{email} is removed.")


def _facts(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "active": user.active,
        "has_password": user.password_hash != "",
        "created_at": user.created_at,
    }
