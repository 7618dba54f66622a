"""The virtual clock: what a method is told, in which order, and what it costs."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from benchmarks.replay.method import Task
from benchmarks.replay.problem import Floats, Noise, Values
from benchmarks.replay.simulate import Trace, simulate

EPOCHS = 4
SILENT = Noise((0.0,) * EPOCHS, 0.0, 0.0)


@dataclass(frozen=True)
class Flat:
    """A training's value is its configuration's; `cost` is that of an epoch, in epochs of the default's."""

    noise: Noise = SILENT

    def curves(self, configurations: list[Values]) -> Floats:
        table = np.array([[values["value"]] * EPOCHS for values in configurations])
        ends = np.array([[values.get("diverges", EPOCHS)] for values in configurations])
        return np.where(np.arange(EPOCHS) >= ends, np.nan, table)

    def costs(self, configurations: list[Values]) -> Floats:
        return np.array([values["cost"] for values in configurations])


@dataclass
class Scripted:
    """Trains the tasks of a list, and writes down what it is told."""

    tasks: list[Task]
    stops: dict[int, int] = field(default_factory=dict)  # the epoch after which a training is not to go on
    waits: int = 0  # values that it must be told before it gives the last task
    told: list[Any] = field(default_factory=list)
    asked_after: list[int] = field(default_factory=list)  # how much it had been told when it gave each task

    def ask(self) -> Task | None:
        if not self.tasks or (len(self.tasks) == 1 and len(self.told) < self.waits):
            return None
        self.asked_after.append(len(self.told))
        return self.tasks.pop(0)

    def report(self, key: int, epoch: int, value: float) -> bool:
        self.told.append((key, epoch))
        return epoch != self.stops.get(key)

    def diverged(self, key: int) -> None:
        self.told.append((key, "diverged"))

    def best(self) -> int | None:
        return self.told[0][0] if self.told else None


def task(key: int, cost: float = 1.0, epochs: int = EPOCHS, **values: Any) -> Task:
    return Task(key, {"value": 0.1 * (key + 1), "cost": cost, **values}, epochs)


def run(method: Scripted, workers: int = 1, budget: float = 100.0) -> Trace:
    return simulate(Flat(), method, workers, seed=0, budget=budget)


def test_two_workers_report_in_the_order_of_the_clock() -> None:
    """Epochs of the first end at 3 and 6, of the second at 1, 2, 3, 4; of equal times, first what began first."""
    method = Scripted([task(0, cost=3.0, epochs=2), task(1)])
    run(method, workers=2)
    assert method.told == [(1, 1), (1, 2), (0, 1), (1, 3), (1, 4), (0, 2)]


def test_a_worker_asks_when_it_is_free_and_not_before() -> None:
    method = Scripted([task(0), task(1, epochs=2), task(2)])
    run(method, workers=2)
    assert method.asked_after == [0, 0, 4]


def test_a_training_that_is_stopped_frees_its_worker() -> None:
    method = Scripted([task(0), task(1)], stops={0: 2})
    run(method)
    assert method.told == [(0, 1), (0, 2), *((1, epoch) for epoch in (1, 2, 3, 4))]


def test_a_paused_training_goes_on_where_it_was() -> None:
    method = Scripted([task(0, epochs=2), task(1, epochs=1), task(0)])
    trace = run(method)
    assert method.told == [(0, 1), (0, 2), (1, 1), (0, 3), (0, 4)]
    assert (trace.trainings, trace.whole) == (2, 1)


def test_a_training_that_diverges_is_told_as_such_and_ends() -> None:
    method = Scripted([task(0, diverges=1), task(1, epochs=1)])
    run(method)
    assert method.told == [(0, 1), (0, "diverged"), (1, 1)]


def test_an_idle_worker_asks_again_after_every_epoch() -> None:
    method = Scripted([task(0), task(1)], waits=2)
    run(method, workers=2)
    assert method.told[:5] == [(0, 1), (0, 2), (0, 3), (1, 1), (0, 4)]


def test_time_is_the_clocks_and_cost_that_of_all_workers() -> None:
    trace = run(Scripted([task(0), task(1)]), workers=2)
    assert (trace.time, trace.cost) == (pytest.approx(1.0), pytest.approx(2.0))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_no_epoch_begins_that_exceeds_the_budget(workers: int) -> None:
    trace = run(Scripted([task(key, cost=1.3) for key in range(20)]), workers, budget=2.0)
    assert 2.0 - 1.3 / EPOCHS < trace.cost <= 2.0


def test_a_point_has_the_true_value_and_what_had_begun() -> None:
    point = run(Scripted([task(4)]), budget=1.0).points[0]
    assert (point.cost, point.time, point.value) == pytest.approx((0.25, 0.25, 0.5))


def test_a_search_that_has_nothing_left_ends() -> None:
    assert run(Scripted([task(0)]), workers=4).cost == pytest.approx(1.0)
