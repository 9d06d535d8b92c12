"""Bar charts of a number a day, or a week, as the template draws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from packistry.web.words import day, short_day
from packistry.wording import grouped

SPANS = (7, 30, 90, 365)
"""How many days a chart may be of."""
MOST_BARS = 120
STEP = 4
STEPS = (1, 2, 2.5, 5, 10)
TICKS = 4


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar: where it begins, how high it is, and what it stands for."""

    x: int
    value: int
    words: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Bars from the left; `ticks` are the values of the grid's lines, `top` the highest."""

    label: str
    counted: str
    unit: str
    bars: Sequence[Bar]
    ticks: Sequence[int]
    axis: Sequence[str]
    summary: str
    total: int

    @property
    def width(self) -> int:
        return max(1, len(self.bars) * STEP)

    @property
    def top(self) -> int:
        return self.ticks[-1]


def span_of(asked: str, otherwise: int) -> int:
    """The one of SPANS that was asked for."""
    return next((span for span in SPANS if asked == str(span)), otherwise)


def daily(label: str, counted: str, counts: Mapping[date, int], first: date, last: date) -> Chart:
    """A bar for each day, or each week where that would be too many."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    weekly = len(days) > MOST_BARS
    groups = [days[at : at + 7] for at in range(0, len(days), 7)] if weekly else [[d] for d in days]
    bars = [
        Bar(
            x=number * STEP,
            value=sum(counts.get(each, 0) for each in group),
            words=f"Week of {day(group[0])}" if weekly else f"{group[0]:%A} {day(group[0])}",
        )
        for number, group in enumerate(groups)
    ]
    best = max(bars, key=lambda bar: bar.value)
    total = sum(bar.value for bar in bars)
    told = f"The highest is {grouped(best.value)}, {best.words}." if best.value else "All are zero."
    unit = "Week" if weekly else "Day"
    return Chart(
        label=label,
        counted=counted,
        unit=unit,
        bars=bars,
        ticks=_ticks(best.value),
        axis=_axis([group[0] for group in groups]),
        summary=f"Bar chart of {counted.lower()} per {unit.lower()}, {day(first)} to {day(last)}. "
        f"{grouped(total)} in all. {told}",
        total=total,
    )


SPARK_HEIGHT = 16


@dataclass(frozen=True, kw_only=True)
class Spark:
    """Little bars beside their sum, as the path of an SVG of `width` by 16."""

    path: str
    width: int
    total: int


def spark(counts: Mapping[date, int], first: date, weeks: int) -> Spark:
    """A bar for each week from `first` on; the highest fills the height."""
    sums = [0] * weeks
    for each, number in counts.items():
        if 0 <= (week := (each - first).days // 7) < weeks:
            sums[week] += number
    highest = max(sums)
    path = "".join(
        f"M{week * STEP} {SPARK_HEIGHT - height}h3v{height}h-3z"
        for week, value in enumerate(sums)
        if value and (height := max(1, round(value / highest * SPARK_HEIGHT)))
    )
    return Spark(path=path, width=weeks * STEP - 1, total=sum(sums))


def _ticks(highest: int) -> list[int]:
    """Round numbers from 0 to at least `highest`."""
    size = 1
    while True:
        for step in STEPS:
            distance = step * size
            if distance == int(distance) and distance * TICKS >= highest:
                return [int(distance) * number for number in range(TICKS + 1)]
        size *= 10


def _axis(days: Sequence[date]) -> list[str]:
    """Four evenly spaced days, and today."""
    if len(days) < 5:
        return [short_day(each) for each in days]
    places = [round(number * (len(days) - 1) / 4) for number in range(4)]
    return [*(short_day(days[place]) for place in places), "Today"]
