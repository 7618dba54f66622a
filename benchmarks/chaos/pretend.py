"""A simulated training of seconds instead of minutes, for both sides the same.

An epoch takes PRETEND_EPOCH_S seconds, and adds a line "KEY EPOCH" to the file PRETEND_LOG when it begins. The first
training that finds no file PRETEND_HANG creates it and hangs. On the host PRETEND_SICK_HOST every epoch fails.
PRETEND_QUIET_S replaces the watchdog's ten minutes.
"""

import math
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.chaos.connections import harm_connections
from search.worker import heartbeat
from search.worker.trainer import Trainer
from tests.fake_train import FakeEpoch, FakeFitted, Interrupted, load_history, save_history
from trainer.config import TrainConfig
from trainer.cost import Size, Speed
from trainer.data.dataset import Dataset

EPOCHS = 5
BATCHES = 5  # in an epoch
RATES, WIDTHS = (1e-4, 1e-1), (8, 16, 32)


def miou(rate: float, width: int, epoch: int) -> float:
    """The mIoU after an epoch, which is best near a rate of 2e-3 and for wide networks."""
    end = 0.5 * math.exp(-(math.log10(rate / 2e-3) ** 2)) + 0.05 * math.log2(width)
    return end * (1 - math.exp(-epoch / 2))


def work(key: object, epoch: int, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Simulates an epoch: writes its line to the log, and sleeps."""
    with open(os.environ["PRETEND_LOG"], "a") as log:
        log.write(f"{key} {epoch}\n")
    if os.environ.get("PRETEND_SICK_HOST") == socket.gethostname():
        raise RuntimeError("the device fell off the bus")
    for _ in range(BATCHES):
        if should_stop():
            raise Interrupted
        hang_once(os.environ.get("PRETEND_HANG"))
        time.sleep(float(os.environ["PRETEND_EPOCH_S"]) / BATCHES)


def hang_once(flag: str | None) -> None:
    """Blocks the training thread for an hour, as a driver may, once some trial has begun its second epoch."""
    if flag is not None and second_epoch_begun() and not Path(flag).exists():
        Path(flag).touch()
        time.sleep(3600)


def second_epoch_begun() -> bool:
    return any(line.endswith(" 2") for line in Path(os.environ["PRETEND_LOG"]).read_text().splitlines())


def train(
    config: TrainConfig,
    dataset: Dataset,
    on_epoch: Callable[[Any], bool] | None = None,
    checkpoint: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FakeFitted:
    history, stopped = load_history(checkpoint), "budget"
    while len(history) < config.budget.epochs and stopped == "budget":
        number = len(history) + 1
        work(config.seed, number, should_stop)
        value = miou(config.optimizer.learning_rate, config.model.width, number)
        history.append(FakeEpoch(number, 1 / number, value, value, (None, value), 1e-3, 0.1))
        if checkpoint is not None:
            save_history(checkpoint, history)
        if on_epoch is not None and not on_epoch(history[-1]):
            stopped = "caller"
    best = max(history, key=lambda epoch: epoch.miou)
    confusions = np.zeros((1, dataset.classes, dataset.classes), np.int64)
    return FakeFitted(config, tuple(history), best, confusions, 1000, 0.1 * len(history), 100.0, stopped)


def trainer() -> Trainer:
    """The trainer of our workers."""
    harm_connections()
    heartbeat.QUIET_S = float(os.environ.get("PRETEND_QUIET_S", heartbeat.QUIET_S))
    simulated: Any = train  # it returns a FakeFitted
    return Trainer(
        simulated,
        lambda config, dataset, fitted=None: Size(1000, 1.0),
        lambda config, dataset, fitted=None: Speed(1.0, 1.0),
        lambda fitted, dataset, folder: [],
        lambda: None,
    )
