"""A trainer without Keras: a search in real processes, whose trials take a fraction of a second.

Its mIoU is a fixed function of the configuration and the epoch. Variables of the environment:

    FAKE_EPOCH_S    the seconds that an epoch takes
    FAKE_PAUSE      where training pauses; see `Pause`
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

import numpy as np

from search.worker import assignment, loop
from search.worker.trainer import Trainer
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.cost import Size, Speed
from trainer.data.dataset import Dataset
from trainer.errors import DivergedError
from trainer.metric import dice_of
from trainer.training.checkpoint import CheckpointError

EPOCH_S = 0.02
BATCHES = 2  # in an epoch
LOOK_S = 0.02  # between two looks at whether a pause has ended


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
    metric: str = "miou"

    @property
    def value(self) -> float:
        """The value of the metric; the IoU of all classes is the same."""
        return dice_of(self.miou) if self.metric == "dice" else self.miou


@dataclass(frozen=True)
class FakeFitted:
    """As `trainer.training.fit.Fitted`, without a network."""

    config: TrainConfig
    history: tuple[FakeEpoch, ...]
    final: FakeEpoch
    confusions: Any
    parameters: int
    seconds: float
    images_per_second: float
    stopped: str


class Interrupted(Exception):
    """As `trainer.training.fit.Interrupted`."""


@dataclass(frozen=True)
class Pause:
    """Training waits after some epoch until it is told to go on; the trainer reads it from FAKE_PAUSE."""

    folder: Path  # an existing one, for the files through which trainer and test speak
    epoch: int  # training pauses after it
    first_trial: int = 0  # the trials before it do not pause

    @property
    def environ(self) -> dict[str, str]:
        """The variable that makes the trainers of a search pause."""
        return {"FAKE_PAUSE": json.dumps([str(self.folder), self.epoch, self.first_trial])}

    @classmethod
    def from_environment(cls) -> "Pause | None":
        if (value := os.environ.get("FAKE_PAUSE")) is None:
            return None
        folder, epoch, first_trial = json.loads(value)
        return cls(Path(folder), epoch, first_trial)

    def is_reached(self, *trials: int) -> bool:
        """Whether all these trials pause, or have paused: their last epoch is reported and saved."""
        return all(self._reached(trial).exists() for trial in trials)

    def end(self) -> None:
        """Lets all trials go on; none pauses any more."""
        self._ended.touch()

    def wait(self, trial: int, should_stop: Callable[[], bool]) -> None:
        """Waits for the end of the pause, in the trainer. Raises Interrupted."""
        while not self._ended.exists():
            if should_stop():
                raise Interrupted
            self._reached(trial).touch()
            time.sleep(LOOK_S)

    @property
    def _ended(self) -> Path:
        return self.folder / "pause-ended"

    def _reached(self, trial: int) -> Path:
        return self.folder / f"paused-{trial}"


def train(
    config: TrainConfig,
    dataset: Dataset,
    on_epoch: Callable[[Any], bool] | None = None,
    checkpoint: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FakeFitted:
    """Trains as `trainer.training.fit.train` does; the name of `checkpoint` is the trial's number."""
    history, stopped = load_history(checkpoint), "budget"
    pause, trial = Pause.from_environment(), int(checkpoint.stem) if checkpoint else 0
    while len(history) < config.budget.epochs and stopped == "budget":
        if pause and trial >= pause.first_trial and len(history) == pause.epoch:
            pause.wait(trial, should_stop)
        _train_epoch(should_stop)
        history.append(_epoch(config, dataset, len(history) + 1))
        if checkpoint is not None:
            save_history(checkpoint, history)
        if on_epoch is not None and not on_epoch(history[-1]):
            stopped = "caller"
    best = max(history, key=lambda epoch: epoch.value)
    shares = best.value * np.eye(dataset.classes) + (1 - best.value) / dataset.classes
    pixels = np.random.default_rng(0).integers(5_000, 20_000, (16, 1, 1))  # the same blocks in all trials
    confusions = np.asarray(pixels * shares, np.int64)
    seconds = len(history) * 0.05
    parameters = measure_size(config, dataset).parameters
    return FakeFitted(config, tuple(history), best, confusions, parameters, seconds, 100.0, stopped)


