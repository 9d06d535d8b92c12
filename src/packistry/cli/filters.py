"""The options that say which branches and tags become versions."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from packistry.composer.filters import DEFAULTS
from packistry.inputs.globs import INHERIT
from packistry.services.filters import FilterFacts

F = TypeVar("F", bound=Callable[..., Any])

HELP = {
    "branches": "Branches that become versions: a pattern such as release/*. Repeatable.",
    "exclude_branches": "Branches that do not, whatever else fits. Repeatable; the default are "
    "those that tools make for a while.",
    "tags": "Tags that become versions. Repeatable.",
    "exclude_tags": "Tags that do not, whatever else fits. Repeatable.",
}
BACK = " '': none at all; inherit: as {above}."
ORIGINS = {"package": "", "source": " (as its source says)", "default": " (the default)"}


def filter_options(above: str = "") -> Callable[[F], F]:
    """Adds the four options. `above`, in an edit, is what "inherit" goes back to."""

    def add(command: F) -> F:
        for name in reversed(list(DEFAULTS)):
            command = click.option(
                f"--{name.replace('_', '-')}",
                multiple=True,
                metavar="GLOB",
                callback=_globs,
                help=HELP[name] + (BACK.format(above=above) if above else ""),
            )(command)
        return command

    return add


def filter_json(facts: FilterFacts) -> dict[str, Any]:
    """The filter as JSON has it."""
    chosen = facts.chosen
    lists = {
        name: {"patterns": list(getattr(chosen, name)), "from": chosen.origins[name]}
        for name in DEFAULTS
    }
    return {**lists, "known": facts.known, "left": facts.left}


def filter_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The filter's lists for people, but those that are the default; then what it leaves."""
    rows = [
        (label, _sentence(facts[name]))
        for name, label in (
            ("branches", "Branches"),
            ("exclude_branches", "Without"),
            ("tags", "Tags"),
            ("exclude_tags", "Without tags"),
        )
        if facts[name]["from"] != "default" or name == "exclude_branches"
    ]
    if facts["known"] and not facts["left"]:
        rows.append(("Filter", f"leaves none of {facts['known']} branches and tags"))
    return rows


def _sentence(values: Mapping[str, Any]) -> str:
    return (", ".join(values["patterns"]) or "none") + ORIGINS[values["from"]]


def _globs(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...] | str | None:
    """None when it was not said."""
    if INHERIT in given:
        if len(given) > 1:
            raise click.BadParameter("say either inherit or patterns.")
        return INHERIT
    return tuple(glob for glob in given if glob) if given else None
