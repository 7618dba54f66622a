"""Which parameters matter in a large study, from its complete trials' parameters and values alone.

Optuna-dashboard reads every trial with all its reports and attributes, and computes anew after each complete trial.
"""

import warnings
from collections.abc import Container
from typing import Any

import optuna
from bottle import Bottle
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard._importance import convert_to_importance_type
from typing_extensions import override

from search.dashboard.routes import Callback, replace_route
from storage.database.complete_trials import count_complete, read_complete
from storage.database.connection import Database
from storage.database.trial_rows import suits_optuna

RULE = "/api/studies/<study_id:int>/param_importances"
LARGE = 1000  # complete trials; the library's own answer about fewer is fast
GROWTH = 1.01  # how many times as many trials there must be before the importances are computed again


class Importances:
    """The importances of a database's large studies."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[int, tuple[int, Any]] = {}  # by study: of how many trials, and the answer

    def take_over(self, dashboard: Bottle) -> None:
        """Lets the dashboard tell importances in this way, where Optuna's tables are those that are read."""
        if suits_optuna():
            replace_route(dashboard, "GET", RULE, lambda theirs: lambda study_id: self._answer(study_id, theirs))

    def _answer(self, study_id: int, theirs: Callback) -> Any:
        """The answer to a request; the library's own where the study is small, or has several objectives."""
        complete = count_complete(self._db, study_id)
        if complete < LARGE or len(self._db.storage.get_study_directions(study_id)) > 1:
            return theirs(study_id=study_id)
        counted, answer = self._known.get(study_id, (0, None))
        if answer is None or complete > GROWTH * counted:
            trials = read_complete(self._db, study_id)
            if not (importances := self._compute(study_id, trials)):
                return theirs(study_id=study_id)
            answer = {"param_importances": [convert_to_importance_type(importances, trials)]}
            self._known[study_id] = complete, answer
        return answer

    def _compute(self, study_id: int, trials: list[FrozenTrial]) -> dict[str, float]:
        """As the library does it: by PED-ANOVA (arXiv 2304.10255), for which low values are good."""
        study = _Finished(self._db, study_id, trials)
        sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that low values are good
            return get_param_importances(
                study, target=lambda trial: sign * trial.values[0], evaluator=PedAnovaImportanceEvaluator()
            )


class _Finished(optuna.Study):
    """A study whose complete trials have been read."""

    def __init__(self, db: Database, study_id: int, trials: list[FrozenTrial]) -> None:
        super().__init__(db.storage.get_study_name_from_id(study_id), db.storage)
        self._complete = trials

    @override
    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        return self._complete
