"""Short trainings first, and whole ones of the best: the sampler learns from both.

The recorded curves are those of whole schedules. So a short training is here the beginning of a whole one, from which
it goes on; short schedules of their own, whose rate falls to its end sooner, would have to be recorded.
"""

import optuna
from optuna.trial import TrialState, create_trial
from typing_extensions import override

from benchmarks.replay.method import Task, training_value
from benchmarks.replay.methods.optuna_study import OptunaStudy


class PromotedStudy(OptunaStudy):
    """A `Method`: trials pause after the first epochs; a free worker goes on with one of their best, or draws.

    Args:
        sampler: of the study.
        epochs: of a whole training.
        first: epochs after which a training pauses.
        factor: one of so many goes on.
    """

    def __init__(self, sampler: optuna.samplers.BaseSampler, epochs: int, first: int, factor: int) -> None:
        super().__init__(sampler, optuna.pruners.NopPruner(), epochs, True, TrialState.PRUNED)
        self._first, self._factor = first, factor
        self._paused: dict[int, float] = {}  # the value of the last epoch before the pause
        self._promoted: set[int] = set()
        self._tasks: dict[int, Task] = {}

    @override
    def ask(self) -> Task:
        """The best paused training among the best of its kind, else a new trial; the default is trained whole."""
        count = len(self._paused) // self._factor
        best = sorted(self._paused, key=lambda key: -self._paused[key])[:count]
        waiting = [key for key in best if key not in self._promoted]
        if waiting:
            self._promoted.add(waiting[0])
            return Task(waiting[0], self._tasks[waiting[0]].values, self.epochs)
        task = super().ask()
        self._tasks[task.key] = task
        return task if task.key == 0 else Task(task.key, task.values, self._first)

    @override
    def report(self, key: int, epoch: int, value: float) -> bool:
        """Pauses it, or ends a promoted one."""
        if key not in self._promoted:
            goes_on = super().report(key, epoch, value)
            if epoch == self._first and key:
                self._paused[key] = value
                self._tell(key, state=TrialState.PRUNED)
            return goes_on
        self.curves[key].append(value)
        if epoch == self.epochs:
            self.values[key] = training_value(self.curves[key])
            begun = self.study.get_trials(deepcopy=False)[key]
            self.study.add_trial(
                create_trial(value=self.values[key], params=begun.params, distributions=begun.distributions)
            )
        return True

    @override
    def diverged(self, key: int) -> None:
        """Ends the trial; a promoted one has been told before."""
        if key not in self._promoted:
            super().diverged(key)
