"""What a source adds by itself, and what it does not."""

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

import click

from packistry.cli.installation import Installation, pass_installation
from packistry.cli.output import json_option, write_json, write_table
from packistry.inputs import read
from packistry.inputs.many import AutoImporting
from packistry.models import Source
from packistry.services import Services
from packistry.services.auto_imports import AutoImportFacts

AUTO_HELP = (
    "New projects whose path fits, such as acme/*, become packages by themselves if they have a "
    "composer.json. Repeatable."
)
INTO_HELP = "With --auto-import: in this repository; '' is the root."


def auto_import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command gets `auto_import` (None: not said) and `no_auto_import`."""

    @click.option("--auto-import", "patterns", multiple=True, metavar="GLOB", help=AUTO_HELP)
    @click.option("--into", metavar="PATH", help=INTO_HELP)
    @click.option("--no-auto-import", is_flag=True, help="Leave new projects alone again.")
    @wraps(command)
    def read_options(
        *arguments: Any, patterns: tuple[str, ...], into: str | None, **options: Any
    ) -> Any:
        said = None
        if patterns or into is not None:
            said = read(AutoImporting, patterns=patterns or None, into=into)
        return command(*arguments, auto_import=said, **options)

    return read_options


def start_auto_import(services: Services, source: Source, said: AutoImporting) -> None:
    """Have new projects of the source become packages."""
    into = None if said.into is None else services.repositories.get(said.into)
    services.auto_imports.start(source, patterns=said.patterns, repository=into)


def auto_import_json(facts: AutoImportFacts | None) -> dict[str, Any] | None:
    """What a source adds by itself as JSON has it; None when that is nothing."""
    return None if facts is None else asdict(facts)


@click.command("passed")
@click.argument("name")
@json_option
@pass_installation
def passed(installation: Installation, name: str, as_json: bool) -> None:
    """Show the projects of the source called NAME that do not become packages, and why."""
    with installation.reading() as services:
        rows = [asdict(each) for each in services.discovery.passed(services.sources.get(name))]
    if as_json:
        write_json(rows)
        return
    write_table(
        ["Project", "Repository", "Looked at", "Why not"],
        [
            [row["project"], row["repository"] or "(root)", row["looked_at"], row["reason"]]
            for row in rows
        ],
        "There is none. `package add --all` and `source edit --auto-import` look for new ones.",
    )
