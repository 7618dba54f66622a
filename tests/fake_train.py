"""A trainer that only pretends: it drives the whole search, in real processes, without Keras.

Its mIoU is a fixed function of the configuration and the epoch. FAKE_EPOCH_S sets the seconds an epoch takes.
"""

import json
import math
import os
import signal
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search.worker import assignment, loop
from search.worker.trainer import Trainer
from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.errors import DivergedError
from trainer.training.checkpoint import CheckpointError

BATCHES = 5  # an epoch; between them it asks whether to stop


@dataclass(frozen=True)
class FakeEpoch:
    """As `trainer.training.fit.Epoch`."""

    epoch: int
    loss: float
    miou: float
    miou_keras: float
    iou: tuple[float | None, ...]
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class FakeFitted:
    """As `trainer.training.fit.Fitted`, without a network."""

    config: TrainConfig
    history: tuple[FakeEpoch, ...]
    best: FakeEpoch
    parameters: int
    seconds: float
    images_per_second: float
    stopped: str


class Interrupted(Exception):
    """As `trainer.training.fit.Interrupted`."""


def train(
    config: TrainConfig,
    dataset: Dataset,
    on_epoch: Callable[[Any], bool] | None = None,
    checkpoint: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FakeFitted:
    history = load_history(checkpoint)
    stopped = "budget"
    while len(history) < config.budget.epochs and stopped == "budget":
        _work(should_stop)
        history.append(_epoch(config, len(history) + 1))
        if checkpoint is not None:
            save_history(checkpoint, history)
        if on_epoch is not None and not on_epoch(history[-1]):
            stopped = "caller"
    best = max(history, key=lambda epoch: epoch.miou)
    return FakeFitted(config, tuple(history), best, count(config, dataset), len(history) * 0.05, 100.0, stopped)


def miou(config: TrainConfig, epoch: int) -> float:
    """Best near a learning rate of 2e-3, with residual blocks, and for wide networks."""
    rate = math.exp(-(math.log10(config.optimizer.learning_rate / 2e-3) ** 2))
    end = 0.5 * rate + 0.1 * config.model.residual + 0.05 * math.log2(config.model.width)
    return 0.5 * end * (1 - math.exp(-epoch / 2)) + 0.0001 * config.model.depth


def count(config: TrainConfig, dataset: Dataset) -> int:
    return 1000 * config.model.width * config.model.depth


def write_figures(fitted: FakeFitted, dataset: Dataset, folder: Path) -> list[Path]:
    path = folder / "curves.png"
    path.write_bytes(_png())
    return [path]


def save_model(fitted: FakeFitted, path: Path) -> None:
    path.write_text(str(fitted.best.miou))


def fails(*_: Any, **__: Any) -> FakeFitted:
    raise OSError("the disk is\nnot there")


def diverges(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Any, should_stop: Any) -> FakeFitted:
    on_epoch(_epoch(config, 1))
    raise DivergedError("the loss must be finite; got nan in epoch 2")


def runs_out(*_: Any, **__: Any) -> FakeFitted:
    raise MemoryError("no 12 GiB to be had")


def dies(*_: Any, **__: Any) -> FakeFitted:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def trainer() -> Trainer:
    return make_trainer(train)


def failing_trainer() -> Trainer:
    assignment.RETRY_PAUSES_S = (0.01, 0.02)
    return make_trainer(fails)


def diverging_trainer() -> Trainer:
    return make_trainer(diverges)


def hungry_trainer() -> Trainer:
    return make_trainer(runs_out)


def deadly_trainer() -> Trainer:
    return make_trainer(dies)


def growing_trainer() -> Trainer:
    """Every trial makes the process too large."""
    loop.MOST_GROWTH_BYTES = -1
    return make_trainer(train)


def make_trainer(function: Any) -> Trainer:
    figures: Any = write_figures
    save: Any = save_model
    return Trainer(function, count, figures, lambda: None, save)


def _work(should_stop: Callable[[], bool]) -> None:
    for _ in range(BATCHES):
        if should_stop():
            raise Interrupted
        time.sleep(float(os.environ.get("FAKE_EPOCH_S", "0.05")) / BATCHES)


def _epoch(config: TrainConfig, number: int) -> FakeEpoch:
    value = miou(config, number)
    return FakeEpoch(number, 1 / number, value, value, (None, value, value, value, value), 1e-3, 0.05)


def load_history(checkpoint: Path | None) -> list[FakeEpoch]:
    if checkpoint is None or not checkpoint.exists():
        return []
    try:
        return [FakeEpoch(**epoch) for epoch in json.loads(checkpoint.read_text())]
    except ValueError:
        raise CheckpointError("a checkpoint must be readable") from None


def save_history(checkpoint: Path, history: list[FakeEpoch]) -> None:
    partial = checkpoint.with_name(checkpoint.name + ".partial")
    partial.write_text(json.dumps([asdict(epoch) for epoch in history]))
    partial.replace(checkpoint)


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
