"""The pruner of a study; its steps are epochs, counted from 1."""

import math

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial
from typing_extensions import override

from search.study.plan import StudyTable
from search.study.warmstart import DEFAULT
from storage.database.complete_trials import count_complete
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.medians import LATEST, median_at_epoch
from storage.studies.rungs import read_standing, rung_key


class MedianPruner(BasePruner):
    """Prunes a trial whose best value is below the median of complete trials at its last epoch.

    Decides as `optuna.pruners.MedianPruner` does, which reads every running trial whole from the database each time,
    but of more than LATEST complete trials by the latest alone.

    Args:
        db: the study's database.
        startup_trials: complete trials before the first is pruned.
        warmup: epochs before a trial may be pruned.
    """

    def __init__(self, db: Database, startup_trials: int, warmup: int) -> None:
        self._db, self._startup_trials, self._warmup = db, startup_trials, warmup
        self._latest = max(LATEST, startup_trials)

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        epoch = trial.last_step
        if epoch is None or epoch < self._warmup:
            return False
        median = median_at_epoch(self._db, study._study_id, epoch, self._latest)
        if median.value is None or median.trials < self._startup_trials:
            return False
        return max(filter(math.isfinite, trial.intermediate_values.values()), default=math.inf) < median.value


class HalvingPruner(BasePruner):
    """Prunes a trial that is not among the best of all that have reached the same rung: asynchronous halving.

    Decides as `optuna.pruners.SuccessiveHalvingPruner` does, which reads every trial whole from the database each time.
    The first rung is at the end of the warm-up, each other one `reduction_factor` times as far.

    Args:
        db: the study's database.
        startup_trials: complete trials before the first is pruned; earlier ones are compared with, too.
        warmup: epochs before the first rung.
        reduction_factor: one of so many goes on.
    """

    def __init__(self, db: Database, startup_trials: int, warmup: int, reduction_factor: int) -> None:
        self._db, self._startup_trials = db, startup_trials
        self._warmup, self._factor = warmup, reduction_factor

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        epoch, rung = trial.last_step, 0
        if epoch is None or epoch < self._warmup:
            return False
        while rung_key(rung) in trial.system_attrs:
            rung += 1
        while epoch >= self._warmup * self._factor**rung:
            value = trial.intermediate_values[epoch]
            study._storage.set_trial_system_attr(trial._trial_id, rung_key(rung), value)
            standing = read_standing(self._db, study._study_id, rung, value)
            if standing.better >= max(1, standing.reached // self._factor):
                return count_complete(self._db, study._study_id) >= self._startup_trials
            rung += 1
        return False


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
        return SparingPruner(HalvingPruner(db, study.startup_trials, warmup, study.reduction_factor))
    return optuna.pruners.NopPruner()
