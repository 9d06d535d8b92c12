"""What the commands write: tables for people, JSON for programs."""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import PurePath
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

STEP = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def json_option(command: F) -> F:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")(command)


def write_json(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))


def write_table(headers: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Aligned columns on stdout; `empty` on stderr, saying what to do, when there are no rows."""
    if not rows:
        click.echo(empty, err=True)
        return
    cells = [list(headers), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def write_facts(facts: Sequence[tuple[str, object]]) -> None:
    """Aligned "name: value" lines on stdout, those without a value left out."""
    shown = [(name, _text(value)) for name, value in facts if _text(value)]
    width = max((len(name) for name, _ in shown), default=0) + 1
    for name, value in shown:
        click.echo(f"{name + ':':<{width}} {value}")


def write_next(title: str, lines: Sequence[str]) -> None:
    """What to do next, apart from what was asked for."""
    click.echo(f"\n{title}")
    for line in lines:
        click.echo(f"  {line}")


def size(count: int) -> str:
    """1536 -> "1.5 KiB"."""
    value = float(count)
    for unit in UNITS:
        if value < STEP or unit == UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= STEP
    raise AssertionError("unreachable")


def moment_text(moment: datetime | None) -> str:
    """A moment as people read it in a list; "" for None."""
    return moment.strftime("%Y-%m-%d %H:%M") if moment else ""


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return moment_text(cell)
    if isinstance(cell, (list, tuple)):
        return ", ".join(str(each) for each in cell)
    # Names come from strangers too: a terminal must get one line of it and no command.
    return "".join(c if c.isprintable() else " " for c in str(cell))


def _plain(value: object) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")
