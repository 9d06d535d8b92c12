"""packistry plugin: for those who write one."""

from pathlib import Path

import click

from packistry import kit
from packistry.cli.output import json_option, write_json


@click.group("plugin")
def plugin() -> None:
    """Write a plugin of your own. `packistry plugins` shows those that are installed."""


@plugin.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in kit.Kind]),
    required=True,
    help="What it offers: a place packages come from, a place people sign in at, or a place dists "
    "are kept.",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write it; packistry-NAME in the current folder if not given.",
)
@json_option
def new(name: str, kind: str, directory: Path | None, as_json: bool) -> None:
    """Write a complete plugin project called NAME, with tests that pass, to begin with."""
    folder = directory or Path(f"packistry-{name}")
    written = kit.create(name, kit.Kind(kind), folder)
    if as_json:
        write_json({"directory": str(folder), "files": [str(path) for path in written]})
        return
    for path in written:
        click.echo(path)
    click.echo(f"\nNext, in a virtual environment that has Packistry:\n  cd {folder}")
    click.echo("  pip install -e '.[test]'\n  pytest\nREADME.md says how to go on.")
