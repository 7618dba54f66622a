"""What a training of a configuration costs, from recorded times on machines of any speed.

Only the ratio of two times that follow each other is used, since both trainings met the same machine. Its logarithm is
the difference of two sums, to which each axis adds a part of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import least_squares

from benchmarks.curves.table import Curve
from benchmarks.replay.encode import encode
from benchmarks.replay.problem import Floats, Values, default_values

DEVIATION = 0.1  # of the logarithm, beyond which a training shared the machine with something else
SHRINKAGE = 0.1  # of what an axis adds, by which its parts are determined where the times say nothing


@dataclass(frozen=True)
class Cost:
    """A sum over the axes."""

    weights: Floats  # (features,)
    default: float  # the default configuration's sum

    def predict(self, configurations: list[Values]) -> Floats:
        """The time of an epoch, (configurations,), in epochs of the default configuration."""
        return np.asarray(np.exp(_features(configurations) @ self.weights - self.default))


def fit_cost(curves: Sequence[Curve]) -> Cost:
    """The cost of the recorded trainings, whose order is that of their trials."""
    timed = [one for one in curves if one.seconds and one.curve]
    features = _features([one.values for one in timed])
    times = np.log([(one.seconds or 1.0) / len(one.curve) for one in timed])
    steps = [(i, j) for i, j in pairwise(range(len(timed))) if timed[i].study == timed[j].study]
    before, after = np.array(steps).T
    differences, ratios = features[after] - features[before], times[after] - times[before]

    def misfit(weights: Floats) -> Floats:
        return np.concatenate([(differences @ weights - ratios) / DEVIATION, SHRINKAGE * weights])

    weights = least_squares(misfit, np.zeros(features.shape[1]), loss="soft_l1").x
    return Cost(weights, float(_features([default_values()])[0] @ weights))


def _features(configurations: list[Values]) -> Floats:
    """An axis's columns and their squares, (configurations, features)."""
    points = encode(configurations)
    return np.concatenate([points, points**2], 1)
