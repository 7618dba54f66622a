"""How sure a score is, against Scores of draws that are made one by one, and against what is known of proportions."""

import numpy as np
import pytest

from search.study.ties import chance_to_beat, describe_chance, format_interval
from trainer.certainty import COVERAGE, DRAWS, SEED, interval, resample
from trainer.metric import metric_value
from trainer.training.metrics import score

NAMES = ("soil", "rock", "sand")


def make_confusions(seed: int, blocks: int = 20, right: float = 0.8) -> np.ndarray:
    """Blocks of 1,000 pixels of three classes, of which a share is right, differently in each block."""
    random = np.random.default_rng(seed)
    found = np.zeros((blocks, 3, 3), np.int64)
    for block in found:
        share = float(np.clip(random.normal(right, 0.1), 0.1, 0.99))
        for label in range(3):
            chances = np.full(3, (1 - share) / 2)
            chances[label] = share
            block[label] = random.multinomial(1000, chances)
    return found


@pytest.mark.parametrize("metric", ["miou", "dice", "iou:rock,sand"])
@pytest.mark.parametrize("ignore", [None, 0])
def test_a_draw_is_the_score_of_the_drawn_blocks(metric: str, ignore: int | None) -> None:
    confusions = make_confusions(0)
    found = resample(confusions, 0.7, metric, NAMES, ignore)
    assert found is not None and found.shape == (DRAWS,)
    often = np.random.default_rng(SEED).multinomial(20, np.full(20, 1 / 20), DRAWS)

    def value(counts: np.ndarray) -> float:
        return metric_value(metric, score(np.tensordot(counts, confusions, 1), ignore).iou, NAMES)

    shift = 0.7 - value(np.ones(20, np.int64))
    for draw in (0, 1, 777):
        assert found[draw] == pytest.approx(value(often[draw]) + shift, abs=1e-12)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """200 validation sides of 40 blocks each, from a population whose value is known."""
    population = make_confusions(1, blocks=5000)
    truth = score(population.sum(axis=0), None).miou
    random, held = np.random.default_rng(2), 0
    for _ in range(200):
        side = population[random.integers(len(population), size=40)]
        values = resample(side, score(side.sum(axis=0), None).miou, "miou", NAMES, None)
        assert values is not None
        low, high = interval(values)
        held += low <= truth <= high
    assert abs(held / 200 - COVERAGE) < 0.06


def test_a_pair_is_surer_than_either() -> None:
    """A training that is a little better in every block is better in every draw, though the intervals overlap."""
    confusions = make_confusions(3)
    better = confusions.copy()
    for label in range(3):
        better[:, label, label] += 20
        better[:, label, (label + 1) % 3] = np.maximum(0, better[:, label, (label + 1) % 3] - 20)
    values = [score(found.sum(axis=0), None).miou for found in (confusions, better)]
    pair = [
        resample(found, value, "miou", NAMES, None) for found, value in zip((confusions, better), values, strict=True)
    ]
    assert pair[0] is not None and pair[1] is not None
    assert interval(pair[0])[1] > interval(pair[1])[0]
    worse, best = pair[0].tolist(), pair[1].tolist()
    assert [chance_to_beat(best, worse), chance_to_beat(worse, best), chance_to_beat(worse, worse)] == [1, 0, 0.5]


def test_a_draw_without_a_rare_class_is_no_better_for_it() -> None:
    """The class is in one block of 20, and never found: no draw can be more than a tenth above the whole."""
    confusions = make_confusions(5)
    confusions[:, 2] = 0
    confusions[0, 2] = [100, 0, 0]
    value = score(confusions.sum(axis=0), None).miou
    values = resample(confusions, value, "miou", NAMES, None)
    assert values is not None and value < 0.6 and values.max() < value + 0.1


def test_blocks_without_scored_pixels_do_not_count() -> None:
    confusions = make_confusions(4, blocks=10)
    padded = np.concatenate([confusions[:5], np.zeros((3, 3, 3), np.int64), confusions[5:]])
    one, other = (resample(found, 0.5, "miou", NAMES, None) for found in (confusions, padded))
    np.testing.assert_array_equal(one, other)


def test_a_chance_is_known_where_the_draws_are_the_same() -> None:
    assert chance_to_beat([0.1, 0.2, 0.3, 0.4], [0.2, 0.2, 0.2, 0.2]) == 0.625
    assert chance_to_beat([], []) is None
    assert chance_to_beat([0.1], [0.1, 0.2]) is None
    assert [describe_chance(chance) for chance in (None, 0.05, 0.049)] == ["-", "tie (0.05)", "behind (0.05)"]
    assert format_interval((0.5, 0.62345)) == "0.500 to 0.623"


def test_few_blocks_have_no_interval() -> None:
    assert resample(make_confusions(5, blocks=7), 0.5, "miou", NAMES, None) is None
