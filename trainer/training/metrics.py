"""Scores from a confusion matrix that is counted batch by batch. NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.int64]  # (C, C), rows true, columns predicted


@dataclass(frozen=True)
class Scores:
    miou: float  # mean IoU over the classes but the ignored one
    miou_keras: float  # what keras.metrics.MeanIoU(ignore_class=...) gives
    iou: tuple[float | None, ...]  # one a class; None where a class is ignored, or neither true nor predicted


def count_confusion(masks: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int, ignore: int | None) -> Matrix:
    """Pixels by true and predicted label, without those whose true label is ignored; masks (N, H, W)."""
    valid = np.ones(masks.shape, bool) if ignore is None else masks != ignore
    pairs = masks[valid].astype(np.int64) * classes + predicted[valid]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def score(confusion: Matrix, ignore: int | None) -> Scores:
    """IoU of each class and its means.

    `miou` leaves the ignored class out whatever was predicted. `miou_keras` keeps it in the mean with IoU 0 as soon
    as one pixel of another class is predicted as it, as Keras does; it is never above `miou` for that reason alone.
    A class neither true nor predicted is in no mean. Without a scored pixel both are 0.
    """
    hit = np.diagonal(confusion).astype(np.float64)
    union = confusion.sum(0) + confusion.sum(1) - hit
    iou = np.divide(hit, union, out=np.full(len(hit), np.nan), where=union > 0)
    scored = np.arange(len(hit)) != ignore
    listed = tuple(float(v) if s and np.isfinite(v) else None for v, s in zip(iou, scored, strict=True))
    return Scores(_mean(iou[scored]), _mean(iou), listed)


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else 0.0
