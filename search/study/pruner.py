"""The pruner of a study; its steps are epochs, counted from 1."""

import math
from types import SimpleNamespace
from typing import Any, cast

import optuna
from optuna.pruners import BasePruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial
from typing_extensions import override

from search.study.plan import StudyTable
from search.study.warmstart import DEFAULT
from storage.database.complete_trials import count_complete
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.medians import LATEST, median_at_epoch
from storage.studies.rungs import read_rungs


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
    """`optuna.pruners.SuccessiveHalvingPruner`, without reading every trial whole.

    Args:
        db: the study's database.
        startup_trials: complete trials before the first is pruned; earlier ones are compared with, too.
        warmup: epochs before the first rung.
        reduction_factor: one of so many trials that reach a rung goes on; the next rung is so many times as far.
    """

    def __init__(self, db: Database, startup_trials: int, warmup: int, reduction_factor: int) -> None:
        self._db, self._startup_trials = db, startup_trials
        self._pruner = SuccessiveHalvingPruner(warmup, reduction_factor)

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        is_behind = self._pruner.prune(cast(optuna.Study, _StudyOfRungs(self._db, study)), trial)
        return is_behind and count_complete(self._db, study._study_id) >= self._startup_trials


class _StudyOfRungs:
    """As much of a study as `SuccessiveHalvingPruner` looks at."""

    def __init__(self, db: Database, study: optuna.Study) -> None:
        self._db, self._study_id = db, study._study_id
        self._storage, self.direction = study._storage, study.direction

    def get_trials(self, deepcopy: bool) -> list[Any]:
        return [SimpleNamespace(system_attrs=rungs) for rungs in read_rungs(self._db, self._study_id)]


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
