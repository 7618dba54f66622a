"""What replays say: the cost until the choice is good enough, and how far it is from the best at fixed costs."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np

from benchmarks.replay.problem import Floats
from benchmarks.replay.simulate import Point

MARKS = (10, 25, 50, 100, 150)  # trainings of the default configuration
DRAWS = 2000  # of the bootstrap
Unit = Literal["cost", "time"]


@dataclass(frozen=True)
class Replay:
    """One search that was simulated."""

    method: str
    workers: int
    seed: int
    points: tuple[Point, ...]
    trainings: int
    whole: int
    seconds: float  # that the simulation took


def reach(points: Sequence[Point], target: float, unit: Unit = "cost") -> float:
    """The cost, or time, at which the choice is first at least as good as a target; infinite where it never is."""
    return next((getattr(point, unit) for point in points if point.value >= target), math.inf)


def regret(points: Sequence[Point], best: float, cost: float) -> float:
    """How far the choice is below the best after a cost; all of the best where nothing is chosen yet."""
    return best - next((point.value for point in reversed(points) if point.cost <= cost), 0.0)


def bootstrap(costs: Sequence[float], others: Sequence[float] | None = None) -> tuple[float, float]:
    """The 95 % interval of the median over seeds; with others, of the ratio of the medians of the same seeds."""
    table = np.array([costs] if others is None else [costs, others])
    chosen = np.random.default_rng(0).integers(table.shape[1], size=(DRAWS, table.shape[1]))
    medians = np.median(table[:, chosen], axis=2)
    found = medians[0] if others is None else ratio(medians[0], medians[1])
    low, high = np.quantile(found, (0.025, 0.975), method="nearest")
    return float(low), float(high)


def ratio(one: Floats, other: Floats) -> Floats:
    """Of costs; infinite where the first is, whatever the other, since an infinite cost is only known to be large."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(one), np.inf, one / other)


def table(replays: Iterable[Replay], best: float, noise: float, ours: str, budget: float) -> str:
    """The figures of all methods with one number of workers, as Markdown, the quickest first.

    Args:
        replays: of one number of workers.
        best: the best known mean value.
        noise: the deviation of a training's value between seeds; a choice is good enough that is no further below the
            best, or no further than half of it.
        ours: the method that others are compared with.
        budget: of the replays.
    """
    groups: dict[str, dict[int, Replay]] = defaultdict(dict)
    for replay in replays:
        groups[replay.method][replay.seed] = replay
    marks = [mark for mark in MARKS if mark <= budget]
    heads = ["method", "seeds"]
    for words in ("one deviation", "half of one"):
        heads += [f"cost until within {words}", "times ours", "reached"]
    heads += ["clock until within half", *(f"regret at {mark}" for mark in marks), "trainings (whole)", "s a replay"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    rows = {name: _row(group, groups.get(ours, group), best, noise, marks) for name, group in groups.items()}
    lines += [f"| {name} | {' | '.join(row)} |" for name, (_, row) in sorted(rows.items(), key=lambda item: item[1][0])]
    return "\n".join(lines)


def _row(
    group: Mapping[int, Replay], ours: Mapping[int, Replay], best: float, noise: float, marks: Sequence[int]
) -> tuple[tuple[float, float], list[str]]:
    """By what a method is ordered, and its cells."""
    shared = [seed for seed in group if seed in ours]
    cells = [str(len(group))]
    for target in (best - noise, best - noise / 2):
        costs = [reach(replay.points, target) for replay in group.values()]
        pair = [[reach(side[seed].points, target) for seed in shared] for side in (group, ours)]
        cells += [
            f"{_number(float(np.median(costs)))} ({' to '.join(map(_number, bootstrap(costs)))})",
            _compare(pair[0], pair[1]) if shared else "",
            f"{fmean(math.isfinite(cost) for cost in costs):.0%}",
        ]
    times = [reach(replay.points, target, "time") for replay in group.values()]
    regrets = [fmean(regret(replay.points, best, mark) for replay in group.values()) for mark in marks]
    cells += [
        _number(float(np.median(times))),
        *(f"{value:.4f}" for value in regrets),
        f"{fmean(replay.trainings for replay in group.values()):.0f} "
        f"({fmean(replay.whole for replay in group.values()):.0f})",
        f"{fmean(replay.seconds for replay in group.values()):.1f}",
    ]
    return (float(np.median(costs)), regrets[-1] if regrets else 0.0), cells


def _compare(costs: Sequence[float], ours: Sequence[float]) -> str:
    found = float(ratio(np.asarray(np.median(costs)), np.asarray(np.median(ours))))
    if np.isinf(np.median(ours)) and np.isfinite(found):
        return "less"  # ours was not reached within the budget
    return f"{_number(found)} ({' to '.join(map(_number, bootstrap(costs, ours)))})"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.3g}"
