"""The default is tried first, once; a start outside the space keeps its own values."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from search.report.gather import gather
from search.space.space import configure, draw, without_axes
from search.study.enqueue import describe_enqueued, enqueue_default, enqueue_warm_starts
from search.study.parameters import list_parameters
from search.study.plan import load_plan
from search.study.question import question
from search.study.space_left import SpaceLeft
from search.study.study import OpenStudy, create_study, open_study
from search.study.warmstart import load_warm_starts, trial_base
from storage.database.connection import Database, connect
from storage.studies.attributes import TrialAttributes
from storage.studies.configurations import take_configuration

FOUR = """
[study]
name = "four"
[train.data]
path = "disk"
classes = 3
ignore = "none"
scale = "none"
patch = "none"
[space]
"model.width" = { choice = [4, 8] }
"model.se" = { choice = [true, false] }
"""  # whose base has a width of 16


def create(db: Database, folder: Path, text: str = FOUR) -> OpenStudy:
    (folder / "search.toml").write_text(text)
    plan = load_plan(folder / "search.toml", study={"trials": 9})
    return create_study(db, plan, question(plan, "abc", "tensorflow"))


@pytest.fixture
def opened(db: Database, tmp_path: Path) -> OpenStudy:
    return create(db, tmp_path)


def run_next(db: Database, opened: OpenStudy, value: float = 0.5) -> optuna.Trial:
    """Draws the next trial as a worker does, and completes it."""
    trial = opened.study.ask()
    attributes = TrialAttributes.read(trial.user_attrs)
    base = trial_base(attributes, opened.plan.base)
    space = without_axes(opened.plan.space, attributes.outside)
    config = configure(base, draw(trial, space, base), opened.trial_seed(trial.number))
    TrialAttributes(config=config.model_dump(mode="json")).write(trial)
    opened.study.tell(trial, value)
    return trial


def attributes_of(opened: OpenStudy, number: int) -> TrialAttributes:
    return TrialAttributes.read(opened.study.trials[number].user_attrs)


def test_the_default_is_the_first_trial(db: Database, opened: OpenStudy, tmp_path: Path) -> None:
    (enqueued,) = enqueue_default(db, opened)
    (tmp_path / "mine.toml").write_text("model = { width = 8 }")
    enqueue_warm_starts(
        db, opened, load_warm_starts([str(tmp_path / "mine.toml")], opened.plan.base, opened.plan.space)
    )
    assert str(enqueued) == "trial 0 default waits; outside the space, and its own: model.width 16"
    assert [trial.user_attrs["name"] for trial in opened.study.trials] == ["default", "mine"]
    assert attributes_of(opened, 0).outside == ("model.width",)
    run_next(db, opened)
    tables: Any = attributes_of(opened, 0).config
    assert (tables["model"]["width"], opened.study.trials[0].params) == (16, {"model.se": True})


@pytest.mark.parametrize("state", [None, TrialState.COMPLETE, TrialState.FAIL])
def test_it_is_not_enqueued_again(db: Database, opened: OpenStudy, state: TrialState | None) -> None:
    enqueue_default(db, opened)
    if state is not None:
        opened.study.tell(opened.study.ask(), 0.5 if state == TrialState.COMPLETE else None, state)
    assert enqueue_default(db, open_study(db, "four")) == []
    assert len(opened.study.trials) == 1


def test_many_commands_at_once_enqueue_it_once(db: Database, opened: OpenStudy) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: enqueue_default(db, open_study(db, "four")), range(8)))
    assert sorted(map(len, found)) == [0] * 7 + [1] and len(opened.study.trials) == 1


def test_it_takes_one_connection(database_url: str, tmp_path: Path) -> None:
    db = connect(database_url)
    opened = create(db, tmp_path)
    with db.engine.connect(), db.engine.connect(), db.engine.connect():  # of COMMAND_CONNECTIONS, one is left
        enqueue_default(db, opened)
        (tmp_path / "mine.toml").write_text("model = { width = 8 }")
        starts = load_warm_starts([str(tmp_path / "mine.toml")], opened.plan.base, opened.plan.space)
        enqueue_warm_starts(db, opened, starts)
    assert [trial.user_attrs["name"] for trial in opened.study.trials] == ["default", "mine"]
    db.close()


def test_the_same_configuration_by_another_name_is_not_tried_again(db: Database, opened: OpenStudy) -> None:
    enqueue_default(db, opened)
    starts = load_warm_starts(["default"], opened.plan.base, opened.plan.space)
    lines = describe_enqueued(db, opened, enqueue_warm_starts(db, opened, starts))
    assert lines == ["trial 0 has the configuration of default already"]


def test_the_default_has_its_place_in_the_budget(db: Database, tmp_path: Path) -> None:
    opened = create(db, tmp_path)
    enqueue_default(db, opened)
    assert len(opened.study.get_trials(states=(TrialState.WAITING,))) == 1
    run_next(db, opened)
    assert opened.study.trials[0].state == TrialState.COMPLETE


def test_a_trial_outside_shows_its_own_values(db: Database, opened: OpenStudy) -> None:
    enqueue_default(db, opened)
    run_next(db, opened)
    assert list_parameters(opened.study.trials[0]) == {"model.se": True, "model.width": 16}


def test_the_report_compares_values_outside_the_space(db: Database, opened: OpenStudy) -> None:
    enqueue_default(db, opened)
    run_next(db, opened, 0.9)
    width = run_next(db, opened, 0.5).params["model.width"]
    (row,) = [row for row in gather(opened, db).differing if row.path == "model.width"]
    assert row.values == (16, width)


def test_a_trial_outside_leaves_the_space_as_large_as_it_was(db: Database, opened: OpenStudy) -> None:
    enqueue_default(db, opened)
    with db.engine.begin() as connection:
        trial = run_next(db, opened)
        digest = str(attributes_of(opened, 0).digest)
        assert take_configuration(connection, opened.study_id, digest, trial._trial_id)
    left = SpaceLeft(db, opened)
    assert (left.size, len(left.untaken()), left.is_exhausted()) == (4, 4, False)


def test_the_sampler_goes_on_with_all_axes(db: Database, opened: OpenStudy) -> None:
    enqueue_default(db, opened)
    for number in range(13):
        run_next(db, opened, number / 100)
    trial = opened.study.ask()
    assert trial.relative_params.keys() == {"model.se", "model.width"}
