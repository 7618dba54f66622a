"""What a replay asks of a search method."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from benchmarks.replay.problem import Values
from trainer.metric import count_tail


@dataclass(frozen=True)
class Task:
    """A training, or the next part of one that was paused."""

    key: int  # of the training
    values: Values  # its configuration
    epochs: int  # after which it ends or pauses, counted from its first


class Method(Protocol):
    """A search method. It is told every epoch when it ends, and knows nothing before."""

    def ask(self) -> Task | None:
        """What a free worker trains next; None while the method waits for others, or where it has ended."""

    def report(self, key: int, epoch: int, value: float) -> bool:
        """Takes the value after an epoch, counted from 1; whether the training goes on, if its task does."""

    def diverged(self, key: int) -> None:
        """A training has ended without a value."""

    def best(self) -> int | None:
        """The training whose configuration the method would return now."""


def training_value(curve: Sequence[float]) -> float:
    """The value of a whole training, the mean of its last epochs."""
    return fmean(curve[-count_tail(len(curve)) :])
