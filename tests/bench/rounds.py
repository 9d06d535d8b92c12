"""Measuring side by side: every round measures everything once, so that all share the weather."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from tests.bench.table import Figure, Target


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How often everything is measured, and for how many seconds what has no end of its own."""

    rounds: int
    seconds: float


class Measured:
    """By name: one value a round."""

    def __init__(self, values: Mapping[str, Sequence[float]]) -> None:
        self._values = values

    def median(self, name: str) -> float:
        return median(self._values[name])

    def least(self, name: str) -> float:
        """For counts to which others on this machine can only add."""
        return min(self._values[name])

    def ratio(self, ours: str, baseline: str) -> float:
        """The median of the ratios of the rounds."""
        pairs = zip(self._values[ours], self._values[baseline], strict=True)
        return median(one / other for one, other in pairs)

    def figure(self, what: str, *, ours: str, baseline: str, unit: str, target: Target) -> Figure:
        return Figure(
            what=what,
            ours=self.median(ours),
            baseline=self.median(baseline),
            unit=unit,
            ratio=self.ratio(ours, baseline),
            target=target,
        )


def interleave(rounds: int, measures: Mapping[str, Callable[[], float]]) -> Measured:
    """Each of `measures` once a round, in turns from the first to the last and back."""
    values: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds):
        names = list(measures)
        for name in reversed(names) if number % 2 else names:
            values[name].append(measures[name]())
    return Measured(values)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = perf_counter()
    work()
    return perf_counter() - start
