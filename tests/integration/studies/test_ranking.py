"""The best trials by SQL are those of the leaderboard."""

import math

import optuna
from optuna.trial import TrialState

from search.study.leaderboard import leaderboard
from storage.database.connection import Database
from storage.studies.ranking import finished_among, read_best

VALUES = (0.25, 0.75, -math.inf, 0.5, 0.75, math.inf, 1e300, 0.0)


def test_the_best_trials_are_those_of_the_leaderboard(db: Database, study: optuna.Study) -> None:
    for value in VALUES:
        study.tell(study.ask(), value)
    study.tell(study.ask(), state=TrialState.PRUNED)
    for count in (0, 3, len(VALUES) + 1):
        found = [(trial.number, trial.value) for trial in read_best(db, study._study_id, count)]
        assert found == [(trial.number, trial.value) for trial in leaderboard(study, count)]


def test_finished_trials_are_known_by_their_numbers(db: Database, study: optuna.Study) -> None:
    for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL):
        study.tell(study.ask(), 0.5 if state == TrialState.COMPLETE else None, state)
    study.ask()
    study.enqueue_trial({})
    assert finished_among(db, study._study_id, [0, 2, 3, 4, 99]) == {0, 2}
