"""Scores of a confusion matrix, which is counted batch by batch. NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.int64]  # (C, C), rows true, columns predicted


@dataclass(frozen=True)
class Scores:
    """Intersection over union (IoU): TP / (TP + FP + FN), all 0..1."""

    miou: float  # mean IoU of the scored classes
    miou_keras: float  # as keras.metrics.MeanIoU(ignore_class=...) computes it
    iou: tuple[float | None, ...]  # one for each class; None if it is ignored, or neither true nor predicted


def count_confusion(masks: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int, ignore: int | None) -> Matrix:
    """Pixels of masks (N, H, W) by true and predicted label, (C, C), without those whose true label is ignored."""
    valid = np.ones(masks.shape, bool) if ignore is None else masks != ignore
    pairs = masks[valid].astype(np.int64) * classes + predicted[valid]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def score(confusion: Matrix, ignore: int | None) -> Scores:
    """IoU of each class, and two means over the classes that are true or predicted; both are 0 without any.

    `miou` is the mean without the ignored class. `miou_keras` includes that class, with IoU 0, if any pixel is
    predicted as it, as Keras does.
    """
    true_positive = np.diagonal(confusion).astype(np.float64)
    union = confusion.sum(0) + confusion.sum(1) - true_positive
    iou = np.divide(true_positive, union, out=np.full(len(true_positive), np.nan), where=union > 0)
    scored = np.arange(len(true_positive)) != ignore
    listed = tuple(float(v) if s and np.isfinite(v) else None for v, s in zip(iou, scored, strict=True))
    return Scores(_mean(iou[scored]), _mean(iou), listed)


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else 0.0
