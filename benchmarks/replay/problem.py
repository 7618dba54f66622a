"""What a search is replayed on: a curve and a cost for every configuration, and the noise of a training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from benchmarks.curves.record import PLAN
from search.space.space import Space
from search.study.plan import load_plan
from search.study.warmstart import default_start
from trainer.config import TrainConfig
from trainer.metric import count_tail

Values = Mapping[str, Any]  # on each axis that applies, by path
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Noise:
    """How a training differs from the mean of its configuration: one part lasts, the other is forgotten.

    Both parts are normal with mean 0; that of epoch e has the variance `deviation[e] ** 2`.
    """

    deviation: tuple[float, ...]  # between seeds, after each epoch
    lasting: float  # share of the variance that a training has from its first epoch to its last, 0..1
    memory: float  # correlation of the other part between one epoch and the next, 0..1

    def draw(self, random: np.random.Generator) -> Floats:
        """The deviation of one training after each epoch."""
        parts = random.standard_normal(len(self.deviation) + 1)
        lasting, steps = parts[0], parts[1:]
        for epoch in range(1, len(steps)):
            steps[epoch] = self.memory * steps[epoch - 1] + np.sqrt(1 - self.memory**2) * steps[epoch]
        mixed = np.sqrt(self.lasting) * lasting + np.sqrt(1 - self.lasting) * steps
        return np.asarray(mixed * self.deviation)

    def covariance(self) -> Floats:
        """Between the epochs of a training, (epochs, epochs)."""
        epochs, scale = np.arange(len(self.deviation)), np.asarray(self.deviation)
        correlation = self.lasting + (1 - self.lasting) * self.memory ** np.abs(epochs[:, None] - epochs)
        return np.asarray(scale[:, None] * correlation * scale)

    def final(self) -> float:
        """The standard deviation of a training's value, the mean of its last epochs."""
        tail = count_tail(len(self.deviation))
        return float(np.sqrt(self.covariance()[-tail:, -tail:].mean()))


class Problem(Protocol):
    """A landscape that is known everywhere."""

    @property
    def noise(self) -> Noise:
        """Of every training."""

    def curves(self, configurations: list[Values]) -> Floats:
        """The mean value after each epoch, (configurations, epochs); NaN from the epoch on in which it diverges."""

    def costs(self, configurations: list[Values]) -> Floats:
        """The time of an epoch, (configurations,), in epochs of the default configuration."""


def final_value(curve: Floats) -> Floats:
    """A training's value, the mean of its last epochs; of the last axis. NaN where it diverged."""
    return np.asarray(curve[..., -count_tail(curve.shape[-1]) :].mean(-1))


@cache
def searched() -> tuple[Space, TrainConfig]:
    """The space of the recorded plan, and its base."""
    plan = load_plan(PLAN, device="cpu")
    return plan.space, plan.base


def default_values() -> dict[str, Any]:
    """The default configuration, on each axis that applies."""
    space, base = searched()
    return dict(default_start(base, space).values)
