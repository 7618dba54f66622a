"""The epochs of a training, and what it is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.metric import count_tail


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch; all but the loss are on validation data, by the averaged weights."""

    epoch: int  # from 1
    loss: float  # mean over its batches, penalties included
    value: float  # of `config.metric`, 0..1; 0 where nothing validates
    miou: float  # these three as in `metrics.Scores`
    miou_keras: float
    iou: tuple[float | None, ...]
    learning_rate: float  # of the last step
    seconds: float  # training and validation


@dataclass(frozen=True)
class Final:
    """What a training is judged by: means over its last epochs, or its best epoch."""

    epoch: int  # whose weights are kept
    value: float  # these four as in `Epoch`
    miou: float
    miou_keras: float
    iou: tuple[float | None, ...]


def judge(history: Sequence[Epoch], keep: str) -> Final:
    """The result of a training after at least one epoch.

    "last" takes means over the last tenth of the epochs, rounded up, so that no lucky epoch decides; "best" the first
    epoch with the highest value.
    """
    if keep == "best":
        best = max(history, key=lambda epoch: epoch.value)
        return Final(best.epoch, best.value, best.miou, best.miou_keras, best.iou)
    tail = history[-count_tail(len(history)) :]
    iou = tuple(_mean(values) for values in zip(*(epoch.iou for epoch in tail), strict=True))
    value, miou, miou_keras = (
        float(np.mean([getattr(epoch, name) for epoch in tail])) for name in ("value", "miou", "miou_keras")
    )
    return Final(history[-1].epoch, value, miou, miou_keras, iou)


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean of a class's IoU; None where it is not scored, in any epoch alike."""
    scored = [value for value in values if value is not None]
    return float(np.mean(scored)) if scored else None
