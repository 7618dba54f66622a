"""A constant number of epochs for all, then the best few whole (Egele et al. 2024, arXiv 2404.04111).

The paper trains random configurations for one epoch and then the three best whole, once. To have a choice at any time
the same is done in rounds; a training that was not continued may be in a later one.
"""

from collections import defaultdict

import numpy as np

from benchmarks.replay.method import Task, training_value
from benchmarks.replay.problem import Values
from benchmarks.replay.random_draw import draw_at_random

ROUND, CONTINUED = 60, 3  # trainings of a round, and those trained whole after it


class Cutoff:
    """A `Method`."""

    def __init__(self, seed: int, epochs: int, first: int) -> None:
        self._random, self.epochs, self._first = np.random.default_rng(seed), epochs, first
        self._drawn: list[Values] = []
        self._curves: dict[int, list[float]] = defaultdict(list)
        self._paused: dict[int, float] = {}  # the value after the first epochs
        self._values: dict[int, float] = {}  # of whole trainings
        self._queue: list[int] = []
        self._rounds = 0
        self._open = 0  # trainings of this round that have not had their first epochs

    def ask(self) -> Task | None:
        """A training to be continued, or a new one; None while the last ones of a round are trained."""
        if self._queue:
            key = self._queue.pop(0)
            return Task(key, self._drawn[key], self.epochs)
        if len(self._drawn) < ROUND * (self._rounds + 1):
            self._drawn.append(draw_at_random(self._random))
            self._open += 1
            return Task(len(self._drawn) - 1, self._drawn[-1], self._first)
        return None

    def report(self, key: int, epoch: int, value: float) -> bool:
        """Ends the round with its last first epochs."""
        self._curves[key].append(value)
        if epoch == self._first:
            self._paused[key] = value
            self._end_one()
        if epoch == self.epochs:
            self._values[key] = training_value(self._curves[key])
        return True

    def diverged(self, key: int) -> None:
        """Counts it as trained."""
        if len(self._curves[key]) < self._first:
            self._end_one()

    def best(self) -> int | None:
        """The best whole training."""
        return max(self._values, key=self._values.__getitem__, default=None)

    def _end_one(self) -> None:
        self._open -= 1
        if not self._open and len(self._drawn) == ROUND * (self._rounds + 1):
            self._rounds += 1
            self._queue = sorted(self._paused, key=lambda key: -self._paused[key])[:CONTINUED]
            for key in self._queue:
                del self._paused[key]
