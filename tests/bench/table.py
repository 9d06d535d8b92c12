"""What was measured beside what is wanted of it."""

from collections.abc import Iterable
from dataclasses import dataclass

HEADS = ("what", "ours", "baseline", "ratio", "must", "aim", "ok?")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a ratio must reach, and what it is hoped to. `at_least`: more is better."""

    must: float
    aim: float
    at_least: bool = False

    def met(self, ratio: float) -> bool:
        return ratio >= self.must if self.at_least else ratio <= self.must

    def reached(self, ratio: float) -> bool:
        """Whether the aim is, too."""
        return ratio >= self.aim if self.at_least else ratio <= self.aim

    def text(self, value: float) -> str:
        return f"{'>=' if self.at_least else '<='} {value:g}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. `ours` and `baseline` are in `unit`; only `ratio` is judged."""

    what: str
    ours: float
    baseline: float
    unit: str
    ratio: float
    target: Target

    @property
    def met(self) -> bool:
        return self.target.met(self.ratio)

    def cells(self) -> tuple[str, ...]:
        verdict = "aim" if self.target.reached(self.ratio) else "yes" if self.met else "NO"
        return (
            self.what,
            _amount(self.ours, self.unit),
            _amount(self.baseline, self.unit),
            f"{self.ratio:.3g}",
            self.target.text(self.target.must),
            self.target.text(self.target.aim),
            verdict,
        )


def render(figures: Iterable[Figure]) -> str:
    """The figures as a table of text."""
    rows = [HEADS, *(figure.cells() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _amount(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".strip()
