"""A plugin's configuration on the command line: `--set key=value`."""

import sys
from pathlib import Path
from typing import Any

import click

from packistry.cli.asking import ask_secret, interactive
from packistry.plugin import Config, form_fields

SET_HELP = (
    "A setting of the provider; KEY=@FILE reads a file, KEY=@- reads stdin, KEY alone asks. "
    "Others on this machine can see a secret that is typed as KEY=VALUE."
)


def read_settings(config: type[Config], given: tuple[str, ...]) -> dict[str, Any]:
    """The values that `--set` options name.

    A value that starts with "@" is written "@@…". Raises click.UsageError for a key the
    configuration does not have, and for a file that cannot be read.
    """
    labels = {field.name: field.label for field in form_fields(config)}
    values: dict[str, Any] = {}
    for setting in given:
        key, equals, value = setting.partition("=")
        if key not in labels:
            known = ", ".join(labels) or "none"
            raise click.UsageError(f"There is no setting {key!r}; there are: {known}.")
        values[key] = read_value(value) if equals else _ask(key, labels[key])
    return values


def ask_missing(config: type[Config], values: dict[str, Any]) -> dict[str, Any]:
    """With the secrets that are required and missing asked for, if there is somebody to ask.

    Raises click.UsageError for what is missing then.
    """
    missing = [each for each in form_fields(config) if each.required and not values.get(each.name)]
    asked = [each for each in missing if each.kind == "secret" and interactive()]
    lacking = [each for each in missing if each not in asked]
    if lacking:
        said = ", ".join(
            f"--set {each.name}=" + ("@FILE" if each.kind == "secret" else "…") for each in lacking
        )
        raise click.UsageError(f"The provider needs more: {said}.")
    return {**values, **{field.name: ask_secret(field.label) for field in asked}}


def _ask(key: str, label: str) -> str:
    if not interactive():
        raise click.UsageError(f"--set {key} needs a value: there is nobody to ask.")
    return ask_secret(label)


def read_value(value: str) -> str:
    """What a value stands for: "@FILE" its text, "@-" stdin, "@@…" itself without the first "@".

    Raises click.UsageError when the file cannot be read.
    """
    if value.startswith("@@"):
        return value[1:]
    if value == "@-":
        return sys.stdin.read()
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise click.UsageError(f"{value[1:]} cannot be read: {reason}.") from None
