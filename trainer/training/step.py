"""One training step, and the mean loss of the steps since the last reset."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import keras

from trainer.on_device.network import AugmentedNetwork


class Step(Protocol):
    """Trains by one batch, and returns how to read the mean loss so far."""

    def __call__(self, images: Any, masks: Any, seed: int = 0) -> Callable[[], float]:
        """The seed is for a network that augments the batch."""


def make_step(model: keras.Model) -> Step:
    """Returns `step(images, masks, seed)`, which trains a compiled model by one batch and returns how to read the loss.

    What is read is the mean over the batches since the model's metrics were reset, penalties included; it is not finite
    if the loss of any of them was not. Under TensorFlow nothing waits for the device before it is read.
    """
    return _step_ahead(model) if keras.backend.backend() == "tensorflow" else _step_and_wait(model)


def _step_ahead(model: keras.Model) -> Step:
    model.make_train_function()

    def step(images: Any, masks: Any, seed: int = 0) -> Callable[[], float]:
        logs = model.train_function(iter([_arrange(model, images, masks, seed)]))
        return lambda: float(logs["loss"])

    return step


def _step_and_wait(model: keras.Model) -> Step:
    """By Keras's public method, which waits for each batch."""
    losses: list[float] = []

    def step(images: Any, masks: Any, seed: int = 0) -> Callable[[], float]:
        model.reset_metrics()  # which Keras does by itself since 3.15
        losses.append(float(model.train_on_batch(*_arrange(model, images, masks, seed))))
        return lambda: math.fsum(losses) / len(losses)

    return step


def _arrange(model: keras.Model, images: Any, masks: Any, seed: int) -> tuple[Any, Any]:
    """What Keras calls x and y."""
    return (model.pack(images, masks, seed), None) if isinstance(model, AugmentedNetwork) else (images, masks)
