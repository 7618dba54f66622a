"""Scores of predicted masks against true ones: of all images together, and of each."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.config import DataConfig
from trainer.data.pixels import Pixels
from trainer.files import atomic_write
from trainer.metric import IOU, check_metric, dice_of, metric_value
from trainer.training.metrics import Matrix, Scores, count_confusion, score

_BAND_PIXELS = 2**22  # that are counted at a time, for counting takes many times the memory


@dataclass(frozen=True)
class ImageScores:
    """The scores of one image."""

    name: str
    miou: float | None  # None where no pixel is of a scored class
    iou: tuple[float | None, ...]  # one a class; None where no pixel is of it, or it is ignored


def compare(truth: Pixels, predicted: Pixels, data: DataConfig) -> Matrix:
    """Pixels by true and predicted class, (C, C), of two masks (H, W), without those that are not scored."""
    confusion = np.zeros((data.class_count, data.class_count), np.int64)
    step = max(1, _BAND_PIXELS // max(1, truth.shape[1]))
    for first in range(0, len(truth), step):
        rows = slice(first, first + step)
        confusion += count_confusion(truth[rows], predicted[rows], data.class_count, data.ignored_label)
    return confusion


def score_image(name: str, confusion: Matrix, data: DataConfig) -> ImageScores:
    """The scores of one image from its confusion matrix."""
    scores = score(confusion, data.ignored_label)
    return ImageScores(name, None if set(scores.iou) == {None} else scores.miou, scores.iou)


def summarise_scores(
    confusion: Matrix, images: int, data: DataConfig, names: Sequence[str], metric: str
) -> dict[str, Any]:
    """All scores as plain values; lists have one a class, None where no true pixel is of the class or it is ignored.

    `miou_keras` is None unless a class is ignored, which is what it counts otherwise. `foreground` is the second of
    two scored classes, else None.
    """
    check_metric(metric, names, data.ignored_label)
    scores = score(confusion, data.ignored_label)
    true_positive, true, predicted = np.diagonal(confusion), confusion.sum(1), confusion.sum(0)
    scored = [label for label, iou in enumerate(scores.iou) if iou is not None]
    dice = [None if iou is None else dice_of(iou) for iou in scores.iou]
    return {
        "miou": scores.miou,
        "miou_keras": scores.miou_keras if _ignores_class(data) else None,
        "iou": list(scores.iou),
        "images": images,
        "dice": dice,
        "mean_dice": metric_value("dice", scores.iou, names),
        "precision": [
            _share(true_positive, predicted, label) if label in scored else None for label in range(len(dice))
        ],
        "recall": [_share(true_positive, true, label) if label in scored else None for label in range(len(dice))],
        "names": list(names),
        "foreground": _foreground(scores, dice, data, names),
        "metric": metric,
        "value": metric_value(metric, scores.iou, names),
    }


def write_scores(rows: Sequence[ImageScores], names: Sequence[str], path: Path) -> None:
    """Writes a CSV with a row an image: `name`, `miou`, and the IoU of each class, empty where it has none.

    Raises OSError.
    """
    with (
        atomic_write(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        table = csv.writer(file)
        table.writerow(["name", "miou", *(f"{IOU}{name}" for name in names)])
        table.writerows([row.name, row.miou, *row.iou] for row in rows)


def _share(true_positive: Matrix, total: Matrix, label: int) -> float:
    return float(true_positive[label] / max(1, total[label]))


def _ignores_class(data: DataConfig) -> bool:
    return data.ignored_label is not None and data.ignored_label < data.class_count


def _foreground(
    scores: Scores, dice: Sequence[float | None], data: DataConfig, names: Sequence[str]
) -> dict[str, Any] | None:
    scored = [label for label in range(data.class_count) if label != data.ignored_label]
    if len(scored) != 2:
        return None
    label = scored[1]
    return {"name": names[label], "iou": scores.iou[label], "dice": dice[label]}
