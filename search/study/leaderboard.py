"""The ranking of a study's trials by their value."""

from statistics import median

import optuna
from optuna.trial import FrozenTrial, TrialState


def leaderboard(study: optuna.Study, count: int | None = None) -> list[FrozenTrial]:
    """The `count` best COMPLETE trials (all by default), best first; of equal values the lower number comes first."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(trials, key=lambda trial: (-(trial.value or 0.0), trial.number))[:count]


def median_value(study: optuna.Study) -> float:
    """The median mIoU over the complete and pruned trials; 0 before the first."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return median([trial.value for trial in trials if trial.value is not None] or [0.0])
