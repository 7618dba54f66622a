"""Candidates by their repetitions: means, pooled folds, seeds, and who is given up."""

from typing import Any

import numpy as np
import pytest

from search.confirm.rank import rank, seed_deviation
from search.confirm.repeats import Repeat
from search.confirm.rounds import conclude
from search.study.scoring import Scoring
from trainer.training.metrics import score

SCORING = Scoring("miou", 2, None, ("soil", "rock"))
BLOCKS = 16


def make_confusions(right: float, first: int = 0, blocks: int = BLOCKS) -> Any:
    """Blocks of some thousand pixels, the same pixels for every candidate, of which a share is right."""
    pixels = np.random.default_rng(first).integers(2_000, 9_000, (blocks, 1, 1))
    return np.asarray(pixels * np.array([[right, 1 - right], [1 - right, right]]), np.int64)


def value_of(confusions: Any) -> float:
    return score(confusions.sum(axis=0), None).miou


def make_repeat(candidate: int, repeat: int, right: float, **changes: Any) -> Repeat:
    confusions = make_confusions(right)
    return Repeat(
        **{
            "number": 0,
            "candidate": candidate,
            "repeat": repeat,
            "fold": None,
            "value": value_of(confusions),
            "confusions": confusions,
        }
        | changes
    )


def test_the_best_mean_is_first_and_who_is_far_behind_after_two_seeds_is_out() -> None:
    shares = {3: (0.9, 0.91), 5: (0.905, 0.9), 8: (0.7, 0.71)}
    repeats = [make_repeat(number, seed, share) for number, own in shares.items() for seed, share in enumerate(own)]
    first, second, third = rank(repeats, 1, SCORING, SCORING.names)
    assert [one.candidate for one in (first, second, third)] == [3, 5, 8]
    assert first.value == pytest.approx(np.mean([value_of(make_confusions(share)) for share in shares[3]]))
    assert first.chance is None and second.chance is not None and 0.05 < second.chance < 0.5
    assert [one.is_out for one in (first, second, third)] == [False, False, True]
    assert first.interval is not None and first.interval[0] < first.value < first.interval[1]


def test_nobody_is_out_after_one_seed() -> None:
    standings = rank([make_repeat(1, 0, 0.9), make_repeat(2, 0, 0.5)], 1, SCORING, SCORING.names)
    assert [one.is_out for one in standings] == [False, False]


def test_who_is_behind_is_no_tie_even_after_one_seed() -> None:
    repeats = [make_repeat(number, 0, share) for number, share in ((1, 0.9), (2, 0.5), (3, 0.9))]
    standings = rank(repeats, 1, SCORING, SCORING.names)
    assert [one.is_behind for one in standings] == [False, False, True]
    assert (concluded := conclude(standings, 1)).tied == (3,) and concluded.trial == 1


def test_folds_are_pooled_and_count_when_all_are_there() -> None:
    folds = [make_confusions(share, first) for first, share in enumerate((0.8, 0.9))]
    repeats = [
        make_repeat(1, 0, 0, fold=(number, 2), confusions=found, value=value_of(found))
        for number, found in enumerate(folds)
    ]
    (standing,) = rank(repeats, 2, SCORING, SCORING.names)
    assert standing.values == (pytest.approx(value_of(np.concatenate(folds))),)
    assert rank(repeats[:1], 2, SCORING, SCORING.names) == []
    assert rank(repeats, 1, SCORING, SCORING.names) == []  # of another number of folds


def test_a_diverged_repetition_counts_as_0_and_says_nothing_about_seeds() -> None:
    repeats = [make_repeat(1, 0, 0.9), make_repeat(1, 1, 0.9), make_repeat(2, 0, 0.95)]
    repeats.append(make_repeat(2, 1, 0.95, value=0.0, confusions=None))
    standings = rank(repeats, 1, SCORING, SCORING.names)
    assert [one.candidate for one in standings] == [1, 2]
    assert standings[1].interval is None and standings[1].chance is None
    low, high = standings[0].interval or (0, 0)
    assert high - low < 0.02  # no noise of seeds was added


def test_seeds_widen_the_interval() -> None:
    def width(*shares: float) -> float:
        repeats = [make_repeat(1, seed, share) for seed, share in enumerate(shares)]
        low, high = rank(repeats, 1, SCORING, SCORING.names)[0].interval or (0, 0)
        return high - low

    assert width(0.85, 0.95) > 3 * width(0.9, 0.9)


def test_the_deviation_of_seeds_is_pooled() -> None:
    values = np.random.default_rng(0).normal([[0.5], [0.6], [0.7]], 0.02, (3, 400)).tolist()
    assert seed_deviation(values) == pytest.approx(0.02, rel=0.1)
    assert seed_deviation([[0.1], [0.9], []]) == 0
