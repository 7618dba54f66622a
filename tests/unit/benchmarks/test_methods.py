"""Every method that can be imported here, through a small replay."""

import warnings
from typing import Literal

import numpy as np
import pytest

from benchmarks.replay.landscape import EPOCHS, Landscape
from benchmarks.replay.method import Task
from benchmarks.replay.methods.cutoff import CONTINUED, ROUND, Cutoff
from benchmarks.replay.methods.ours import Options, make_ours
from benchmarks.replay.problem import default_values, final_value, searched
from benchmarks.replay.registry import methods, reason_missing, variants
from benchmarks.replay.simulate import simulate
from search.space.axis import contains
from search.space.space import applies
from trainer.configfile import flatten

LANDSCAPE = Landscape()
KNOWN = {**methods(), **variants()}
GAUSSIAN = "Gaussian process"


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # of the peers' environment


@pytest.mark.filterwarnings("ignore")  # peers' own
@pytest.mark.parametrize("name", KNOWN)
def test_a_method_finishes_a_replay_within_its_budget(name: str) -> None:
    if (reason := reason_missing(KNOWN[name])) is not None:
        pytest.skip(reason)
    budget = 4.0
    trace = simulate(LANDSCAPE, KNOWN[name](0, EPOCHS), 4, seed=0, budget=budget)
    assert budget - 0.2 < trace.cost <= budget
    assert trace.trainings >= 4


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", methods())
def test_a_method_asks_for_configurations_of_the_space(name: str) -> None:
    if (reason := reason_missing(KNOWN[name])) is not None:
        pytest.skip(reason)
    space, base = searched()
    task = KNOWN[name](0, EPOCHS).ask()
    assert task is not None
    paths = [axis.path for axis in space.axes if applies(axis, {**flatten(base), **task.values})]
    assert sorted(task.values) == sorted(paths)
    assert all(contains(axis, task.values[axis.path]) for axis in space.axes if axis.path in task.values)


def test_ours_begins_with_the_default_and_never_prunes_it() -> None:
    method = make_ours(0, EPOCHS)
    first = method.ask()
    assert first.values == default_values()
    others = [method.ask() for _ in range(6)]
    for epoch in range(1, EPOCHS + 1):
        for other in others:
            method.report(other.key, epoch, 0.5)
    assert all(method.report(first.key, epoch, 0.1) for epoch in range(1, EPOCHS))


@pytest.mark.parametrize("pruner", ["halving", "median"])
def test_ours_prunes_what_is_behind_the_others(pruner: Literal["halving", "median"]) -> None:
    method = make_ours(0, EPOCHS, Options(pruner=pruner))
    tasks = [method.ask() for _ in range(6)]
    for task in tasks[:5]:
        assert [method.report(task.key, epoch, 0.5) for epoch in range(1, EPOCHS)] == [True] * (EPOCHS - 1)
        method.report(task.key, EPOCHS, 0.5)
    assert [method.report(tasks[5].key, epoch, 0.4) for epoch in range(1, 6)] == [True] * 4 + [False]


@pytest.mark.parametrize("pruner", ["noise", "extrapolation", "once"])
def test_a_rule_ends_the_hopeless_and_spares_the_best(pruner: str) -> None:
    method = make_ours(0, EPOCHS, Options(pruner=pruner, default_first=False))  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    for number in range(12):
        task = method.ask()
        end = 0.4 + 0.01 * number
        for epoch in range(1, EPOCHS + 1):
            if not method.report(task.key, epoch, end * (1 - np.exp(-epoch / 4)) + random.normal(0, 0.001)):
                break
    hopeless, best = method.ask(), method.ask()
    told = [method.report(best.key, epoch, 0.6 * (1 - np.exp(-epoch / 4))) for epoch in range(1, EPOCHS)]
    assert told == [True] * (EPOCHS - 1)
    epochs = range(1, EPOCHS)
    assert not all(method.report(hopeless.key, e, 0.2 * (1 - np.exp(-e / 4))) for e in epochs)


def test_a_promoted_training_is_trained_whole_and_told_again() -> None:
    method = make_ours(0, EPOCHS, Options(promoted=0.25, factor=4))
    tasks = [method.ask() for _ in range(5)]
    assert [task.epochs for task in tasks] == [EPOCHS, 5, 5, 5, 5]
    for task in tasks[1:]:
        for epoch in range(1, 6):
            method.report(task.key, epoch, 0.1 * task.key)
    promoted = method.ask()
    assert (promoted.key, promoted.epochs) == (4, EPOCHS)
    for epoch in range(6, EPOCHS + 1):
        method.report(promoted.key, epoch, 0.5)
    assert method.best() == 4 and method.study.best_value == pytest.approx(0.5)


def test_a_cut_off_trains_the_best_of_a_round_whole() -> None:
    method = Cutoff(0, EPOCHS, first=1)
    for key in range(ROUND):
        task = method.ask()
        assert task is not None and (task.key, task.epochs) == (key, 1)
    assert method.ask() is None
    for key in range(ROUND):
        method.report(key, 1, key / ROUND)
    assert [method.ask() for _ in range(CONTINUED)] == [
        Task(key, method._drawn[key], EPOCHS) for key in (ROUND - 1, ROUND - 2, ROUND - 3)
    ]


def test_a_search_finds_more_than_the_default() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = simulate(LANDSCAPE, make_ours(0, EPOCHS), 1, seed=0, budget=20.0)
    default = float(final_value(LANDSCAPE.curves([default_values()]))[0])
    assert trace.points[0].value == pytest.approx(default) and trace.points[-1].value > default + 0.03
