"""Searches by an Optuna study in memory: ours, the report's plan, and Optuna's own samplers and pruners."""

from collections import defaultdict

import optuna
from optuna.trial import FrozenTrial, TrialState

from benchmarks.replay.method import Task, training_value
from benchmarks.replay.problem import default_values, searched
from search.space.space import draw
from search.study.warmstart import DEFAULT
from storage.studies.attributes import TrialAttributes


class OptunaStudy:
    """A `Method`: every trial is trained whole unless the study's pruner ends it.

    Args:
        sampler, pruner: of the study.
        epochs: of a whole training.
        default_first: whether the default configuration is the first trial.
        diverged: the state of a trial that diverged; plain Optuna fails one whose objective is not a number.
    """

    def __init__(
        self,
        sampler: optuna.samplers.BaseSampler,
        pruner: optuna.pruners.BasePruner,
        epochs: int,
        default_first: bool = False,
        diverged: TrialState = TrialState.FAIL,
    ) -> None:
        self.study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
        self.epochs, self._state = epochs, diverged
        self.curves: dict[int, list[float]] = defaultdict(list)
        self.values: dict[int, float] = {}  # of whole trainings
        self._running: dict[int, optuna.Trial] = {}
        if default_first:
            self.study.enqueue_trial(default_values(), user_attrs=TrialAttributes(name=DEFAULT).as_json())

    def ask(self) -> Task:
        """A new trial."""
        trial = self.study.ask()
        self._running[trial.number] = trial
        return Task(trial.number, draw(trial, *searched()), self.epochs)

    def report(self, key: int, epoch: int, value: float) -> bool:
        """Reports it to the trial, and asks its pruner."""
        trial = self._running[key]
        trial.report(value, epoch)
        self.curves[key].append(value)
        if epoch == self.epochs:
            self.values[key] = training_value(self.curves[key])
            self._tell(key, value=self.values[key])
            return False
        if trial.should_prune():
            self._tell(key, state=TrialState.PRUNED)
            return False
        return True

    def diverged(self, key: int) -> None:
        """Ends the trial."""
        self._tell(key, state=self._state)

    def best(self) -> int | None:
        """The best complete trial, as `study.best_trial`."""
        return max(self.values, key=self.values.__getitem__, default=None)

    def _tell(self, key: int, value: float | None = None, state: TrialState | None = None) -> FrozenTrial:
        return self.study.tell(self._running.pop(key), value, state)
