"""Rules that end a trial early, as candidates for the product's."""

from statistics import fmean

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState
from scipy.special import ndtri
from typing_extensions import override

from benchmarks.replay.method import training_value
from benchmarks.replay.problem import Floats

SMOOTHED = 3  # epochs of a mean
RIDGE = 1e-3  # of the regression, beside variances of about 0.01


class NoisePruner(BasePruner):
    """Prunes a trial that is behind the best quarter by more than noise explains.

    Compared are means of the last epochs, at the same epoch, of all trials that have reached it.

    Args:
        warmup: epochs before a trial may be pruned.
        share: of the trials, the best ones.
        limit: standard deviations of the difference of two trainings.
        noise: the standard deviation of one.
        startup: trials that must have reached the epoch.
    """

    def __init__(
        self, warmup: int, share: float = 0.25, limit: float = 1.0, noise: float = 0.02, startup: int = 4
    ) -> None:
        self._warmup, self._share, self._startup = warmup, share, startup
        self._margin = limit * np.sqrt(2) * noise

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        epoch = trial.last_step
        if epoch is None or epoch < self._warmup:
            return False
        others = [
            _smoothed(other, epoch)
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and epoch in other.intermediate_values
        ]
        if len(others) < self._startup:
            return False
        rank = max(1, round(self._share * len(others)))
        return bool(_smoothed(trial, epoch) < sorted(others, reverse=True)[rank - 1] - self._margin)


class ExtrapolationPruner(BasePruner):
    """Prunes a trial that will hardly be among the best: its value is predicted by a regression on complete trials.

    The predictors at an epoch are its value, the mean of the last epochs, and the gain since half of the epochs.

    Args:
        warmup: epochs before a trial may be pruned.
        rank: of the complete trial that it must reach.
        chance: of reaching it, below which it is pruned.
        startup: complete trials that the regression needs.
    """

    def __init__(self, warmup: int, rank: int = 1, chance: float = 0.05, startup: int = 8) -> None:
        self._warmup, self._rank, self._chance, self._startup = warmup, rank, chance, startup
        self._curves: dict[int, Floats] = {}  # of complete trials
        self._fits: dict[int, tuple[int, Floats, float]] = {}  # by epoch, of so many complete trials

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        epoch = trial.last_step
        if epoch is None or epoch < self._warmup:
            return False
        for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            if other.number not in self._curves:
                reports = other.intermediate_values
                self._curves[other.number] = np.array([reports[e] for e in sorted(reports)])
        if len(self._curves) < self._startup:
            return False
        weights, deviation = self._fit(epoch)
        curve = np.array([trial.intermediate_values[e] for e in range(1, epoch + 1)])
        expected = float(_predictors(curve[None], epoch)[0] @ weights)
        values = sorted((training_value(curve.tolist()) for curve in self._curves.values()), reverse=True)
        target = values[min(self._rank, len(values)) - 1]
        return bool(expected + _quantile(self._chance) * deviation < target)

    def _fit(self, epoch: int) -> tuple[Floats, float]:
        """The weights of the predictors at an epoch, and the deviation of what they leave."""
        known = self._fits.get(epoch)
        if known is None or known[0] != len(self._curves):
            table = np.array(list(self._curves.values()))
            values = np.array([training_value(curve.tolist()) for curve in table])
            points = _predictors(table, epoch)
            ridge = RIDGE * np.eye(points.shape[1])
            ridge[0, 0] = 0
            weights = np.linalg.solve(points.T @ points + ridge, points.T @ values)
            left = values - points @ weights
            deviation = float(np.sqrt((left**2).sum() / max(1, len(values) - points.shape[1])))
            known = self._fits[epoch] = (len(self._curves), weights, deviation)
        return known[1], known[2]


class StartedPruner(BasePruner):
    """Prunes what another pruner would, once enough trials are complete; the other is asked from the first on.

    Args:
        pruner: the other.
        startup: complete trials.
    """

    def __init__(self, pruner: BasePruner, startup: int) -> None:
        self._pruner, self._startup = pruner, startup

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return self._pruner.prune(study, trial) and len(complete) >= self._startup


class OncePruner(BasePruner):
    """Prunes at one epoch alone, a trial that is not among the best share of all that have reached it.

    Args:
        epoch: at which it decides.
        share: of the trials that go on.
        startup: trials that must have reached the epoch.
    """

    def __init__(self, epoch: int, share: float, startup: int = 4) -> None:
        self._epoch, self._share, self._startup = epoch, share, startup

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        if trial.last_step != self._epoch:
            return False
        reached = [other for other in study.get_trials(deepcopy=False) if self._epoch in other.intermediate_values]
        if len(reached) <= self._startup:
            return False
        ahead = sum(_smoothed(other, self._epoch) > _smoothed(trial, self._epoch) for other in reached)
        return ahead >= max(1, self._share * len(reached))


def _smoothed(trial: FrozenTrial, epoch: int) -> float:
    """The mean of a trial's last epochs up to one."""
    return fmean(trial.intermediate_values[e] for e in range(max(1, epoch - SMOOTHED + 1), epoch + 1))


def _predictors(curves: Floats, epoch: int) -> Floats:
    """(curves, 4)"""
    mean = curves[:, max(0, epoch - SMOOTHED) : epoch].mean(1)
    half = curves[:, max(0, epoch // 2 - 1) : max(1, epoch // 2 + 1)].mean(1)
    return np.stack([np.ones(len(curves)), curves[:, epoch - 1], mean, mean - half], 1)


def _quantile(chance: float) -> float:
    """How many deviations a normal value exceeds with a chance: 1.64 for 0.05."""
    return float(-ndtri(chance))
