"""Which axes matter on recorded curves: the share of each in the variance of the values, and its better part.

    python -m benchmarks.curves.axes [FILE]

The shares are by fANOVA (Hutter, Hoos, Leyton-Brown 2014), which Optuna computes with scikit-learn (of
`requirements-search-bench.lock`), over whole trainings of all studies; axes that do not always apply have none.
"""

import argparse
import warnings
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from benchmarks.curves.record import PLAN
from benchmarks.curves.table import Curve, read_curves, select_whole
from search.space.axis import Axis, Value, list_values
from search.space.space import draw
from search.study.plan import Plan, load_plan

SEED = 0  # of the forest
PARTS = 3  # of a range


def main() -> None:
    """Prints a table, the most important axis first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).with_name("mars.csv"))
    whole = select_whole(read_curves(parser.parse_args().file))
    print(
        f"{len(whole)} whole trainings\n\n| axis | share | mean value by part of the axis (trainings) |\n|---|---|---|"
    )
    plan = load_plan(PLAN, device="cpu")
    shares = compute_shares(plan, whole)
    for axis in sorted(plan.space.axes, key=lambda axis: -shares.get(axis.path, -1)):
        share = f"{shares[axis.path]:.0%}" if axis.path in shares else ""
        parts = "; ".join(f"{name} {value:.3f} ({count})" for name, value, count in mean_by_part(axis, whole))
        print(f"| `{axis.path}` | {share} | {parts} |")


def compute_shares(plan: Plan, curves: Sequence[Curve]) -> Mapping[str, float]:
    """Of each axis of the plan's space that always applies, by path."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=SEED))
    for one in curves:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the default's values outside their axes
            study.enqueue_trial(one.values)
        trial = study.ask()
        draw(trial, plan.space, plan.base)
        study.tell(trial, one.value)
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=SEED))


def mean_by_part(axis: Axis, curves: Sequence[Curve]) -> list[tuple[str, float, int]]:
    """Each choice, or third of a range, in its order, with the mean value and the number of its trainings."""
    names = _names(axis)
    groups: list[list[float]] = [[] for _ in names]
    for one in curves:
        if (place := one.values.get(axis.path)) is not None and one.value is not None:
            groups[_part(axis, place)].append(one.value)
    return [(name, fmean(group), len(group)) for name, group in zip(names, groups, strict=True) if group]


def _names(axis: Axis) -> list[str]:
    if choices := _choices(axis):
        return [str(choice) for choice in choices]
    bounds = np.geomspace(axis.low, axis.high, PARTS + 1) if axis.log else np.linspace(axis.low, axis.high, PARTS + 1)
    return [f"{low:.2g} to {high:.2g}" for low, high in pairwise(bounds)]


def _choices(axis: Axis) -> list[Value]:
    """The values of an axis with few; else none."""
    few = axis.kind == "choice" or (axis.kind == "int" and axis.high - axis.low < PARTS)
    return list_values(axis) if few else []


def _part(axis: Axis, place: Value) -> int:
    """The index of a value's choice, or of its third of the range."""
    if choices := _choices(axis):
        return choices.index(place)
    scale = np.log if axis.log else float
    low, high, value = scale(axis.low), scale(axis.high), scale(place)
    return min(PARTS - 1, max(0, int(PARTS * (value - low) / (high - low))))


if __name__ == "__main__":
    main()
