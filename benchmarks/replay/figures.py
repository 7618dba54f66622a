"""What replays say: how far the choice is from the best at fixed costs, and the cost until it is good enough."""

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
STEP = 0.5  # between the costs at which regrets are compared
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


Group = Mapping[int, Replay]  # a method's, by seed


def reach(points: Sequence[Point], target: float, unit: Unit = "cost") -> float:
    """The cost, or time, at which the choice is first at least as good as a target; infinite where it never is."""
    return next((getattr(point, unit) for point in points if point.value >= target), math.inf)


def regret(points: Sequence[Point], best: float, cost: float) -> float:
    """How far the choice is below the best after a cost; all of the best where nothing is chosen yet."""
    return best - next((point.value for point in reversed(points) if point.cost <= cost), 0.0)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean over seeds, by the bootstrap."""
    table = np.asarray(values)
    low, high = np.quantile(table[_resample(len(table))].mean(1), (0.025, 0.975))
    return float(low), float(high)


def catch_up(group: Group, ours: Group, best: float, mark: float, budget: float) -> tuple[float, float, float]:
    """How many times our cost a method needs until its mean regret is what ours is at `mark`, with its 95 % interval.

    Over the seeds that both have. Infinite where the budget is not enough.
    """
    seeds = sorted(set(group) & set(ours))
    costs = np.arange(STEP, budget + STEP / 2, STEP)
    regrets = np.array([[regret(group[seed].points, best, cost) for cost in costs] for seed in seeds])
    targets = np.array([regret(ours[seed].points, best, mark) for seed in seeds])
    everyone = np.arange(len(seeds))[None]
    means, drawn = (
        _first(costs, regrets[chosen].mean(1), targets[chosen].mean(1)) / mark
        for chosen in (everyone, _resample(len(seeds)))
    )
    low, high = np.quantile(drawn, (0.025, 0.975), method="nearest")
    return float(means[0]), float(low), float(high)


def table(replays: Iterable[Replay], best: float, noise: float, ours: str, budget: float) -> str:
    """The figures of all methods with one number of workers, as Markdown, the least regret first.

    Args:
        replays: of one number of workers.
        best: the best known mean value.
        noise: the deviation of a training's value between seeds; a choice is good enough that is no further below the
            best.
        ours: the method that others are compared with.
        budget: of the replays.
    """
    groups: dict[str, dict[int, Replay]] = defaultdict(dict)
    for replay in replays:
        groups[replay.method][replay.seed] = replay
    marks = [mark for mark in MARKS if mark <= budget]
    heads = ["method", "seeds", *(f"regret at {mark}" for mark in marks)]
    heads += [f"times our cost at {mark}" for mark in marks if 2 * mark <= budget]
    heads += ["within one deviation: of the searches", "median cost, clock", "trainings (whole)", "s a replay"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    rows = {
        name: _row(group, None if name == ours else groups.get(ours), best, best - noise, marks, budget)
        for name, group in groups.items()
    }
    lines += [f"| {name} | {' | '.join(row)} |" for name, (_, row) in sorted(rows.items(), key=lambda item: item[1][0])]
    return "\n".join(lines)


def _row(
    group: Group, ours: Group | None, best: float, target: float, marks: Sequence[int], budget: float
) -> tuple[float, list[str]]:
    """By what a method is ordered, and its cells."""
    regrets = [[regret(replay.points, best, mark) for replay in group.values()] for mark in marks]
    cells = [str(len(group))]
    for values in regrets:
        low, high = mean_interval(values)
        cells.append(f"{fmean(values):.4f} ({low:.4f} to {high:.4f})")
    for mark in marks:
        if 2 * mark <= budget:
            cells.append(_compare(*catch_up(group, ours, best, mark, budget)) if ours else "1")
    costs, times = ([reach(replay.points, target, unit) for replay in group.values()] for unit in ("cost", "time"))
    cells += [
        f"{fmean(math.isfinite(cost) for cost in costs):.0%}",
        f"{_number(float(np.median(costs)))}, {_number(float(np.median(times)))}",
        f"{fmean(replay.trainings for replay in group.values()):.0f} "
        f"({fmean(replay.whole for replay in group.values()):.0f})",
        f"{fmean(replay.seconds for replay in group.values()):.1f}",
    ]
    return (fmean(map(fmean, regrets)) if regrets else 0.0), cells


def _first(costs: Floats, regrets: Floats, targets: Floats) -> Floats:
    """The first cost at which each mean regret, (draws, costs), is no more than its target; else infinite."""
    reached = regrets <= targets[:, None]
    return np.where(reached.any(1), costs[reached.argmax(1)], np.inf)


def _resample(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Draws with replacement, (draws, count)."""
    return np.random.default_rng(0).integers(count, size=(DRAWS, count))


def _compare(middle: float, low: float, high: float) -> str:
    return f"{_number(middle)} ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.3g}"
