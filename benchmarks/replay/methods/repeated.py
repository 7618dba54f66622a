"""Who leads is trained again before it is believed: the best of many values of one training each is a lucky one.

As SMAC's intensification (Hutter et al. 2011): what a method would return has the highest mean of several trainings.
"""

from collections import defaultdict
from statistics import fmean

import optuna
from typing_extensions import override

from benchmarks.replay.method import Task, training_value
from benchmarks.replay.methods.optuna_study import OptunaStudy
from benchmarks.replay.problem import Values

FIRST = 1_000_000  # key of the first repetition; trials have lower ones


class RepeatedStudy(OptunaStudy):
    """A `Method`: a free worker trains the leader again, with another seed, until it has been trained often enough.

    Args:
        sampler, pruner, epochs, default_first, diverged: as of `OptunaStudy`.
        times: trainings of a leader.
    """

    def __init__(
        self,
        sampler: optuna.samplers.BaseSampler,
        pruner: optuna.pruners.BasePruner,
        epochs: int,
        default_first: bool,
        diverged: optuna.trial.TrialState,
        times: int,
    ) -> None:
        super().__init__(sampler, pruner, epochs, default_first, diverged)
        self._times = times
        self._configurations: dict[int, Values] = {}
        self._repeats: dict[int, int] = {}  # the trial that a repetition repeats
        self._begun: dict[int, int] = defaultdict(lambda: 1)  # trainings of a trial
        self._found: dict[int, list[float]] = defaultdict(list)

    @override
    def ask(self) -> Task:
        """A repetition of the leader, or a new trial."""
        leader = self._lead()
        if leader is not None and self._begun[leader] < self._times:
            self._begun[leader] += 1
            key = FIRST + len(self._repeats)
            self._repeats[key] = leader
            return Task(key, self._configurations[leader], self.epochs)
        task = super().ask()
        self._configurations[task.key] = task.values
        return task

    @override
    def report(self, key: int, epoch: int, value: float) -> bool:
        if key not in self._repeats:
            goes_on = super().report(key, epoch, value)
            if key in self.values:
                self._found[key].append(self.values[key])
            return goes_on
        self.curves[key].append(value)
        if epoch == self.epochs:
            self._found[self._repeats[key]].append(training_value(self.curves[key]))
        return epoch < self.epochs

    @override
    def diverged(self, key: int) -> None:
        if key in self._repeats:
            self._found[self._repeats[key]].append(0.0)
        else:
            super().diverged(key)

    @override
    def best(self) -> int | None:
        """The best mean of those that were trained often enough; before there is one, the best value."""
        sure = [key for key, values in self._found.items() if len(values) >= self._times]
        return max(sure or self._found, key=lambda key: fmean(self._found[key]), default=None)

    def _lead(self) -> int | None:
        return max(self._found, key=lambda key: fmean(self._found[key]), default=None)
