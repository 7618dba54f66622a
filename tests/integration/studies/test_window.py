"""The sampler's window: of a small study everything that TPE looks at, of a large one the best and the latest."""

import math
from collections.abc import Sequence
from functools import partial

import optuna
import pytest
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

from search.space.default import default_space
from search.space.space import Space, draw, trial_seed, without_axes
from search.study.sampler import SeededSampler
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.window import LATEST, read_window
from trainer.config import TrainConfig

BASE = TrainConfig()
SPACE = default_space(BASE)
TWO_AXES = Space(SPACE.axes[:2])


class ReseededTPE(TPESampler):
    """Optuna's sampler, which sees all trials, with the seeds of ours."""

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        for generator in (self._rng, self._random_sampler._rng):
            generator.rng.seed(trial_seed(0, "mars", trial.number))


def search(study: optuna.Study, trials: int, starts: Sequence[tuple[str, ...]] = ()) -> list[dict[str, object]]:
    """A search with every kind of end, and starts outside the space at some paths; returns the parameters."""
    for outside in starts:
        study.enqueue_trial({"model.depth": 3}, user_attrs=TrialAttributes(outside=outside).as_json())
    for number in range(trials):
        trial = study.ask()
        values = draw(trial, without_axes(SPACE, TrialAttributes.read(trial.user_attrs).outside), BASE)
        if number % 9 == 5:
            continue  # it stays running, as another worker's
        level = float(values["optimizer.learning_rate"]) * 50
        for epoch in range(1, 1 + number % 4):
            trial.report(math.nan if number % 11 == 3 else level * epoch, epoch)
        trial.set_constraint("parameters", number % 6 - 3.5)
        state = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED, TrialState.FAIL)[number % 4]
        study.tell(trial, level if state == TrialState.COMPLETE else None, state)
    return [trial.params for trial in study.get_trials(deepcopy=False)]


def test_draws_of_a_study_within_the_window_are_those_of_all_trials(db: Database, study: optuna.Study) -> None:
    study.sampler = SeededSampler(0, "mars", partial(read_window, db, study._study_id))
    theirs = optuna.create_study(direction="maximize", sampler=ReseededTPE())
    assert search(study, 45) == search(theirs, 45)


def test_with_starts_outside_the_space_too(db: Database, study: optuna.Study) -> None:
    study.sampler = SeededSampler(0, "mars", partial(read_window, db, study._study_id))
    whole = optuna.create_study(direction="maximize", sampler=SeededSampler(0, "mars"))
    starts = [("model.width",), ()]
    assert search(study, 25, starts) == search(whole, 25, starts)


def finish(study: optuna.Study, value: float | None, state: TrialState = TrialState.COMPLETE) -> None:
    trial = study.ask()
    draw(trial, TWO_AXES, BASE)
    trial.set_user_attr("config", {"large": "x" * 100})
    trial.storage.set_trial_system_attr(trial._trial_id, "artifacts:picture", "{}")
    for epoch, report in enumerate((0.5, 0.25, math.nan if state == TrialState.FAIL else 0.125), 1):
        trial.report(report, epoch)
    study.tell(trial, value, state)


def test_of_a_large_study_it_has_the_best_the_latest_and_all_running_ones(db: Database, study: optuna.Study) -> None:
    running = study.ask().number
    for value in (0.5, math.inf, 0.75, -math.inf, 0.75, 0.25):
        finish(study, value)
    finish(study, None, TrialState.PRUNED)
    finish(study, None, TrialState.FAIL)
    study.enqueue_trial({})
    window = [trial.number for trial in read_window(db, study._study_id, best=2, latest=2)]
    assert window == [running, 2, 3, 6, 7]


def test_a_window_has_only_what_the_sampler_looks_at(db: Database, study: optuna.Study) -> None:
    for state in (TrialState.COMPLETE, TrialState.PRUNED):
        finish(study, 0.5 if state == TrialState.COMPLETE else None, state)
    complete, pruned = read_window(db, study._study_id)
    assert (complete.user_attrs, complete.system_attrs, complete.intermediate_values) == ({}, {}, {})
    assert (pruned.user_attrs, pruned.system_attrs, pruned.intermediate_values) == ({}, {}, {3: 0.125})
    assert complete.params == study.trials[0].params and complete.value == 0.5


def test_a_window_is_larger_than_tpes_choice_of_good_trials(db: Database) -> None:
    assert LATEST > 250  # from which on TPE takes the 25 best


@pytest.mark.parametrize("kind", [TrialState.RUNNING, TrialState.WAITING])
def test_what_other_workers_draw_is_in_the_next_window(db: Database, study: optuna.Study, kind: TrialState) -> None:
    if kind == TrialState.WAITING:
        study.enqueue_trial({"optimizer.learning_rate": 1e-3})
        assert read_window(db, study._study_id) == []
    trial = study.ask()
    draw(trial, TWO_AXES, BASE)
    (found,) = read_window(db, study._study_id)
    assert (found.state, found.params) == (TrialState.RUNNING, trial.params)
