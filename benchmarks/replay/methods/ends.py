"""Pruned trials as the sampler sees them: with the value that they would likely have had at their end.

Optuna's TPE takes any complete trial for better than any pruned one. Where only the best trials are complete that is
right; where a pruner decides early and by luck, most of what is known lies in the pruned ones.
"""

from collections.abc import Sequence
from copy import copy
from statistics import median

from optuna.trial import FrozenTrial, TrialState

FEWEST = 3  # complete trials, from which the rest of a training is known


def with_likely_ends(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials, pruned ones complete: each gains what complete ones gained in the median since its last epoch."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if len(complete) < FEWEST:
        return list(trials)
    return [_end(trial, complete) if trial.state == TrialState.PRUNED else trial for trial in trials]


def _end(trial: FrozenTrial, complete: Sequence[FrozenTrial]) -> FrozenTrial:
    epoch = trial.last_step
    gains = [
        (one.value or 0.0) - one.intermediate_values[epoch] for one in complete if epoch in one.intermediate_values
    ]
    if epoch is None or not gains:
        return trial
    ended = copy(trial)
    ended.state = TrialState.COMPLETE
    ended.value = trial.intermediate_values[epoch] + median(gains)
    return ended
