"""The pruner of a study; its steps are epochs, counted from 1."""

import math

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial
from typing_extensions import override

from search.study.plan import StudyTable
from search.study.warmstart import DEFAULT
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.medians import median_at_epoch


class MedianPruner(BasePruner):
    """Prunes a trial whose best value is below the median of complete trials at its last epoch.

    Decides as `optuna.pruners.MedianPruner` does, which reads every running trial whole from the database each time.

    Args:
        db: the study's database.
        startup_trials: complete trials before the first is pruned.
        warmup: epochs before a trial may be pruned.
    """

    def __init__(self, db: Database, startup_trials: int, warmup: int) -> None:
        self._db, self._startup_trials, self._warmup = db, startup_trials, warmup

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        epoch = trial.last_step
        if epoch is None or epoch < self._warmup:
            return False
        median = median_at_epoch(self._db, study._study_id, epoch)
        if median.value is None or median.trials < self._startup_trials:
            return False
        return max(filter(math.isfinite, trial.intermediate_values.values()), default=math.inf) < median.value


class SparingPruner(BasePruner):
    """Prunes what another pruner would, but for the default: so every study has its whole value to be compared with."""

    def __init__(self, pruner: BasePruner) -> None:
        self._pruner = pruner

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        return self._pruner.prune(study, trial) and TrialAttributes.read(trial.user_attrs).name != DEFAULT


def make_pruner(db: Database, study: StudyTable, epochs: int) -> BasePruner:
    """The pruner that `[study]` names; `epochs` are those of a whole training."""
    warmup = max(1, round(study.warmup * epochs))
    if study.pruner == "median":
        return SparingPruner(MedianPruner(db, study.startup_trials, warmup))
    if study.pruner == "halving":
        return SparingPruner(optuna.pruners.SuccessiveHalvingPruner(min_resource=warmup, reduction_factor=3))
    return optuna.pruners.NopPruner()
