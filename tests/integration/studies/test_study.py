"""A study has one question and one budget, and goes on until it is stopped."""

import optuna
import pytest
from sqlalchemy.exc import IntegrityError

from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.study import freeze_question, get_budget, resume_study, set_budget, stop_reason, stop_study

QUESTION = {"data": {"fingerprint": "abc", "limit": None}, "epochs": 30, "space": ["a", "b"], "rate": 1e-5}


def test_the_same_question_is_accepted_again(db: Database, study: optuna.Study) -> None:
    freeze_question(db, study._study_id, QUESTION)
    freeze_question(db, study._study_id, QUESTION | {"space": ("a", "b")})


def test_a_differing_question_names_keys_and_both_values(db: Database, study: optuna.Study) -> None:
    freeze_question(db, study._study_id, QUESTION)
    other = {"data": {"fingerprint": "x" * 500, "limit": None}, "epochs": 60, "space": ["a", "b"], "engine": "jax"}
    with pytest.raises(StorageError) as caught:
        freeze_question(db, study._study_id, other)
    message = str(caught.value)
    assert 'data.fingerprint is "abc" in the study and "xxx' in message
    assert "epochs is 30 in the study and 60 here" in message
    assert 'engine is missing in the study and "jax" here' in message
    assert "rate is 1e-05 in the study and missing here" in message
    assert "limit" not in message and "space" not in message and "\n" not in message and len(message) < 600


def test_a_refused_question_changes_nothing(db: Database, study: optuna.Study) -> None:
    freeze_question(db, study._study_id, QUESTION)
    with pytest.raises(StorageError):
        freeze_question(db, study._study_id, QUESTION | {"epochs": 60})
    freeze_question(db, study._study_id, QUESTION)


def test_the_question_does_not_change_the_budget(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 7)
    freeze_question(db, study._study_id, QUESTION)
    assert get_budget(db, study._study_id) == 7


def test_a_negative_budget_is_refused(db: Database, study: optuna.Study) -> None:
    with pytest.raises(StorageError, match="0 or more; got -1"):
        set_budget(db, study._study_id, -1)


def test_a_stopped_study_says_why(db: Database, study: optuna.Study) -> None:
    assert stop_reason(db, study._study_id) is None
    stop_study(db, study._study_id, "3 failures in a row")
    assert stop_reason(db, study._study_id) == "3 failures in a row"
    resume_study(db, study._study_id)
    assert stop_reason(db, study._study_id) is None


def test_only_studies_of_optuna_have_a_row(db: Database) -> None:
    with pytest.raises(IntegrityError):
        set_budget(db, 999, 1)
