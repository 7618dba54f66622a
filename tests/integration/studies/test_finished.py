"""Finished trials are read once, whatever their order."""

import optuna
from optuna.trial import TrialState

from storage.database.connection import Database
from storage.studies.attributes import DUPLICATE, NOT_TRAINED
from storage.studies.finished import Finished, FinishedTrials


def read_new(finished: FinishedTrials) -> list[int]:
    """The numbers of the new trials, which are seen from now on."""
    numbers = [trial.number for trial in finished.read()]
    finished.mark_seen(numbers)
    return numbers


def test_each_trial_is_new_once(db: Database, study: optuna.Study) -> None:
    finished = FinishedTrials(db, study._study_id)
    trials = [study.ask() for _ in range(5)]
    assert read_new(finished) == []
    study.tell(trials[3], 0.5)
    study.tell(trials[1], state=TrialState.FAIL)
    assert read_new(finished) == [1, 3] and read_new(finished) == []
    study.tell(trials[0], state=TrialState.PRUNED)
    assert read_new(finished) == [0]
    study.tell(trials[4], 0.5)
    study.tell(trials[2], 0.5)
    assert read_new(finished) == [2, 4] and read_new(finished) == []


def test_trials_stay_new_until_they_are_seen(db: Database, study: optuna.Study) -> None:
    finished = FinishedTrials(db, study._study_id)
    study.tell(study.ask(), 0.5)
    assert finished.numbers() == finished.numbers() == [0]


def test_trials_that_wait_or_run_are_not_finished(db: Database, study: optuna.Study) -> None:
    study.enqueue_trial({"x": 1})
    study.ask()
    study.enqueue_trial({"x": 2})
    assert FinishedTrials(db, study._study_id).read() == []


def test_other_studies_are_left_out(db: Database, study: optuna.Study) -> None:
    other = optuna.create_study(study_name="other", storage=db.storage)
    other.tell(other.ask(), 0.5)
    assert FinishedTrials(db, study._study_id).read() == []


def test_they_are_as_optuna_has_them(db: Database, study: optuna.Study) -> None:
    for cause, value in (("nan", None), (None, 0.5), (None, float("inf"))):
        trial = study.ask()
        if cause:
            trial.set_user_attr("cause", cause)
        study.tell(trial, value, state=TrialState.FAIL if value is None else TrialState.COMPLETE)
    found = FinishedTrials(db, study._study_id).read()
    assert [(trial.state, trial.value) for trial in found] == [("FAIL", None), ("COMPLETE", 0.5), ("COMPLETE", None)]
    assert found[0].attributes.cause == "nan"


def test_what_was_drawn_and_not_trained_is_no_failure(db: Database, study: optuna.Study) -> None:
    for cause in (*NOT_TRAINED, "OSError: no", None):
        trial = study.ask()
        if cause:
            trial.set_user_attr("cause", cause)
        study.tell(trial, state=TrialState.FAIL)
    found: list[Finished] = FinishedTrials(db, study._study_id).read()
    assert DUPLICATE in NOT_TRAINED
    assert [trial.was_trained for trial in found] == [False] * len(NOT_TRAINED) + [True, True]
