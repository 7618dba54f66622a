"""A study that was begun by an earlier version goes on: by `run`, and by workers."""

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from search.space.space import Space
from search.study.enqueue import enqueue_default, share_values
from search.study.question import SCHEMA
from search.study.study import create_study, open_study
from search.study.warmstart import load_warm_starts
from storage.errors import StorageError
from storage.studies.attributes import StudyAttributes
from storage.studies.study import freeze_question, set_budget
from tests.e2e.conftest import Search, trials_in
from trainer.config import TrainConfig

# Stored by the versions of these commits for `Search.create_study(4)`: before data were looked at, and before budgets
# were in steps and weights were averaged.
QUESTIONS = {
    commit: json.loads(Path(__file__).with_name(f"question_{commit}.json").read_text())
    for commit in ("0f6bd92", "561e3f1")
}


@pytest.fixture(params=QUESTIONS)
def old(request: pytest.FixtureRequest) -> dict[str, Any]:
    question: dict[str, Any] = QUESTIONS[request.param]
    return question


@pytest.fixture
def old_search(search: Search, old: dict[str, Any]) -> Search:
    """With the study as that version left it, without trials yet."""
    study = optuna.create_study(study_name="fake", storage=search.db.storage, direction="maximize")
    freeze_question(search.db, study._study_id, old)
    set_budget(search.db, study._study_id, 4)
    StudyAttributes(question=old, data=str(search.data)).write(study)
    return search


def test_workers_go_on_with_it(old_search: Search, old: dict[str, Any]) -> None:
    assert old["schema"] < SCHEMA
    assert old_search.run(2) == 0
    done = trials_in(open_study(old_search.db, "fake"), TrialState.COMPLETE, TrialState.PRUNED)
    assert len(done) == 4


def test_the_same_search_file_goes_on_with_it(old_search: Search, old: dict[str, Any]) -> None:
    opened = old_search.create_study(4)
    assert opened.question["data.fingerprint"] == old["data.fingerprint"]
    assert opened.plan.base.data.names == ("background", "soil", "bedrock", "sand", "big rock")
    assert StudyAttributes.read(opened.study.user_attrs).question == opened.question
    assert old_search.run(1) == 0


def test_its_trainings_are_those_of_its_version(old_search: Search) -> None:
    base = old_search.create_study(4).plan.base
    assert (base.budget.steps, base.budget.epochs, base.budget.patience, base.budget.keep) == (None, 6, 20, "best")
    assert (base.optimizer.average, base.loss.weight_exponent, base.model.max_width) == (0.0, 0.5, 8192)
    assert (base.model.dropout, base.optimizer.learning_rate) == (0.1, 0.002)


def test_the_default_is_not_tried_in_it(old_search: Search) -> None:
    opened = old_search.create_study(4)
    assert enqueue_default(old_search.db, opened) == [] and opened.study.get_trials() == []


def test_a_start_has_its_budget(old_search: Search) -> None:
    file = old_search.folder / "mine.toml"
    file.write_text("model = { width = 16 }\n")
    (start,) = load_warm_starts([str(file)], TrainConfig(), Space(()))
    (shared,) = share_values([start], old_search.create_study(4).plan.base)
    assert (shared.config.budget.steps, shared.config.budget.keep) == (None, "best")


def test_a_command_that_names_steps_is_refused(old_search: Search) -> None:
    opened = old_search.create_study(4)
    with pytest.raises(StorageError, match=r"train\.budget\.steps is null in the study and 50 here"):
        create_study(old_search.db, opened.plan, opened.question | {"train.budget.steps": 50})
