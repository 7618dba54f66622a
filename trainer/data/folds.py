"""Folds: parts of the images, of about equal size and with each class in equal shares, that validate in turn."""

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Groups, Indices
from trainer.data.split import split
from trainer.errors import InputError


def choose_fold(
    counts: NDArray[np.integer], keys: Groups, classes: int, ignore: int | None, fold: tuple[int, int]
) -> tuple[Indices, Indices]:
    """Indices of the training and the validation images of a fold, both ascending: a pure function of the arguments.

    No group is in two folds, and every image is in one. The folds are split off one after the other.

    Args:
        counts, keys, classes, ignore: as of `split`.
        fold: its number, from 0, and that of all folds.

    Raises:
        InputError: there are fewer groups than folds.
    """
    number, folds = fold
    groups = len(np.unique(keys))
    if groups < folds:
        raise InputError(f"folds must be at most as many as groups of different images, {groups}; got {folds}")
    left = np.arange(len(keys), dtype=np.int64)
    validation = left
    for split_off in range(number + 1):
        validation = left
        if split_off < folds - 1:
            rest, chosen = split(counts[left], keys[left], classes, ignore, 1 / (folds - split_off))
            left, validation = left[rest], left[chosen]
    return np.setdiff1d(np.arange(len(keys)), validation), validation
