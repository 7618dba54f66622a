"""How sure a score is: the validation side is drawn again and again from its own blocks of images (the bootstrap).

Two trainings of one data set and split are compared in pairs, draw by draw: what makes a draw hard is hard for both, so
that their difference is surer than either score (`search/study/ties.py`). What another seed or another split would
give is not in it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.metric import metric_classes

DRAWS = 2000
SEED = 0  # of the draws: the same ones for all trainings of one split
COVERAGE = 0.95  # of an interval
LEAST_BLOCKS = 8  # of fewer, their spread is not known

Values = NDArray[np.float64]


def resample(
    confusions: NDArray[np.int64], value: float, metric: str, names: Sequence[str], ignore: int | None
) -> Values | None:
    """The value of a training in each draw, (DRAWS,); None where there are fewer than LEAST_BLOCKS blocks.

    A draw has as many blocks as there are, each any number of times (Efron 1979). Draw i has the same blocks for every
    training with as many of them. A class that a draw lacks has in it what it has in all blocks.

    Args:
        confusions: (B, C, C), one for each block of images, rows true, columns predicted.
        value: what the training is judged by. That of the confusion matrices may differ a little, as the value is a
            mean over epochs; the draws are shifted by the difference.
        metric: see `trainer/metric.py`.
        names: of the classes.
        ignore: a label that is not scored.
    """
    confusions = confusions[confusions.any(axis=(1, 2))]  # a block that holds no scored pixel
    blocks = len(confusions)
    if blocks < LEAST_BLOCKS:
        return None
    counted = _count(confusions)
    often = np.random.default_rng(SEED).multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS).astype(np.float64)
    scored = _scored(counted[1].sum(axis=0), metric, names, ignore)
    whole = _score_classes([counts.sum(axis=0, keepdims=True) for counts in counted], metric)
    drawn = [often @ counts for counts in counted]
    # A draw without a rare class would be a mean over fewer classes, mostly a higher one.
    found = np.where(drawn[1] > 0, _score_classes(drawn, metric), whole)
    means = found[:, scored].mean(axis=1) if scored.any() else np.zeros(DRAWS)
    return np.asarray(means + (value - (whole[0, scored].mean() if scored.any() else 0.0)))


def interval(values: Values) -> tuple[float, float]:
    """Between which values the middle COVERAGE of the draws lie."""
    low, high = np.quantile(values, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


def _count(confusions: NDArray[np.int64]) -> list[Values]:
    """Of matrices (N, C, C), what an IoU needs: true positives, true and predicted pixels of each class, (N, C) each.

    As floating-point numbers, which hold them exactly, and are multiplied many times as fast.
    """
    sums = np.diagonal(confusions, axis1=1, axis2=2), confusions.sum(axis=2), confusions.sum(axis=1)
    return [np.asarray(counts, np.float64) for counts in sums]


def _scored(true: Values, metric: str, names: Sequence[str], ignore: int | None) -> NDArray[np.bool_]:
    """Which classes, (C,), the metric is a mean over: those that have a true pixel, (C,)."""
    labels = np.arange(len(true))
    scored = (true > 0) & (labels != ignore)
    if metric.startswith("iou:"):
        scored &= np.isin(labels, metric_classes(metric, names))
    return np.asarray(scored)


def _score_classes(counted: Sequence[Values], metric: str) -> Values:
    """The IoU or the Dice coefficient of each class, (N, C), from what `_count` gives."""
    right, true, predicted = counted
    of_class = right / np.maximum(true + predicted - right, 1)
    return np.asarray(2 * of_class / (1 + of_class) if metric == "dice" else of_class)
