"""A surrogate of a space's landscape, from recorded curves.

Curves are written as their mean and the components of the largest variance, each of which is a Gaussian process over
the axes. A recorded configuration has the surrogate's mean like any other: its own curve holds the luck of its seed,
and the best of many recorded ones would be the luckiest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.curves.table import Curve, select_whole
from benchmarks.replay.cost import Cost, fit_cost
from benchmarks.replay.encode import column_axes, encode
from benchmarks.replay.estimate import estimate_noise
from benchmarks.replay.gaussian import Gaussian, fit
from benchmarks.replay.problem import Floats, Noise, Values

VARIANCE = 0.995  # share of the curves' variance that the components have
MOST = 5  # components
DIVERGED = ("pruned", "fail")  # states of a recording without a pruner


@dataclass(frozen=True)
class Surrogate:
    """A landscape that is known everywhere; a `Problem`."""

    noise: Noise
    freedom: int  # degrees of freedom of the noise
    mean: Floats  # (epochs,)
    components: Floats  # (components, epochs)
    scores: tuple[Gaussian, ...]  # of each component
    cost: Cost
    risk: Gaussian | None  # 1 where a training diverges, 0 where it does not; None where none did
    diverged: Floats  # points of those that diverged, (trainings, columns)
    ends: Floats  # the epoch in which each of them did, from 0

    def curves(self, configurations: list[Values]) -> Floats:
        """The mean value after each epoch, (configurations, epochs); NaN from the epoch on in which it diverges."""
        points = encode(configurations)
        scores = np.stack([process.predict(points) for process in self.scores], 1)
        curves = np.clip(self.mean + scores @ self.components, 0.0, 1.0)
        ends = self._divergence(points)
        curves[np.arange(curves.shape[1]) >= ends[:, None]] = np.nan
        return curves

    def costs(self, configurations: list[Values]) -> Floats:
        """The time of an epoch, (configurations,), in epochs of the default configuration."""
        return self.cost.predict(configurations)

    def _divergence(self, points: Floats) -> Floats:
        """The epoch in which each configuration diverges, where that is likelier than not: that of the nearest."""
        if self.risk is None:
            return np.full(len(points), np.inf)
        nearest = self.risk.similarity(points, self.diverged).argmax(1)
        return np.where(self.risk.predict(points) > 0.5, self.ends[nearest], np.inf)


def fit_surrogate(curves: Sequence[Curve], like: Surrogate | None = None) -> Surrogate:
    """The surrogate of recorded trainings, of which the longest were trained to their end.

    Args:
        curves: of the space of the recorded plan.
        like: a surrogate of nearly the same curves, from which the fit starts; it is then quick.
    """
    whole = select_whole(curves)
    points, table = encode([one.values for one in whole]), np.array([one.curve for one in whole])
    mean = table.mean(0)
    _, strengths, components = np.linalg.svd(table - mean, full_matrices=False)
    count = min(MOST, 1 + int(np.searchsorted(np.cumsum(strengths**2) / (strengths**2).sum(), VARIANCE)))
    scores = (table - mean) @ components[:count].T
    starts = [process.theta for process in like.scores] if like else []
    groups = column_axes()
    processes = tuple(
        fit(points, groups, scores[:, number], starts[number] if number < len(starts) else None)
        for number in range(count)
    )
    noise, freedom = (like.noise, like.freedom) if like else estimate_noise(curves, len(mean))
    ended = [one for one in curves if one.state == "complete" or one.state in DIVERGED]
    diverged = np.array([one.state in DIVERGED for one in ended])
    trained = encode([one.values for one in ended])
    return Surrogate(
        noise=noise,
        freedom=freedom,
        mean=mean,
        components=components[:count],
        scores=processes,
        cost=like.cost if like else fit_cost(curves),
        risk=fit(trained, groups, diverged.astype(float)) if diverged.any() else None,
        diverged=trained[diverged],
        ends=np.array([float(len(one.curve)) for one, ends in zip(ended, diverged, strict=True) if ends]),
    )
