"""Questions. They are asked on a terminal only; a script says everything beforehand."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
from pydantic import SecretStr

F = TypeVar("F", bound=Callable[..., Any])


def interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def yes_option(command: F) -> F:
    """Adds `--yes`."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def confirm(question: str, *, yes: bool) -> None:
    """Returns when the answer is yes, or was given with `--yes`."""
    if yes:
        return
    if not interactive():
        raise click.UsageError(f"{question} Say --yes: there is nobody to ask.")
    click.confirm(question, abort=True, err=True)


def ask_secret(label: str) -> str:
    """A secret, typed without being shown."""
    answer: str = click.prompt(label, hide_input=True, err=True)
    return answer


def ask_password(*, from_stdin: bool, optional: bool) -> SecretStr | None:
    """The new password: from stdin, or typed twice; None when there is nobody to ask.

    With `optional` an empty answer means none.
    """
    if from_stdin:
        return SecretStr(sys.stdin.readline().rstrip("\r\n"))
    if not interactive():
        return None
    label = "Password (empty: none)" if optional else "Password"
    answer: str = click.prompt(
        label,
        hide_input=True,
        confirmation_prompt=True,
        default="" if optional else None,
        show_default=False,
        err=True,
    )
    return SecretStr(answer) if answer else None