def miou(config: TrainConfig, epoch: int) -> float:
    """The mIoU after an epoch: best near a learning rate of 2e-3, with residual blocks, and for wide networks."""
    rate = math.exp(-(math.log10(config.optimizer.learning_rate / 2e-3) ** 2))
    end = 0.5 * rate + 0.1 * config.model.residual + 0.05 * math.log2(config.model.width)
    return 0.5 * end * (1 - math.exp(-epoch / 2)) + 0.0001 * config.model.depth


def measure_size(config: TrainConfig, dataset: Dataset, fitted: Any = None) -> Size:
    return Size(1000 * config.model.width * config.model.depth, config.model.width / 4)


def measure_speed(config: TrainConfig, dataset: Dataset, fitted: Any = None) -> Speed:
    return Speed(config.model.width / 2, config.model.width / 8)


def write_figures(fitted: FakeFitted, dataset: Dataset, folder: Path) -> list[Path]:
    path = folder / "curves.png"
    path.write_bytes(_png())
    return [path]


def save_model(fitted: FakeFitted, path: Path) -> None:
    path.write_text(str(fitted.final.value))


def fail(*_: Any, **__: Any) -> FakeFitted:
    raise OSError("the disk is\nnot there")


def diverge(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Any, should_stop: Any) -> FakeFitted:
    on_epoch(_epoch(config, dataset, 1))
    raise DivergedError("the loss must be finite; got nan in epoch 2")


def run_out_of_memory(*_: Any, **__: Any) -> FakeFitted:
    raise MemoryError("no 12 GiB to be had")


def kill_worker(*_: Any, **__: Any) -> FakeFitted:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def make_trainer(train_function: Any = train) -> Trainer:
    """The trainer of a worker that is started with `tests.fake_train:make_trainer`; the others differ in training."""
    figures: Any = write_figures
    save: Any = save_model
    return Trainer(train_function, measure_size, measure_speed, figures, lambda: None, save)


def make_noisy_trainer() -> Trainer:
    """The value depends on the seed as well."""

    def train_by_seed(config: TrainConfig, *arguments: Any) -> FakeFitted:
        rate = config.optimizer.learning_rate * math.exp(np.random.default_rng(config.seed).normal(0.0, 1.0))
        return train(override(config, {"optimizer.learning_rate": rate}), *arguments)

    return make_trainer(train_by_seed)


def make_failing_trainer() -> Trainer:
    assignment.RETRY_PAUSES_S = (0.01, 0.02)
    return make_trainer(fail)


def make_variously_ending_trainer() -> Trainer:
    """Trial 1 diverges, trial 2 needs too much memory, and all others are trained."""
    ends = {"1": diverge, "2": run_out_of_memory}

    def train_or_end(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, stop: Any) -> FakeFitted:
        return ends.get(checkpoint.name, train)(config, dataset, on_epoch, checkpoint, stop)

    return make_trainer(train_or_end)


def make_deadly_trainer() -> Trainer:
    """Every trial kills its worker."""
    return make_trainer(kill_worker)


def make_leaking_trainer() -> Trainer:
    """After its first trial the worker counts as grown too large."""
    loop.MOST_GROWTH_BYTES = -1
    return make_trainer()


def _train_epoch(should_stop: Callable[[], bool]) -> None:
    for _ in range(BATCHES):
        if should_stop():
            raise Interrupted
        time.sleep(float(os.environ.get("FAKE_EPOCH_S", EPOCH_S)) / BATCHES)


def _epoch(config: TrainConfig, dataset: Dataset, number: int) -> FakeEpoch:
    value = miou(config, number)
    iou = tuple(None if label == dataset.ignore else value for label in range(dataset.classes))
    return FakeEpoch(number, 1 / number, value, value, iou, 1e-3, 0.05, config.metric)


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
    """A picture of one black pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
