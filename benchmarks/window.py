"""What it costs in quality that the sampler sees a window of a study's trials instead of all.

    python -m benchmarks.window [--trials 2000] [--seeds 0 1 2 3] [--windows 250 500 1000 0]

A window is the 50 best and the latest finished trials, as in `storage/studies/window.py`; 0 stands for all trials. The
objective is a function of the default space's axes with one optimum, interactions and noise; trials below the median
are pruned. Prints, over the seeds, the best value without noise after so many trials, and the mean of the last tenth.
"""

import argparse
import math
from collections.abc import Sequence
from random import Random
from statistics import fmean, median, stdev
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from search.space.axis import Axis
from search.space.default import default_space
from search.space.space import draw
from search.study.sampler import SeededSampler
from storage.studies.window import BEST
from trainer.config import TrainConfig

NOISE = 0.01  # the standard deviation of a training's value; the worst configuration is about 0.4 below the best
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
BASE = TrainConfig()
SPACE = default_space(BASE)
SHARED: dict[str, BaseDistribution] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--windows", type=int, nargs="+", default=[250, 500, 1000, 0])
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    marks = [options.trials // 4, options.trials // 2, options.trials]
    print(f"| window | seed | {' | '.join(f'best of {mark:,}' for mark in marks)} | mean of the last tenth |")
    print("|---" * (len(marks) + 3) + "|")
    rows: dict[int, list[list[float]]] = {window: [] for window in options.windows}
    for seed in options.seeds:
        for window in options.windows:
            values = run_study(options.trials, seed, window)
            row = [max(values[:mark]) for mark in marks] + [fmean(values[-options.trials // 10 :])]
            rows[window].append(row)
            print_row(window, str(seed), [f"{value:.4f}" for value in row])
    for window, found in rows.items():
        columns = list(zip(*found, strict=True))
        spread = [f"{fmean(column):.4f} ± {stdev(column) if len(column) > 1 else 0:.4f}" for column in columns]
        print_row(window, "all", spread)


def run_study(trials: int, seed: int, window: int) -> list[float]:
    """The value without noise of every trial of a study, in their order."""
    study = optuna.create_study(direction="maximize")
    study.sampler = SeededSampler(seed, "window", (lambda: read_window(study, window)) if window else None)
    values, complete = list[float](), list[float]()
    for number in range(trials):
        trial = study.ask()
        value = objective(draw(trial, SPACE, BASE))
        values.append(value)
        noisy = value + NOISE * Random(f"{seed} {number}").gauss()
        trial.report(noisy, 1)
        if len(complete) >= 4 and noisy < median(complete[-1000:]):
            study.tell(trial, state=TrialState.PRUNED)
        else:
            complete.append(noisy)
            study.tell(trial, noisy)
        share_distributions(study, number)
    return values


def share_distributions(study: optuna.Study, number: int) -> None:
    """Gives equal distributions of all trials one object, as the database's trials have it: it saves half the time."""
    trial = study.get_trials(deepcopy=False)[number]
    trial.distributions = {name: SHARED.setdefault(name, axis) for name, axis in trial.distributions.items()}


def read_window(study: optuna.Study, size: int) -> list[FrozenTrial]:
    """The window as the database gives it, of a study in memory."""
    finished = study.get_trials(deepcopy=False, states=FINISHED)
    complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
    best = sorted(complete, key=lambda trial: (-(trial.value or 0.0), trial.number))[:BEST]
    chosen = {trial.number: trial for trial in (*best, *finished[-(size - BEST) :])}
    return [chosen[number] for number in sorted(chosen)]


def objective(values: dict[str, Any]) -> float:
    """Near 0.5 at its optimum: every axis has a place that is best, and width and rate depend on each other."""
    places = {axis.path: place(axis, values[axis.path]) for axis in SPACE.axes if axis.path in values}
    loss = 0.0
    for number, axis in enumerate(SPACE.axes):
        if axis.path in places:
            best = 0.2 + 0.6 * (number * 0.618 % 1)
            loss += (0.02 + 0.1 * (number * 0.414 % 1)) * (places[axis.path] - best) ** 2
    rate, width = places["optimizer.learning_rate"], places["model.width"]
    loss += 0.1 * (rate + 0.5 * width - 0.9) ** 2
    loss += 0.02 * (1 - math.cos(6 * places["augment.strength"] * places["augment.chance"]))
    return 0.5 - loss


def place(axis: Axis, value: Any) -> float:
    """Where on its axis a value is, from 0 to 1."""
    if axis.kind == "choice":
        return place_of(axis.choices, value)
    low, high, value = (map(math.log, (axis.low, axis.high, value))) if axis.log else (axis.low, axis.high, value)
    return float((value - low) / (high - low))


def place_of(choices: Sequence[Any], value: Any) -> float:
    return choices.index(value) / (len(choices) - 1)


def print_row(window: int, seed: str, cells: Sequence[str]) -> None:
    print(f"| {window or 'all'} | {seed} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
