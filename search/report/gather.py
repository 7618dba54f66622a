"""What the report shows of a study, taken from the database."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from search.study.leaderboard import leaderboard
from search.study.study import OpenStudy
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.status import StudyStatus, study_status
from storage.studies.study import get_budget, stop_reason
from trainer.data.dataset import class_names

LEADERS = 10
LEAST_FOR_IMPORTANCES = 10  # complete trials; of fewer the best tenth is no more than one of a handful
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Curve:
    """A trial's mIoU by epoch; no epoch for one that ended before its first."""

    number: int
    complete: bool
    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Entry:
    """A complete trial on the leaderboard. What an older version did not keep is None."""

    trial: FrozenTrial
    name: str | None
    miou: float
    miou_keras: float | None
    iou: tuple[float | None, ...]  # one a scored class
    best_epoch: int | None
    curve: Curve
    parameters: int | None
    device_s: float

    @property
    def number(self) -> int:
        return self.trial.number


@dataclass(frozen=True)
class Difference:
    """A parameter with the value that each of the leaders has, best first; None where it does not apply."""

    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Report:
    """A study as its page shows it."""

    opened: OpenStudy
    status: StudyStatus
    budget: int
    stopped: str | None
    begun: datetime | None  # UTC, as all times
    ended: datetime | None  # of the last finished trial
    devices: tuple[str, ...]
    images: tuple[int, int] | None  # of training and validation, where a trial has kept them
    classes: tuple[str, ...]  # the scored ones
    leaders: tuple[Entry, ...]  # at most LEADERS, best first
    complete: tuple[Entry, ...]  # every complete trial, best first
    curves: tuple[Curve, ...]  # of complete and pruned trials, by number
    differing: tuple[Difference, ...]
    importances: Mapping[str, float]  # shares, largest first; none of too few trials


def gather(opened: OpenStudy, db: Database) -> Report:
    """Reads the study through Optuna's cache, and what SQL gives faster by SQL."""
    study, data = opened.study, opened.plan.base.data
    trials = study.get_trials(deepcopy=False)
    attributes = [TrialAttributes.read(trial.user_attrs) for trial in trials]
    scored = [label for label in range(data.classes) if label != data.ignore]
    complete = tuple(entry_of(trial, scored) for trial in leaderboard(study) if trial.value is not None)
    leaders = complete[:LEADERS]
    names = class_names(data)
    return Report(
        opened=opened,
        status=study_status(db, opened.study_id),
        budget=get_budget(db, opened.study_id),
        stopped=stop_reason(db, opened.study_id),
        begun=min((trial.datetime_start for trial in trials if trial.datetime_start), default=None),
        ended=max((trial.datetime_complete for trial in trials if trial.datetime_complete), default=None),
        devices=tuple(sorted({trial.device for trial in attributes if trial.device is not None})),
        images=next((trial.images for trial in attributes if trial.images is not None), None),
        classes=tuple(names[label] for label in scored),
        leaders=leaders,
        complete=complete,
        curves=tuple(_curve(trial) for trial in trials if trial.state in FINISHED),
        differing=differences([entry.trial.params for entry in leaders]),
        importances=importances(study) if len(complete) >= LEAST_FOR_IMPORTANCES else {},
    )


def importances(study: optuna.Study) -> dict[str, float]:
    """Shares, largest first, of what sets a study's best tenth of complete trials apart (PED-ANOVA, arXiv 2304.10255).

    Without a target Optuna follows the study's direction; one that is given must be such that low is good.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of trials too few to tell, which then have equal shares
        return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())


def differences(params: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """The parameters that are not the same in all of them, by path."""
    paths = sorted({path for values in params for path in values})
    rows = [Difference(path, tuple(values.get(path) for values in params)) for path in paths]
    return tuple(row for row in rows if any(value != row.values[0] for value in row.values))


def entry_of(trial: FrozenTrial, scored: Sequence[int]) -> Entry:
    """A complete trial's figures; `scored` are the labels that count."""
    attributes = TrialAttributes.read(trial.user_attrs)
    iou = attributes.iou
    return Entry(
        trial=trial,
        name=attributes.name,
        miou=trial.value or 0.0,
        miou_keras=attributes.miou_keras,
        iou=tuple(iou[label] if label < len(iou) else None for label in scored),
        best_epoch=attributes.best_epoch,
        curve=_curve(trial),
        parameters=attributes.parameters,
        device_s=attributes.device_s,
    )


def _curve(trial: FrozenTrial) -> Curve:
    points = sorted((epoch, value) for epoch, value in trial.intermediate_values.items() if math.isfinite(value))
    epochs, values = zip(*points, strict=True) if points else ((), ())
    return Curve(trial.number, trial.state == TrialState.COMPLETE, epochs, values)
