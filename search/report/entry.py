"""Trials as a report shows them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from storage.studies.attributes import TrialAttributes
from storage.studies.resampled import KEY, Values, parse_resampled
from trainer.metric import dice_of

LEADERS = 10  # trials that a report shows one by one


@dataclass(frozen=True)
class Curve:
    """A trial's value by epoch; without epochs where the trial ended before its first."""

    number: int
    complete: bool
    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Entry:
    """A complete trial on the leaderboard. What an older version did not store is None."""

    trial: FrozenTrial
    name: str | None
    value: float  # of the study's metric
    interval: tuple[float, float] | None
    resampled: Values  # the value in draws of the validation side
    miou: float
    miou_keras: float | None
    iou: tuple[float | None, ...]  # of each scored class; None of one that no validation pixel is of
    best_epoch: int | None
    curve: Curve
    parameters: int | None
    memory_mib: float | None  # these three as in `trainer/cost.py`
    ms_per_image: float | None
    ms_per_image_batched: float | None
    device_s: float

    @property
    def number(self) -> int:
        """The trial's number in its study."""
        return self.trial.number

    @property
    def dice(self) -> tuple[float | None, ...]:
        """The Dice coefficient of each scored class."""
        return tuple(None if iou is None else dice_of(iou) for iou in self.iou)


def make_entry(trial: FrozenTrial, scored: Sequence[int]) -> Entry:
    """A complete trial's entry; `scored` are the labels of the scored classes."""
    attributes, value = TrialAttributes.read(trial.user_attrs), trial.value or 0.0
    iou = attributes.iou
    return Entry(
        trial=trial,
        name=attributes.name,
        value=value,
        interval=attributes.interval,
        resampled=parse_resampled(trial.system_attrs.get(KEY)),
        miou=value if attributes.miou is None else attributes.miou,
        miou_keras=attributes.miou_keras,
        iou=tuple(iou[label] if label < len(iou) else None for label in scored),
        best_epoch=attributes.best_epoch,
        curve=make_curve(trial),
        parameters=attributes.parameters,
        memory_mib=attributes.memory_mib,
        ms_per_image=attributes.ms_per_image,
        ms_per_image_batched=attributes.ms_per_image_batched,
        device_s=attributes.device_s,
    )


def make_curve(trial: FrozenTrial) -> Curve:
    """A trial's curve, of its finite values."""
    points = sorted((epoch, value) for epoch, value in trial.intermediate_values.items() if math.isfinite(value))
    epochs, values = zip(*points, strict=True) if points else ((), ())
    return Curve(trial.number, trial.state == TrialState.COMPLETE, epochs, values)
