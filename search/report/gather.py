"""The data of a study's report, from the database."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from search.report.entry import LEADERS, Curve, Entry, make_curve, make_entry
from search.report.tradeoff import Tradeoff, weigh
from search.study.leaderboard import leaderboard
from search.study.parameters import list_parameters
from search.study.scoring import Scoring, scoring_of
from search.study.study import OpenStudy
from search.study.ties import LEAST_CHANCE, chance_to_beat
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.status import StudyStatus, study_status
from storage.studies.study import get_budget, stop_reason
from trainer.data.dataset import class_names
from trainer.metric import never_found

LEAST_FOR_IMPORTANCES = 10  # complete trials; of fewer the best tenth would be less than one trial
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Difference:
    """A parameter with its value in each of the leaders, best first; None where it does not apply."""

    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Report:
    """A study as its report shows it."""

    opened: OpenStudy
    scoring: Scoring
    status: StudyStatus
    budget: int
    stopped: str | None
    begun: datetime | None  # UTC, like all times
    ended: datetime | None  # of the last finished trial
    devices: tuple[str, ...]
    images: tuple[int, int] | None  # of training and validation; None where no trial has stored them
    classes: tuple[str, ...]  # the scored ones
    leaders: tuple[Entry, ...]  # at most LEADERS, best first
    complete: tuple[Entry, ...]  # every complete trial, best first
    curves: tuple[Curve, ...]  # of complete and pruned trials, by number
    differing: tuple[Difference, ...]
    importances: Mapping[str, float]  # shares, largest first; empty where there are too few trials
    tradeoff: Tradeoff | None  # value against cost

    @property
    def chances(self) -> list[float | None]:
        """The chance of each leader but the best to be better than the best; None where it is not known."""
        return [chance_to_beat(entry.resampled, self.leaders[0].resampled) for entry in self.leaders[1:]]

    @property
    def ties(self) -> list[int]:
        """The numbers of the leaders that are as good as the best, as far as the validation side can tell."""
        others = zip(self.leaders[1:], self.chances, strict=True)
        return [entry.number for entry, chance in others if chance is not None and chance >= LEAST_CHANCE]

    @property
    def unfound(self) -> list[str]:
        """The classes that the best trial never finds."""
        return never_found(self.leaders[0].iou, self.classes) if self.leaders else []


def gather(opened: OpenStudy, db: Database) -> Report:
    """Reads the study: trials through Optuna's cache, counts and budget by SQL, which is faster."""
    study, data = opened.study, opened.plan.base.data
    trials = study.get_trials(deepcopy=False)
    attributes = [TrialAttributes.read(trial.user_attrs) for trial in trials]
    scoring = scoring_of(opened.plan.base)
    complete = tuple(make_entry(trial, scoring.scored) for trial in leaderboard(study) if trial.value is not None)
    leaders = complete[:LEADERS]
    names = class_names(data)
    return Report(
        opened=opened,
        scoring=scoring,
        status=study_status(db, opened.study_id),
        budget=get_budget(db, opened.study_id),
        stopped=stop_reason(db, opened.study_id),
        begun=min((trial.datetime_start for trial in trials if trial.datetime_start), default=None),
        ended=max((trial.datetime_complete for trial in trials if trial.datetime_complete), default=None),
        devices=tuple(sorted({trial.device for trial in attributes if trial.device is not None})),
        images=next((trial.images for trial in attributes if trial.images is not None), None),
        classes=tuple(names[label] for label in scoring.scored),
        leaders=leaders,
        complete=complete,
        curves=tuple(make_curve(trial) for trial in trials if trial.state in FINISHED),
        differing=find_differences([list_parameters(entry.trial) for entry in leaders]),
        importances=compute_importances(study) if len(complete) >= LEAST_FOR_IMPORTANCES else {},
        tradeoff=weigh(complete),
    )


def compute_importances(study: optuna.Study) -> dict[str, float]:
    """Each parameter's share in what sets the best tenth of complete trials apart, largest first.

    By PED-ANOVA (arXiv 2304.10255), in the study's direction; a `target` would have to be one of which low is good.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that trials are too few; then the shares are equal
        return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())


def find_differences(params: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """The parameters whose values are not the same in all trials, by path."""
    paths = sorted({path for values in params for path in values})
    rows = [Difference(path, tuple(values.get(path) for values in params)) for path in paths]
    return tuple(row for row in rows if any(value != row.values[0] for value in row.values))
