"""The order in which contenders take turns, and when they end."""

from collections.abc import Callable
from time import monotonic

from search.tuning.process import Sample
from search.tuning.rounds import LEAST_ROUNDS, MOST_ROUNDS, take_turns


def recorders(record: list[str]) -> list[Callable[[], Sample]]:
    def make(name: str, rate: float) -> Callable[[], Sample]:
        return lambda: (record.append(name), Sample(rate, 0))[1]

    return [make("a", 1.0), make("b", 2.0)]


def test_every_second_round_is_in_the_opposite_order() -> None:
    record: list[str] = []
    samples = take_turns(recorders(record), monotonic() + 60)
    assert "".join(record) == "abbaabbaab" and MOST_ROUNDS == 5
    assert [[sample.images_per_second for sample in mine] for mine in samples] == [[1.0] * 5, [2.0] * 5]


def test_when_time_is_over_there_are_still_enough_rounds_to_see_a_spread() -> None:
    record: list[str] = []
    take_turns(recorders(record), monotonic() - 1)
    assert len(record) == 2 * LEAST_ROUNDS
