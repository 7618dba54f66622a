"""Syne Tune's asynchronous halving, with the searchers that its release has for it.

MOBSTER and DyHPO left the library with its Gaussian processes before 0.16; what its authors offer in their place is
ASHA whose configurations come from conformalized quantile regression (CQR, Salinas et al. 2023), and BOHB.
The choice is that of `ExperimentResult.best_config`: by the best value that was ever reported.
"""

from datetime import datetime
from typing import Any

from syne_tune import config_space
from syne_tune.backend.trial_status import Trial
from syne_tune.optimizer import baselines
from syne_tune.optimizer.scheduler import SchedulerDecision

from benchmarks.replay.method import Task
from benchmarks.replay.problem import searched
from search.space.axis import Axis
from search.space.space import applies
from trainer.configfile import flatten

BEGUN = datetime(2000, 1, 1)  # of trials; no scheduler here looks at it


class SyneTuneAsha:
    """A `Method`; the scheduler has its defaults, a grace period of 1 epoch and a factor of 3."""

    def __init__(self, seed: int, epochs: int, name: str) -> None:
        space = {axis.path: _domain(axis) for axis in searched()[0].axes}
        scheduler = getattr(baselines, name)
        self.epochs = epochs
        self._scheduler: Any = scheduler(space, "value", "epoch", epochs, do_minimize=False, random_seed=seed)
        self._trials: list[Trial] = []
        self._best: dict[int, float] = {}

    def ask(self) -> Task:
        """A new trial; its values on axes that do not apply are dropped."""
        config = {path: _plain(value) for path, value in self._scheduler.suggest().config.items()}
        trial = Trial(len(self._trials), config, BEGUN)
        self._trials.append(trial)
        self._scheduler.on_trial_add(trial)
        space, base = searched()
        known = {**flatten(base), **config}
        values = {axis.path: config[axis.path] for axis in space.axes if applies(axis, known)}
        return Task(trial.trial_id, values, self.epochs)

    def report(self, key: int, epoch: int, value: float) -> bool:
        """Asks the scheduler."""
        self._best[key] = max(value, self._best.get(key, value))
        decision = self._scheduler.on_trial_result(self._trials[key], {"value": value, "epoch": epoch})
        if decision == SchedulerDecision.CONTINUE:
            return True
        self._scheduler.on_trial_remove(self._trials[key])
        return False

    def diverged(self, key: int) -> None:
        """Reported as the lowest value."""
        self.report(key, self.epochs, 0.0)

    def best(self) -> int | None:
        """By the best value of each."""
        return max(self._best, key=self._best.__getitem__, default=None)


def _domain(axis: Axis) -> Any:
    if axis.kind == "choice":
        return config_space.choice(list(axis.choices))
    if axis.kind == "int":
        return (config_space.lograndint if axis.log else config_space.randint)(int(axis.low), int(axis.high))
    return (config_space.loguniform if axis.log else config_space.uniform)(axis.low, axis.high)


def _plain(value: Any) -> Any:
    """A Python value of NumPy's."""
    return value.item() if hasattr(value, "item") else value
