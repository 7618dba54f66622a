"""A training, and what its caller sees of it."""

from dataclasses import dataclass
from pathlib import Path

from tests.data_sets import make_dataset
from trainer.config import TrainConfig
from trainer.training.checkpoint import load_checkpoint
from trainer.training.fit import Fitted, train
from trainer.training.history import Epoch


@dataclass(frozen=True)
class Recorded:
    """The result, the reports, and the checkpoint of a training."""

    fitted: Fitted
    reported: tuple[Epoch, ...]
    saved: tuple[int, ...]  # epochs in the checkpoint whenever an epoch was reported
    checkpoint: Path


def record(config: TrainConfig, checkpoint: Path) -> Recorded:
    """Trains on the tiny data set."""
    reported: list[Epoch] = []
    saved: list[int] = []

    def on_epoch(epoch: Epoch) -> bool:
        reported.append(epoch)
        saved.append(len(load_checkpoint(checkpoint).history) if checkpoint.exists() else 0)
        return True

    fitted = train(config, make_dataset(), on_epoch, checkpoint)
    return Recorded(fitted, tuple(reported), tuple(saved), checkpoint)
