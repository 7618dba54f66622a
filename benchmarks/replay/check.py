"""How far a surrogate can be trusted: what it predicts of configurations that it was not fitted on, and its best."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from benchmarks.curves.table import Curve, select_whole
from benchmarks.replay.problem import Floats, Problem, Values, final_value, searched
from benchmarks.replay.random_draw import draw_at_random
from benchmarks.replay.surrogate import Surrogate, fit_surrogate
from search.space.axis import Axis
from search.space.space import applies
from trainer.configfile import flatten

FOLDS = 10
SHARES = (0.1, 0.25, 0.5, 0.75)
DRAWS, ROUNDS, NEIGHBOURS = 20_000, 30, 200


@dataclass(frozen=True)
class Best:
    """The configuration of the best mean value."""

    values: Values
    value: float


def describe(surrogate: Surrogate, curves: Sequence[Curve]) -> str:
    """The errors of a surrogate as lines of Markdown."""
    epochs = len(surrogate.mean)
    whole = select_whole(curves)
    observed = final_value(np.array([one.curve for one in whole]))
    predicted = predict_left_out(surrogate, whole)
    error = float(np.sqrt(np.mean((predicted - observed) ** 2)))
    noise = surrogate.noise
    again = surrogate.curves([one.values for one in whole])
    random = np.random.default_rng(0)
    again += [noise.draw(random) for _ in whole]
    known = np.isfinite(again[:, -1])
    lines = [
        f"{len(curves)} trainings, {len(whole)} of them whole; {len(surrogate.components)} components",
        f"noise of a value {noise.final():.4f} ({surrogate.freedom} degrees of freedom), lasting share "
        f"{noise.lasting:.2f}, memory {noise.memory:.2f}",
        f"left out in {FOLDS} folds: rank correlation of the value {_rank(predicted, observed):.2f}, RMSE {error:.4f}, "
        f"the spread of the values {observed.std():.4f}",
        "",
        "| share of the training | rank correlation with the value, recorded | in the surrogate |",
        "|---|---|---|",
    ]
    for share in SHARES:
        epoch = max(1, round(share * epochs)) - 1
        recorded = _rank(np.array([one.curve[epoch] for one in whole]), observed)
        lines.append(f"| {share:.0%} | {recorded:.2f} | {_rank(again[known, epoch], final_value(again[known])):.2f} |")
    return "\n".join(lines)


def predict_left_out(surrogate: Surrogate, whole: Sequence[Curve]) -> Floats:
    """The values of whole trainings by surrogates that have not seen their configurations."""
    names = [json.dumps(one.values, sort_keys=True) for one in whole]
    order = np.random.default_rng(0).permutation(sorted(set(names)))
    fold_of = {str(name): number % FOLDS for number, name in enumerate(order)}
    predicted = np.zeros(len(whole))
    for fold in range(FOLDS):
        left_out = [number for number, name in enumerate(names) if fold_of[name] == fold]
        if left_out:
            seen = [one for one, name in zip(whole, names, strict=True) if fold_of[name] != fold]
            fitted = fit_surrogate(seen, surrogate)
            predicted[left_out] = final_value(fitted.curves([whole[number].values for number in left_out]))
    return predicted


def find_best(problem: Problem, seed: int = 0, draws: int = DRAWS, rounds: int = ROUNDS) -> Best:
    """The best of many random configurations, improved by changing one or two axes at a time."""
    random = np.random.default_rng(seed)
    best = _best_of(problem, [draw_at_random(random) for _ in range(draws)])
    for _ in range(rounds):
        best = max(best, _best_of(problem, [_change(best.values, random) for _ in range(NEIGHBOURS)]), key=_value)
    return best


def _best_of(problem: Problem, configurations: list[Values]) -> Best:
    found = np.nan_to_num(final_value(problem.curves(configurations)), nan=-np.inf)
    return Best(configurations[int(found.argmax())], float(found.max()))


def _value(best: Best) -> float:
    return best.value


def _change(values: Values, random: np.random.Generator) -> Values:
    """A neighbour: one or two axes have another value, a range's near its own."""
    space, base = searched()
    changed = {**flatten(base), **values}
    for index in random.choice(len(space.axes), random.integers(1, 3), replace=False):
        axis = space.axes[index]
        changed[axis.path] = _draw_near(axis, values.get(axis.path), random)
    drawn = {axis.path: changed[axis.path] for axis in space.axes if applies(axis, changed)}
    gamma = space.axis("loss.gamma")
    if gamma and "loss.gamma" in drawn:
        drawn["loss.gamma"] = min(max(drawn["loss.gamma"], gamma.low), gamma.high)  # the base's is outside its axis
    return drawn


def _draw_near(axis: Axis, value: float | None, random: np.random.Generator) -> float | bool | str | int:
    if axis.kind == "choice":
        return axis.choices[int(random.integers(len(axis.choices)))]
    low, high = (np.log(axis.low), np.log(axis.high)) if axis.log else (axis.low, axis.high)
    middle = (low + high) / 2 if value is None else np.log(value) if axis.log else value
    found = float(np.clip(random.normal(middle, 0.1 * (high - low)), low, high))
    found = float(np.clip(np.exp(found), axis.low, axis.high)) if axis.log else found
    return round(found) if axis.kind == "int" else found


def _rank(one: Floats, other: Floats) -> float:
    return float(spearmanr(one, other).statistic)
