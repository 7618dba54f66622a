"""Value against cost: which complete trials give the most for what their networks cost in use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from search.report.entry import LEADERS, Entry
from search.study.ties import LEAST_CHANCE, chance_to_beat

Cost = Literal["ms_per_image", "parameters"]
WORDS: dict[Cost, str] = {"ms_per_image": "milliseconds an image", "parameters": "parameters"}


@dataclass(frozen=True)
class Point:
    """A complete trial whose cost is known."""

    entry: Entry
    cost: float
    chance: float | None = None  # to be better than the best trial; None for that one, or where it is not known


@dataclass(frozen=True)
class Tradeoff:
    """What a study has to choose from."""

    kind: Cost
    points: tuple[Point, ...]  # best first
    front: tuple[Point, ...]  # those that no other one beats at their cost or less; cheapest first

    @property
    def words(self) -> str:
        """What the cost is."""
        return WORDS[self.kind]

    @property
    def floor(self) -> float:
        """The lowest value that a chart needs to show: below it lie neither points of the front nor leaders' bars."""
        bars = [point.entry.interval[0] for point in self.points[:LEADERS] if point.entry.interval]
        return min([self.front[0].entry.value, self.points[:LEADERS][-1].entry.value, *bars])

    @property
    def below(self) -> int:
        """How many trials lie below the chart."""
        return sum(point.entry.value < self.floor for point in self.points)

    @property
    def cheapest_tie(self) -> Point | None:
        """The cheapest that is as good as the best trial, as far as the images can tell; None where the best is."""
        best = self.points[0]
        if best.chance is not None:  # it is not the best trial, whose cost is unknown
            return None
        cheaper = (point for point in self.front if point.cost < best.cost)
        return next((point for point in cheaper if (point.chance or 0.0) >= LEAST_CHANCE), None)


def weigh(complete: Sequence[Entry]) -> Tradeoff | None:
    """Sets the value of trials against their time where most of them have been timed, else against their parameters.

    None where there is nothing to choose: the costs of fewer than two are known, or all are equal.

    Args:
        complete: trials, best first.
    """
    timed = sum(entry.ms_per_image is not None for entry in complete)
    kind: Cost = "ms_per_image" if 2 * timed > len(complete) else "parameters"
    points = tuple(
        Point(entry, cost, None if entry is complete[0] else chance_to_beat(entry.resampled, complete[0].resampled))
        for entry in complete
        if (cost := entry.ms_per_image if kind == "ms_per_image" else entry.parameters)
    )
    if len({point.cost for point in points}) < 2:
        return None
    return Tradeoff(kind, points, find_front(points))


def find_front(points: Sequence[Point]) -> tuple[Point, ...]:
    """The Pareto front, cheapest first: each has a higher value than all that cost as much or less.

    Of points that are equal in both, that of the lowest number.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.entry.value, point.entry.number)):
        if not front or point.entry.value > front[-1].entry.value:
            front.append(point)
    return tuple(front)
