"""The figures of a hand-made trace."""

import math

import pytest

from benchmarks.replay.figures import Replay, bootstrap, ratio, reach, regret, table
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


def test_an_interval_holds_the_median_and_is_as_wide_as_the_costs_say() -> None:
    low, high = bootstrap([10.0, 11.0, 12.0, 13.0, 14.0] * 10)
    assert 11 <= low <= 12 <= high <= 13


def test_an_interval_reaches_to_never_where_half_did_not_reach() -> None:
    assert bootstrap([1.0, 2.0, math.inf, math.inf])[1] == math.inf


def test_a_ratio_of_the_same_seeds_has_no_spread_where_each_is_twice_as_much() -> None:
    assert bootstrap([2.0, 4.0, 40.0], [1.0, 2.0, 20.0]) == (2.0, 2.0)


def test_never_by_never_is_never() -> None:
    import numpy as np

    assert ratio(np.array([math.inf, 1.0]), np.array([math.inf, math.inf])).tolist() == [math.inf, 0.0]


def test_the_table_has_the_quickest_method_first() -> None:
    slow = [replay("slow", seed, Point(8.0, 4.0, 0.59)) for seed in range(3)]
    ours = [replay("ours", seed, Point(2.0, 1.0, 0.59)) for seed in range(3)]
    rows = table([*slow, *ours], BEST, noise=0.02, ours="ours", budget=25).splitlines()
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["ours", "slow"]
    reached = "8 (8 to 8) | 4 (4 to 4) | 100%"
    assert rows[3] == f"| slow | 3 | {reached} | {reached} | 4 | 0.0100 | 0.0100 | 12 (3) | 1.5 |"


def test_a_choice_that_was_good_once_is_not_so_at_the_end() -> None:
    rows = table([replay("ours", 0, *TRACE[:3])], 0.5, noise=0.05, ours="ours", budget=10).splitlines()
    assert rows[2].count("| 100% |") == 2
