"""A training that goes on until it is told to stop, for measurements of its steps."""

from collections.abc import Callable
from contextlib import suppress

import keras

from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset
from trainer.pipeline.batches import Batches
from trainer.training.backend import devices
from trainer.training.fit import READ_EVERY, Interrupted, train

ENDLESS_STEPS = 10**9


def train_until(config: TrainConfig, dataset: Dataset, should_stop: Callable[[], bool]) -> None:
    """Does the steps of `train`, without any validation, until `should_stop`, called before each step, returns True.

    The learning rate stays near 0, so that the loss stays finite however long it takes. Raises what `train` raises.
    """
    endless = override(config, {"budget.steps": ENDLESS_STEPS, "budget.epochs": 1})
    with suppress(Interrupted):
        train(endless, dataset, should_stop=should_stop)


def steps_between_waits() -> int:
    """The number of steps, counted from the first, after each of which the device has done all of them.

    A GPU works behind TensorFlow's back until the loss is read.
    """
    return READ_EVERY if keras.backend.backend() == "tensorflow" and devices("gpu") else 1


def count_training_steps(config: TrainConfig, dataset: Dataset) -> int:
    """The number of steps of a whole training."""
    return Batches(config, dataset).steps
