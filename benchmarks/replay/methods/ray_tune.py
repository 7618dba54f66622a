"""Ray Tune's ASHA, with random configurations or those of its OptunaSearch.

Scheduler and searcher are called as `TuneController` calls them; the processes of a cluster have no part in what they
decide. The choice is that of `ResultGrid.get_best_result`: by the last value that each training reported.
"""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from ray.tune.schedulers import ASHAScheduler
from ray.tune.schedulers.trial_scheduler import TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.replay.method import Task
from benchmarks.replay.problem import searched
from benchmarks.replay.random_draw import draw_at_random
from search.space.space import draw


class RayAsha:
    """A `Method`; the scheduler has its defaults, a grace period of 1 epoch and a factor of 4."""

    def __init__(self, seed: int, epochs: int, optuna: bool) -> None:
        self.epochs, self._random = epochs, np.random.default_rng(seed)
        self._scheduler: Any = ASHAScheduler(metric="value", mode="max", max_t=epochs)
        self._search: Any = None
        if optuna:
            self._search = OptunaSearch(_draw, metric="value", mode="max", seed=seed)
        self._trials: list[Any] = []
        self._last: dict[int, float] = {}

    def ask(self) -> Task:
        """A new trial."""
        key = len(self._trials)
        values = self._search.suggest(str(key)) if self._search else draw_at_random(self._random)
        self._trials.append(SimpleNamespace(trial_id=str(key)))
        self._scheduler.on_trial_add(None, self._trials[key])
        return Task(key, values, self.epochs)

    def report(self, key: int, epoch: int, value: float) -> bool:
        """Asks the scheduler."""
        self._last[key] = value
        result = {"training_iteration": epoch, "value": value}
        goes_on = self._scheduler.on_trial_result(None, self._trials[key], result) == TrialScheduler.CONTINUE
        if not goes_on:
            self._end(key, result)
        elif self._search:
            self._search.on_trial_result(str(key), result)
        return bool(goes_on)

    def diverged(self, key: int) -> None:
        """Reported as the lowest value, after which the scheduler stops it."""
        self.report(key, self.epochs, 0.0)

    def best(self) -> int | None:
        """By the last value of each."""
        return max(self._last, key=self._last.__getitem__, default=None)

    def _end(self, key: int, result: dict[str, Any]) -> None:
        self._scheduler.on_trial_complete(None, self._trials[key], result)
        if self._search:
            self._search.on_trial_complete(str(key), result)


def _draw(trial: Any) -> None:
    draw(cast(Any, trial), *searched())
