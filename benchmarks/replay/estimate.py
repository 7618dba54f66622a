"""The noise of a training, from configurations that were trained several times."""

import json
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares

from benchmarks.curves.table import Curve
from benchmarks.replay.problem import Floats, Noise

FEWEST = 10  # degrees of freedom
ASSUMED = Noise((0.02,), 0.5, 0.5)  # of one epoch; where too few configurations were trained again


def estimate_noise(curves: Sequence[Curve], epochs: int) -> tuple[Noise, int]:
    """The noise, and the degrees of freedom that it was estimated with; ASSUMED where they are fewer than FEWEST.

    Pooled over the configurations. A trial that was repeated because it was good is left out, since its seed was a
    lucky one. The deviation is smoothed over the epochs; the correlation is the nearest of its kind.
    """
    residuals = find_residuals(curves, epochs)
    freedom = len(residuals) - len({name for name, _ in residuals})
    if freedom < FEWEST:
        return Noise(ASSUMED.deviation * epochs, ASSUMED.lasting, ASSUMED.memory), freedom
    table = np.array([residual for _, residual in residuals])
    deviation = _smooth(np.sqrt((table**2).sum(0) / freedom))
    correlation = (table / deviation).T @ (table / deviation) / freedom
    lags = np.abs(np.arange(epochs)[:, None] - np.arange(epochs))
    upper = np.triu_indices(epochs, 1)

    def misfit(shape: Floats) -> Floats:
        lasting, memory = shape
        return np.asarray((lasting + (1 - lasting) * memory**lags - correlation)[upper])

    lasting, memory = least_squares(misfit, (0.5, 0.5), bounds=((0, 0), (1, 1))).x
    return Noise(tuple(map(float, deviation)), float(lasting), float(memory)), freedom


def find_residuals(curves: Sequence[Curve], epochs: int) -> list[tuple[str, Floats]]:
    """For each whole training of a repeated configuration its name and the difference to the configuration's mean."""
    chosen = {("plan", one.candidate) for one in curves if one.candidate is not None}
    groups: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for one in curves:
        if len(one.curve) == epochs and one.state == "complete" and (one.study, one.trial) not in chosen:
            groups[json.dumps(one.values, sort_keys=True)].append(one.curve)
    repeated = {name: np.array(group) for name, group in groups.items() if len(group) > 1}
    return [(name, row) for name, group in repeated.items() for row in group - group.mean(0)]


def _smooth(deviation: Floats) -> Floats:
    """The mean with both neighbours, at the ends with one."""
    padded = np.pad(deviation**2, 1, mode="edge")
    return np.sqrt((padded[:-2] + padded[1:-1] + padded[2:]) / 3)
