"""A study that an older version made goes on, and trains no configuration twice."""

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from search.space.space import digest
from search.study.question import complete_question, plan_from_question, question
from search.study.study import create_study, open_study
from search.study.upgrade import upgrade_digests
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.attributes import StudyAttributes, TrialAttributes
from storage.studies.configurations import take_configuration, taken_digests
from storage.studies.study import freeze_question, set_budget
from trainer.config import TrainConfig
from trainer.configfile import override

# Stored by a search of the version of commit 19449e7.
OLD: dict[str, Any] = json.loads(Path(__file__).with_name("question_19449e7.json").read_text())


@pytest.fixture
def old_study(db: Database) -> optuna.Study:
    """The study of an older version, as it lies in the database."""
    study = optuna.create_study(study_name="old", storage=db.storage, direction="maximize")
    freeze_question(db, study._study_id, OLD)
    set_budget(db, study._study_id, 2)
    StudyAttributes(question=OLD, data="mars.npz").write(study)
    return study


def test_the_same_search_file_goes_on_with_it(db: Database, old_study: optuna.Study) -> None:
    plan = plan_from_question(complete_question(OLD), "old", 2, "mars.npz")
    asked = question(plan, OLD["data.fingerprint"], "tensorflow")
    opened = create_study(db, plan, asked)
    assert opened.plan.base == plan.base and opened.plan.space == plan.space
    assert StudyAttributes.read(old_study.user_attrs).question == asked


def test_a_worker_opens_it(db: Database, old_study: optuna.Study) -> None:
    opened = open_study(db, "old")
    assert opened.plan.base.model.width == 4 and opened.plan.base.model.gate == "additive"


def test_a_value_that_differs_is_refused_as_ever(db: Database, old_study: optuna.Study) -> None:
    plan = plan_from_question(complete_question(OLD | {"train.model.fusion": "weighted"}), "old", 2, "mars.npz")
    with pytest.raises(StorageError, match=r'train\.model\.fusion is "none" in the study and "weighted" here'):
        create_study(db, plan, question(plan, OLD["data.fingerprint"], "tensorflow"))


def test_trials_are_known_by_todays_digests(db: Database, old_study: optuna.Study) -> None:
    config = override(TrainConfig(), {"model.width": 4})
    tables = config.model_dump(mode="json")
    del tables["model"]["gate"]  # a field that came later
    trial, waiting = old_study.ask(), TrialAttributes(digest="old of waiting", base=tables)
    TrialAttributes(digest="old", config=tables).write(trial)
    old_study.enqueue_trial({}, user_attrs=waiting.as_json())
    with db.engine.begin() as connection:
        assert take_configuration(connection, old_study._study_id, "old", trial._trial_id)
    assert upgrade_digests(db) == 2
    assert taken_digests(db, old_study._study_id) == {digest(config)}
    assert [found.user_attrs["digest"] for found in old_study.trials] == [digest(config)] * 2
    assert upgrade_digests(db) == 0


def test_a_trial_of_schema_2_is_known_by_what_it_is_called_today(db: Database, old_study: optuna.Study) -> None:
    base = plan_from_question(complete_question(OLD), "old", 2, "mars.npz").base
    tables = base.model_dump(mode="json")
    exponents = {0.0: "none", 0.5: "sqrt", 1.0: "inverse"}
    tables["loss"] |= {"class_weights": exponents[tables["loss"].pop("weight_exponent")], "beta": 0.5}
    for table, key in (("budget", "steps"), ("budget", "keep"), ("optimizer", "average"), ("model", "max_width")):
        del tables[table][key]
    trial = old_study.ask()
    TrialAttributes(digest="old", config=tables).write(trial)
    assert upgrade_digests(db) == 1
    assert old_study.trials[0].user_attrs["digest"] == digest(base)


def test_a_configuration_with_a_field_that_is_no_more_keeps_its_digest(db: Database, old_study: optuna.Study) -> None:
    trial = old_study.ask()
    TrialAttributes(digest="old", config={"model": {"magic": 3}}).write(trial)
    old_study.tell(trial, state=TrialState.FAIL)
    assert upgrade_digests(db) == 0 and old_study.trials[0].user_attrs["digest"] == "old"
