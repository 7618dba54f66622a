"""A study is created once, and its budget changes when somebody says so."""

from typing import Any

import optuna
import pytest

from search.study.plan import load_plan
from search.study.question import question
from search.study.study import OpenStudy, change_budget, create_study
from storage.database.connection import Database
from storage.studies.study import get_budget
from trainer.errors import InputError


def create(db: Database, **study: Any) -> OpenStudy:
    plan = load_plan(None, study={"name": "new"} | study)
    return create_study(db, plan, question(plan, "abc", "tensorflow"))


def change(db: Database, opened: OpenStudy, in_file: int | None, given: int | None) -> str | None:
    """What is said of the budget by a command whose file and command line name these numbers of trials."""
    plan = load_plan(None, study={"name": "new", "trials": given or in_file})
    return change_budget(db, opened, plan, given)


@pytest.mark.parametrize(
    ("in_file", "given", "after", "words"),
    [
        (None, None, 20, None),
        (20, None, 20, None),
        (None, 20, 20, None),
        (6, None, 20, "keeps its 20 trials, more than the 6 of the file; --trials 6 lowers them"),
        (30, None, 30, "has 30 trials now; before it had 20"),
        (None, 30, 30, "has 30 trials now; before it had 20"),
        (30, 6, 6, "has 6 trials now; before it had 20"),
    ],
)
def test_only_a_number_that_somebody_names_lowers_a_budget(
    db: Database, in_file: int | None, given: int | None, after: int, words: str | None
) -> None:
    opened = create(db, trials=20)
    line = change(db, opened, in_file, given)
    assert get_budget(db, opened.study_id) == after
    assert line is None if words is None else words in str(line)


def test_a_study_that_exists_keeps_its_budget(db: Database) -> None:
    create(db, trials=20)
    assert get_budget(db, create(db, trials=6).study_id) == 20


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_study_of_another_program_is_refused_and_left_alone(db: Database, direction: str) -> None:
    theirs = optuna.create_study(study_name="new", storage=db.storage, direction=direction)
    theirs.tell(theirs.ask(), 1.0)
    with pytest.raises(InputError, match="got 'new', which another program made; give another name with --study"):
        create(db)
    assert theirs.user_attrs == {} and len(theirs.trials) == 1


def test_an_empty_study_of_a_command_that_was_killed_is_completed(db: Database) -> None:
    optuna.create_study(study_name="new", storage=db.storage, direction="maximize")
    assert create(db, trials=3).plan.study.trials == 3


@pytest.mark.parametrize("directions", [["minimize"], ["maximize", "minimize"]])
def test_an_empty_study_in_another_direction_is_refused(db: Database, directions: list[str]) -> None:
    optuna.create_study(study_name="new", storage=db.storage, directions=directions)
    with pytest.raises(InputError, match="another program"):
        create(db)
