"""`python -m tests.bench [SECTION…]`: how fast we are, as ratios to what is possible here."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from tests.bench import client, growth, http, imports, pages, webhooks
from tests.bench.machine import Unfit
from tests.bench.rounds import Effort
from tests.bench.table import Figure, render

SECTIONS: dict[str, Callable[[Effort, Path | None], list[Figure]]] = {
    "http": lambda effort, _repository: http.measure(effort),
    "client": lambda effort, _repository: client.measure(effort),
    "imports": imports.measure,
    "growth": lambda effort, _repository: growth.measure(effort),
    "pages": lambda effort, _repository: pages.measure(effort),
    "webhooks": lambda effort, _repository: webhooks.measure(effort),
}


@click.command()
@click.argument("sections", metavar="[SECTION]...", nargs=-1, type=click.Choice(list(SECTIONS)))
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="How often everything is measured; the median counts.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    default=3.0,
    show_default=True,
    help="How long each server is asked in a round.",
)
@click.option(
    "--repository",
    metavar="PATH",
    help="A git repository to import, not a made-up one.",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the figures there, too.",
)
@click.option("--check", is_flag=True, help="End with status 1 when a figure misses its must.")
def main(
    sections: tuple[str, ...],
    rounds: int,
    seconds: float,
    repository: Path | None,
    json_file: Path | None,
    check: bool,
) -> None:
    """Measure the SECTIONs (http, client, imports, growth, pages, webhooks), or all of them."""
    effort = Effort(rounds=rounds, seconds=seconds)
    figures: dict[str, list[Figure]] = {}
    for name in dict.fromkeys(sections or SECTIONS):
        start = time.monotonic()
        try:
            figures[name] = SECTIONS[name](effort, repository)
        except Unfit as error:
            raise click.ClickException(f"{name}: {error}") from error
        click.echo(f"\n{name} ({time.monotonic() - start:.0f} s)\n{render(figures[name])}")
    if json_file is not None:
        content = {name: [_facts(each) for each in some] for name, some in figures.items()}
        json_file.write_text(json.dumps(content, indent=2) + "\n")
    missed = sum(not each.met for some in figures.values() for each in some)
    if missed:
        click.echo(f"\n{missed} figure(s) miss what they must reach.")
    sys.exit(1 if check and missed else 0)


def _facts(figure: Figure) -> dict[str, object]:
    return asdict(figure) | {"met": figure.met}


main()
