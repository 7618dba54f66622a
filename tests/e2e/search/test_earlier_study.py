"""A study that was begun by the version before data were looked at goes on: by `run`, and by workers."""

import json
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from search.study.question import SCHEMA
from search.study.study import open_study
from storage.studies.attributes import StudyAttributes
from storage.studies.study import freeze_question, set_budget
from tests.e2e.conftest import Search, trials_in

# Stored by the version of commit 0f6bd92 for `Search.create_study(4)`.
OLD: dict[str, Any] = json.loads(Path(__file__).with_name("question_0f6bd92.json").read_text())


def make_old_study(search: Search) -> None:
    """The study as that version left it, without trials yet."""
    study = optuna.create_study(study_name="fake", storage=search.db.storage, direction="maximize")
    freeze_question(search.db, study._study_id, OLD)
    set_budget(search.db, study._study_id, 4)
    StudyAttributes(question=OLD, data=str(search.data)).write(study)


def test_workers_go_on_with_it(search: Search) -> None:
    make_old_study(search)
    assert OLD["schema"] < SCHEMA
    assert search.run(2) == 0
    done = trials_in(open_study(search.db, "fake"), TrialState.COMPLETE, TrialState.PRUNED)
    assert len(done) == 4


def test_the_same_search_file_goes_on_with_it(search: Search) -> None:
    make_old_study(search)
    opened = search.create_study(4)
    assert opened.question["data.fingerprint"] == OLD["data.fingerprint"]
    assert opened.plan.base.data.names == ("background", "soil", "bedrock", "sand", "big rock")
    assert StudyAttributes.read(opened.study.user_attrs).question == opened.question
    assert search.run(1) == 0
