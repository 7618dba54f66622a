"""A search on a virtual clock: workers train epochs that take as long as a problem says, and report them in order."""

import heapq
from dataclasses import dataclass, field

import numpy as np

from benchmarks.replay.method import Method, Task
from benchmarks.replay.problem import Floats, Problem, final_value

BUDGET = 150.0  # trainings of the default configuration


@dataclass(frozen=True)
class Point:
    """A moment at which the method's choice changed."""

    cost: float  # of all epochs begun so far, in trainings of the default configuration
    time: float  # on the virtual clock, in the same unit: one worker's time for such a training
    value: float  # the true mean value of the chosen configuration; 0 where it diverges


@dataclass
class Trace:
    """What a search chose, and what it cost."""

    points: list[Point] = field(default_factory=list)
    cost: float = 0.0
    time: float = 0.0
    trainings: int = 0
    whole: int = 0  # trainings that reached the last epoch


@dataclass
class _Training:
    mean: Floats  # the value after each epoch
    observed: Floats
    cost: float  # of an epoch, in trainings of the default configuration
    done: int = 0  # epochs
    until: int = 0


class _Clock:
    """The workers, the trainings, and the ends of the epochs that are under way."""

    def __init__(self, problem: Problem, method: Method, seed: int, budget: float) -> None:
        self.problem, self.method, self.seed, self.budget = problem, method, seed, budget
        self.trainings: dict[int, _Training] = {}
        self.ends: list[tuple[float, int, int]] = []  # time, order, key
        self.begun = 0
        self.trace = Trace()
        self.over = False
        self.choice: int | None = None

    def start(self, task: Task) -> None:
        if task.key not in self.trainings:
            mean = self.problem.curves([task.values])[0]
            random = np.random.default_rng([self.seed, task.key])
            observed = np.clip(mean + self.problem.noise.draw(random), 0.0, 1.0)
            cost = float(self.problem.costs([task.values])[0]) / len(mean)
            self.trainings[task.key] = _Training(mean, observed, cost)
            self.trace.trainings += 1
        self.trainings[task.key].until = task.epochs
        self.begin_epoch(task.key)

    def begin_epoch(self, key: int) -> None:
        """Begins the next epoch of a training, unless it exceeds the budget: then no other begins either."""
        cost = self.trainings[key].cost
        if self.over or self.trace.cost + cost > self.budget:
            self.over = True
            return
        self.trace.cost += cost
        self.begun += 1
        heapq.heappush(self.ends, (self.trace.time + cost, self.begun, key))

    def end_epoch(self) -> bool:
        """Goes to the next end of an epoch; whether its worker is free then."""
        self.trace.time, _, key = heapq.heappop(self.ends)
        training = self.trainings[key]
        value = training.observed[training.done]
        training.done += 1
        if np.isfinite(value):
            goes_on = self.method.report(key, training.done, float(value))
            self.trace.whole += training.done == len(training.mean)
        else:
            self.method.diverged(key)
            goes_on = False
        self.note_choice()
        if goes_on and training.done < training.until:
            self.begin_epoch(key)
            return False
        return True

    def note_choice(self) -> None:
        """Adds a point to the trace where the method's choice has changed."""
        before, self.choice = self.choice, self.method.best()
        if self.choice is not None and self.choice != before:
            value = float(np.nan_to_num(final_value(self.trainings[self.choice].mean)))
            self.trace.points.append(Point(self.trace.cost, self.trace.time, value))


def simulate(problem: Problem, method: Method, workers: int, seed: int, budget: float = BUDGET) -> Trace:
    """Runs a method until the next epoch would exceed the budget, or it has nothing more to train.

    A training's luck depends on the seed and its number alone, so that methods meet the same one.

    Args:
        problem: gives curves and costs.
        method: fresh.
        workers: trainings at a time.
        seed: of the noise.
        budget: cost of all epochs that begin, in trainings of the default configuration.
    """
    clock, idle = _Clock(problem, method, seed, budget), workers
    while True:
        while idle and not clock.over and (task := method.ask()) is not None:
            clock.start(task)
            idle -= 1
        if not clock.ends:
            return clock.trace
        idle += clock.end_epoch()
