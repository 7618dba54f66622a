"""The one statement that reads trials gives what Optuna's storage gives, in every field."""

import math
from collections.abc import Iterable
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import event

from storage.database import optuna_storage, trial_rows
from storage.database.connection import Database
from storage.studies.rows import TABLES

DISTRIBUTIONS = {
    "z": FloatDistribution(-1.5, 1 / 3),
    "rate": FloatDistribution(1e-5, 1.0, log=True),
    "step": FloatDistribution(0.0, 1.0, step=0.1),
    "depth": IntDistribution(1, 4),
    "width": IntDistribution(8, 64, log=True),
    "even": IntDistribution(0, 10, step=2),
    "choice": CategoricalDistribution(["a", 'a "quoted" \\ ü', None, True, 7, 0.1]),
}
PARAMS = {"z": -0.0, "rate": 1e-5 + 1e-12, "step": 0.1 + 0.2, "depth": 3, "width": 17, "even": 4}
REPORTS = (math.nan, math.inf, -math.inf, -0.0, 1 / 3, 5e-324, 1.7976931348623157e308)
ATTRIBUTES = {
    "text": 'a "quoted" line\nand ünïcode \\ %s :x',
    'key "with" \\ ü': {"nested": [1, None, {"deep": math.inf}], "1e400": 1e300},
    "nan": math.nan,
    "empty": {},
    "": "",
}
FINISHED = [state for state in TrialState if state.is_finished()]


@pytest.fixture
def full(db: Database) -> optuna.Study:
    """A study with everything that a trial can have, beside another one."""
    optuna.create_study(study_name="other", storage=db.storage).ask()
    study = optuna.create_study(study_name="full", storage=db.storage, direction="maximize")
    for number, state in enumerate([*FINISHED, TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED]):
        trial = study.ask()
        for name in reversed(DISTRIBUTIONS) if number % 2 else DISTRIBUTIONS:  # parameters keep their order
            trial._suggest(name, DISTRIBUTIONS[name])
        for step, value in enumerate(REPORTS):
            trial.report(value, step * 7 % 10)
        for key, attribute in ATTRIBUTES.items():
            trial.set_user_attr(key, attribute)
        trial.set_constraint("parameters", number - 1.5)
        values = [0.25, -math.inf, math.inf, 5e-324, 1e300]
        study.tell(trial, values[number % 5] if state == TrialState.COMPLETE else None, state)
    study.add_trial(create_trial(params=PARAMS | {"choice": None}, distributions=DISTRIBUTIONS, value=-0.0))
    study.enqueue_trial({"rate": 0.5, "choice": None}, user_attrs={"name": "start"})
    study.ask()  # the waiting trial runs, without parameters yet
    study.enqueue_trial({"rate": 0.25})
    study.tell(study.ask(), state=TrialState.FAIL)
    study.enqueue_trial({})
    return study


def read_both(
    db: Database,
    study: optuna.Study,
    states: Iterable[TrialState] | None = None,
    included: Iterable[int] = (),
    after: int = -1,
) -> tuple[list[FrozenTrial], list[FrozenTrial]]:
    """The trials by our statement, and by Optuna's own storage."""
    backend: Any = db.storage._backend  # type: ignore[attr-defined]
    arguments = (study._study_id, None if states is None else tuple(states), set(included), after)
    return backend._get_trials(*arguments), RDBStorage._get_trials(backend, *arguments)


def describe(trials: list[FrozenTrial]) -> list[dict[str, str]]:
    """Every field, in which NaN equals NaN and -0.0 is not 0.0; parameters in their order."""
    ordered = ("_params",)
    return [
        {
            name: repr(sorted(field.items()) if isinstance(field, dict) and name not in ordered else field)
            for name, field in vars(trial).items()
        }
        for trial in trials
    ]


def test_every_field_of_every_trial_is_the_same(db: Database, full: optuna.Study) -> None:
    ours, theirs = read_both(db, full)
    assert {trial.state for trial in ours} == set(TrialState)
    assert len(ours) == len(theirs) > 9
    assert describe(ours) == describe(theirs)


@pytest.mark.parametrize(
    "states",
    [
        (),
        (TrialState.WAITING,),
        (TrialState.RUNNING, TrialState.WAITING),
        (TrialState.COMPLETE, TrialState.PRUNED),
        tuple(TrialState),
    ],
)
def test_states_are_chosen_alike(db: Database, full: optuna.Study, states: tuple[TrialState, ...]) -> None:
    ours, theirs = read_both(db, full, states)
    assert {trial.state for trial in ours} == set(states)
    assert describe(ours) == describe(theirs)


def test_what_a_cache_has_not_seen_is_chosen_alike(db: Database, full: optuna.Study) -> None:
    ids = [trial._trial_id for trial in full.get_trials(deepcopy=False)]
    for included, after in (((), ids[3]), (ids[:2], ids[4]), (ids, ids[1]), (ids[:2], -1), ((), ids[-1])):
        ours, theirs = read_both(db, full, None, included, after)
        assert describe(ours) == describe(theirs)


def test_several_objectives_are_read_in_their_order(db: Database) -> None:
    study = optuna.create_study(storage=db.storage, directions=["minimize", "maximize"])
    study.tell(study.ask(), [math.inf, 0.5])
    ours, theirs = read_both(db, study)
    assert describe(ours) == describe(theirs) and ours[0].values == [math.inf, 0.5]


def test_a_study_must_exist(db: Database) -> None:
    with pytest.raises(KeyError):
        db.storage.get_all_trials(999)


def test_one_statement_reads_all_trials(db: Database, full: optuna.Study) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    db.storage._backend.get_all_trials(full._study_id)  # type: ignore[attr-defined]
    assert sum("trial_intermediate_values" in statement for statement in statements) == 1
    assert len(statements) <= 4  # and the transaction's limits, and whether the study exists


def test_the_statement_knows_the_installed_optunas_tables() -> None:
    assert trial_rows.suits_optuna(), "Optuna's tables have changed: compare COLUMNS with its models"


def test_the_columns_are_those_of_a_backup() -> None:
    names = {table.name: {*table.columns, table.surrogate_key} - {None} for table in TABLES}
    assert {name: names[name] for name in trial_rows.COLUMNS} == trial_rows.COLUMNS


def test_another_optunas_tables_are_read_by_optuna(
    db: Database, full: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trial_rows.COLUMNS, "trials", {"trial_id"})
    assert not trial_rows.suits_optuna.__wrapped__()
    monkeypatch.setattr(optuna_storage, "suits_optuna", lambda: False)
    ours, theirs = read_both(db, full)
    assert describe(ours) == describe(theirs)
