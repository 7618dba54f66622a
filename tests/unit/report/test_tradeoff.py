"""Value against cost: the Pareto front of hand-made trials, and what is drawn of them."""

from typing import Any

import pytest
from optuna.trial import create_trial

from search.report.charts import chart_style, draw_tradeoff, to_svg
from search.report.entry import Entry, make_entry
from search.report.tradeoff import Point, Tradeoff, find_front, weigh
from storage.studies.resampled import KEY

DRAWS = 40


def entry(number: int, value: float, better: float | None = None, **attrs: Any) -> Entry:
    """A complete trial; `better` is the share of the draws in which it is better than a trial without one."""
    high = round(DRAWS * (better or 0))
    draws = [0.5] * DRAWS if better is None else [0.6] * high + [0.4] * (DRAWS - high)
    trial = create_trial(value=value, user_attrs=attrs, system_attrs={KEY: draws})
    trial.number = number
    return make_entry(trial, ())


def front_of(*points: tuple[int, float, float]) -> list[int]:
    """The numbers on the front of trials (number, cost, value)."""
    return [point.entry.number for point in find_front([Point(entry(n, value), cost) for n, cost, value in points])]


def weighed(*entries: Entry) -> Tradeoff:
    found = weigh(entries)
    assert found is not None
    return found


def test_what_costs_more_and_is_no_better_is_not_on_the_front() -> None:
    assert front_of((0, 5.0, 0.6), (1, 1.0, 0.4), (2, 3.0, 0.3), (3, 2.0, 0.5), (4, 9.0, 0.55)) == [1, 3, 0]


def test_of_equal_costs_the_better_one_is_on_the_front() -> None:
    assert front_of((0, 1.0, 0.4), (1, 1.0, 0.5)) == [1]


def test_of_equal_values_the_cheaper_one_is_on_the_front() -> None:
    assert front_of((0, 2.0, 0.5), (1, 1.0, 0.5)) == [1]


def test_of_equal_trials_the_first_is_on_the_front() -> None:
    assert front_of((7, 1.0, 0.5), (3, 1.0, 0.5)) == [3]


@pytest.mark.parametrize(
    ("timed", "kind", "known"), [((True, True, False), "ms_per_image", 2), ((True, False, False), "parameters", 3)]
)
def test_the_cost_is_the_time_where_most_trials_have_one(timed: tuple[bool, ...], kind: str, known: int) -> None:
    times = [{"ms_per_image": 10.0 - number} if has else {} for number, has in enumerate(timed)]
    found = weighed(*(entry(number, 0.5, parameters=100 + number, **time) for number, time in enumerate(times)))
    assert (found.kind, len(found.points)) == (kind, known)


@pytest.mark.parametrize("parameters", [(), (None, None), (10, None), (10, 10)])
def test_nothing_is_weighed_where_there_is_nothing_to_choose(parameters: tuple[int | None, ...]) -> None:
    assert weigh([entry(number, 0.5, parameters=count) for number, count in enumerate(parameters)]) is None


def test_the_cheapest_tie_is_named() -> None:
    best = entry(0, 0.6, parameters=500)
    others = (entry(1, 0.59, 0.4, parameters=300), entry(2, 0.58, 0.1, parameters=200))
    behind = entry(3, 0.4, 0.0, parameters=100)
    tie = weighed(best, *others, behind).cheapest_tie
    assert tie is not None and (tie.entry.number, tie.chance) == (2, 0.1)


def test_without_a_tie_that_is_cheaper_none_is_named() -> None:
    dearer, behind = entry(1, 0.59, 0.4, parameters=900), entry(2, 0.4, 0.0, parameters=100)
    assert weighed(entry(0, 0.6, parameters=500), dearer, behind).cheapest_tie is None


def test_where_the_best_has_no_cost_no_tie_is_named() -> None:
    found = weighed(entry(0, 0.6), entry(1, 0.59, 0.4, parameters=300), entry(2, 0.58, 0.3, parameters=200))
    assert found.cheapest_tie is None and [point.entry.number for point in found.front] == [2, 1]


def test_the_chart_leaves_out_what_lies_far_below() -> None:
    leaders = [entry(n, 0.6 - n / 100, 0.3, parameters=100 + n, interval=(0.4, 0.7)) for n in range(10)]
    found = weighed(*leaders, entry(10, 0.1, 0.0, parameters=900))
    with chart_style():
        low, high = draw_tradeoff(found, leaders[0]).axes[0].get_ylim()
    assert 0.3 < low < 0.4 and 0.7 < high < 0.8 and found.below == 1


def test_the_numbers_of_the_front_do_not_cover_each_other() -> None:
    crowd = [entry(n, 0.6 - n / 1000, 0.3, parameters=1000 - n) for n in range(30)]
    far = entry(77, 0.5, 0.0, parameters=10)
    found = weighed(*crowd, far)
    with chart_style():
        svg = to_svg(draw_tradeoff(found, crowd[0]), "tradeoff")
    assert len(found.front) == 31 and ">trial 0<" in svg and ">77<" in svg and ">15<" not in svg
