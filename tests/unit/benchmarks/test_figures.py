"""The figures of a hand-made trace."""

import math

import pytest

from benchmarks.replay.figures import Replay, catch_up, mean_interval, reach, regret, table
from benchmarks.replay.simulate import Point

TRACE = (Point(1.0, 0.5, 0.3), Point(4.0, 2.0, 0.5), Point(6.0, 3.0, 0.4), Point(9.0, 4.5, 0.58))
BEST = 0.6


def replay(method: str, seed: int, *points: Point) -> Replay:
    return Replay(method, 4, seed, points, trainings=12, whole=3, seconds=1.5)


def test_a_target_is_reached_at_the_first_point_that_is_good_enough() -> None:
    assert (reach(TRACE, 0.5), reach(TRACE, 0.5, "time")) == (4.0, 2.0)


def test_a_target_may_never_be_reached() -> None:
    assert reach(TRACE, 0.59) == math.inf


@pytest.mark.parametrize(("cost", "expected"), [(0.5, 0.6), (1.0, 0.3), (5.9, 0.1), (6.0, 0.2), (100.0, 0.02)])
def test_regret_is_that_of_the_choice_at_a_cost(cost: float, expected: float) -> None:
    assert regret(TRACE, BEST, cost) == pytest.approx(expected)


def test_an_interval_holds_the_mean_and_is_as_wide_as_the_values_say() -> None:
    low, high = mean_interval([10.0, 11.0, 12.0, 13.0, 14.0] * 10)
    assert 11.5 < low < 12 < high < 12.5


def test_who_reaches_our_regret_at_four_times_the_cost() -> None:
    ours = {seed: replay("ours", seed, Point(2.0, 1.0, 0.5)) for seed in range(5)}
    slow = {seed: replay("slow", seed, Point(1.0, 0.5, 0.2), Point(40.0, 9.0, 0.55)) for seed in range(1, 9)}
    assert catch_up(slow, ours, BEST, 10, 60) == (4.0, 4.0, 4.0)
    assert catch_up(slow, ours, BEST, 10, 30) == (math.inf, math.inf, math.inf)


def test_seeds_that_differ_make_the_cost_uncertain() -> None:
    ours = {seed: replay("ours", seed, Point(2.0, 1.0, 0.5)) for seed in range(6)}
    mixed = {seed: replay("mixed", seed, Point(10.0 * (1 + seed), 1.0, 0.5)) for seed in range(6)}
    middle, low, high = catch_up(mixed, ours, BEST, 10, 80)
    assert low < middle == high == 6.0


def test_the_table_has_the_least_regret_first() -> None:
    slow = [replay("slow", seed, Point(18.0, 4.0, 0.59)) for seed in range(3)]
    ours = [replay("ours", seed, Point(2.0, 1.0, 0.59)) for seed in range(3)]
    rows = table([*slow, *ours], BEST, noise=0.02, ours="ours", budget=25).splitlines()
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["ours", "slow"]
    regrets = "0.6000 (0.6000 to 0.6000) | 0.0100 (0.0100 to 0.0100)"
    assert rows[3] == f"| slow | 3 | {regrets} | 1.8 (1.8 to 1.8) | 100% | 18, 4 | 12 (3) | 1.5 |"


def test_a_choice_that_was_good_once_is_not_so_at_the_end() -> None:
    rows = table([replay("ours", 0, *TRACE[:3])], 0.5, noise=0.05, ours="ours", budget=10).splitlines()
    assert "| 0.1000 (" in rows[2] and "| 100% |" in rows[2]
