"""Contenders that are warm take turns, a slice each, round after round: so all meet the same noise of the machine."""

from collections.abc import Callable, Sequence
from time import monotonic

from search.tuning.process import Sample

LEAST_ROUNDS, MOST_ROUNDS = 3, 5


def take_turns(measures: Sequence[Callable[[], Sample]], deadline: float) -> list[list[Sample]]:
    """The samples of each contender, one a round; in every second round they go in the opposite order.

    Args:
        measures: a function for each contender, which measures one slice.
        deadline: moment of the monotonic clock after which no round begins, once there are LEAST_ROUNDS.
    """
    samples: list[list[Sample]] = [[] for _ in measures]
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and monotonic() > deadline:
            break
        order = list(enumerate(measures))
        for at, measure in order[:: -1 if number % 2 else 1]:
            samples[at].append(measure())
    return samples
