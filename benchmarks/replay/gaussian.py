"""A Gaussian process with a length for each axis, fitted by its marginal likelihood (Rasmussen & Williams 2006, ch. 5).

Small on purpose: what a replay asks for one configuration at a time must take microseconds.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from benchmarks.replay.problem import Floats

ROOT5 = np.sqrt(5)
# Means and deviations of the logarithms' normal priors: lengths of a few ranges, and noise below the signal.
LENGTH, SCALE, NOISE = (0.7, 1.0), (0.0, 1.0), (-3.0, 1.5)


@dataclass(frozen=True)
class Gaussian:
    """A fitted process over points of some columns."""

    points: Floats  # (points, columns)
    groups: tuple[int, ...]  # the axis of each column
    theta: Floats  # logarithms: a length for each axis, the variance of the signal, of the noise
    offset: float
    unit: float
    weights: Floats  # (points,)

    def predict(self, points: Floats) -> Floats:
        """The mean at some points."""
        return np.asarray(self.offset + self.unit * (self.similarity(points, self.points) @ self.weights))

    def similarity(self, points: Floats, others: Floats) -> Floats:
        """The covariance, without noise and in units of the values' variance, (points, others)."""
        lengths = np.exp(self.theta[list(self.groups)])
        return _kernel(_distances(points / lengths, others / lengths), self.theta[-2])


def fit(points: Floats, groups: tuple[int, ...], values: Floats, start: Floats | None = None) -> Gaussian:
    """The process of the largest marginal likelihood times prior.

    Args:
        points: (points, columns), a configuration several times where it was trained several times.
        groups: the axis of each column; the columns of an axis have one length.
        values: (points,).
        start: where the likelihood's climb begins, of a process of other points; it is then short.
    """
    offset, unit = float(values.mean()), float(values.std()) or 1.0
    targets = (values - offset) / unit
    axes = max(groups) + 1
    squares = np.zeros((axes, len(points), len(points)))
    for column, axis in enumerate(groups):
        squares[axis] += (points[:, None, column] - points[None, :, column]) ** 2
    prior = np.array([LENGTH] * axes + [SCALE, NOISE])
    begin = prior[:, 0] if start is None else start
    found = minimize(
        _loss,
        begin,
        (squares, targets, prior),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-3, 5)] * axes + [(-5, 5), (-10, 2)],
        options={"maxiter": 100 if start is None else 15},
    )
    theta = found.x
    covariance = _kernel(np.tensordot(np.exp(-2 * theta[:axes]), squares, 1), theta[-2])
    covariance[np.diag_indices(len(points))] += np.exp(theta[-1])
    weights = cho_solve(cho_factor(covariance, lower=True), targets)
    return Gaussian(points, groups, theta, offset, unit, weights)


def _loss(theta: Floats, squares: Floats, targets: Floats, prior: Floats) -> tuple[float, Floats]:
    """The negative logarithm of likelihood times prior, and its gradient."""
    axes, count = len(squares), len(targets)
    inverse = np.exp(-2 * theta[:axes])
    distance = np.sqrt(np.tensordot(inverse, squares, 1))
    decay = np.exp(theta[-2] - ROOT5 * distance)
    covariance = decay * (1 + ROOT5 * distance + 5 / 3 * distance**2)
    noise = np.exp(theta[-1])
    factor = cho_factor(covariance + noise * np.eye(count), lower=True)
    weights = cho_solve(factor, targets)
    pull = (theta - prior[:, 0]) / prior[:, 1]
    loss = targets @ weights / 2 + np.log(np.diag(factor[0])).sum() + (pull**2).sum() / 2
    outer = cho_solve(factor, np.eye(count)) - weights[:, None] * weights  # twice the gradient by the covariance
    steep = outer * decay * (5 / 3) * (1 + ROOT5 * distance)
    gradient = np.empty(axes + 2)
    gradient[:axes] = np.tensordot(squares, steep, 2) * inverse / 2
    gradient[-2] = (outer * covariance).sum() / 2
    gradient[-1] = noise * np.trace(outer) / 2
    return float(loss), gradient + pull / prior[:, 1]


def _distances(points: Floats, others: Floats) -> Floats:
    """The squared distances, (points, others)."""
    squares = (points**2).sum(1)[:, None] + (others**2).sum(1) - 2 * points @ others.T
    return np.asarray(np.maximum(squares, 0.0))


def _kernel(squares: Floats, scale: float) -> Floats:
    """Matern's, of smoothness 5/2."""
    distance = np.sqrt(squares)
    return np.asarray(np.exp(scale - ROOT5 * distance) * (1 + ROOT5 * distance + 5 / 3 * squares))
