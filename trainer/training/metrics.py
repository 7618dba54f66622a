"""Scores of a confusion matrix, which is counted batch by batch. NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.metric import metric_value

Matrix = NDArray[np.int64]  # (C, C), rows true, columns predicted


@dataclass(frozen=True)
class Scores:
    """Intersection over union (IoU): TP / (TP + FP + FN), all 0..1."""

    miou: float  # mean IoU of the scored classes
    miou_keras: float  # as keras.metrics.MeanIoU(ignore_class=...) computes it
    iou: tuple[float | None, ...]  # one for each class; None if it is not scored: ignored, or no pixel is truly of it


def count_confusion(masks: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int, ignore: int | None) -> Matrix:
    """Pixels of masks (N, H, W) by true and predicted label, (C, C), without those that are ignored or of no class."""
    valid = masks < classes
    if ignore is not None:
        valid &= masks != ignore
    pairs = masks[valid].astype(np.int64) * classes + predicted[valid]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def score(confusion: Matrix, ignore: int | None) -> Scores:
    """IoU of each class, and two means; both are 0 where no class is scored.

    `miou` is the mean over the classes that some pixel is truly of, without the ignored class. A class that is
    predicted where none of its pixels is true costs the classes that are there, and is no class of IoU 0 beside them.
    `miou_keras` is the mean over all classes that are true or predicted. The ignored class enters with IoU 0 if any
    pixel is predicted as it, as in Keras.
    """
    true_positive, true = np.diagonal(confusion).astype(np.float64), confusion.sum(1)
    union = confusion.sum(0) + true - true_positive
    iou = np.divide(true_positive, union, out=np.full(len(true_positive), np.nan), where=union > 0)
    scored = (np.arange(len(true_positive)) != ignore) & (true > 0)
    listed = tuple(float(value) if counts else None for value, counts in zip(iou, scored, strict=True))
    counted = iou[union > 0]
    return Scores(metric_value("miou", listed), float(counted.mean()) if len(counted) else 0.0, listed)
