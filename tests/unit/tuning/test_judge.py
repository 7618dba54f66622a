"""Which of two contenders is faster, as far as their slices tell."""

import pytest

from search.tuning.judge import Ratio, compare, judge_ratio
from search.tuning.measured import count_steps_to_pay


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (Ratio(1.3, 1.2, 1.4), "faster"),
        (Ratio(0.7, 0.6, 0.8), "slower"),
        (Ratio(1.3, 0.99, 1.4), "no difference"),  # one round says otherwise
        (Ratio(0.7, 0.6, 1.01), "no difference"),
        (Ratio(1.02, 1.01, 1.03), "no difference"),  # too little to notice
        (Ratio(1.2, 1.01, 1.4), "no difference"),  # less than the spread
        (Ratio(0.74, 0.68, 0.99), "no difference"),
        (Ratio(0.1, 0.1, 0.1), "slower"),
    ],
)
def test_a_difference_within_the_spread_is_none(ratio: Ratio, verdict: str) -> None:
    assert judge_ratio(ratio) == verdict


def test_ratios_are_those_of_the_rounds() -> None:
    assert compare([20.0, 60.0, 30.0], [10.0, 20.0, 30.0]) == Ratio(2.0, 1.0, 3.0)


def test_compilation_pays_when_quicker_steps_have_made_up_for_the_slower_first_one() -> None:
    assert count_steps_to_pay(60.0, 10.0, 0.5, 0.4) == 500
    assert count_steps_to_pay(5.0, 10.0, 0.5, 0.4) == 0
