"""Which trial has which configuration."""

import optuna
import pytest
from optuna.trial import TrialState

from storage.database.connection import Database
from storage.studies.configurations import find_configuration, take_configuration


def find(db: Database, study: optuna.Study, digest: str = "abc") -> int | None:
    with db.engine.connect() as connection:
        return find_configuration(connection, study._study_id, digest)


def test_a_waiting_trial_has_its_configuration(db: Database, study: optuna.Study) -> None:
    study.enqueue_trial({}, user_attrs={"digest": "other"})
    study.enqueue_trial({}, user_attrs={"digest": "abc"})
    assert find(db, study) == 1
    assert find(db, study, "none") is None


@pytest.mark.parametrize("taken", [True, False])
def test_a_failed_trial_has_a_configuration_that_it_took(db: Database, study: optuna.Study, taken: bool) -> None:
    trial = study.ask()
    trial.set_user_attr("digest", "abc")
    if taken:
        with db.engine.begin() as connection:
            take_configuration(connection, study._study_id, "abc", trial._trial_id)
    study.tell(trial, state=TrialState.FAIL)
    assert find(db, study) == (0 if taken else None)


def test_another_studys_trial_does_not_count(db: Database, study: optuna.Study) -> None:
    other = optuna.create_study(study_name="other", storage=db.storage)
    other.enqueue_trial({}, user_attrs={"digest": "abc"})
    assert find(db, study) is None
