"""Averaged weights: exponential moving averages over the steps of a training, which Keras's optimizers keep."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from trainer.training.checkpoint import Arrays
from trainer.training.flat import FlatOptimizer

SHORTEST_SPAN = 10  # averages span at most this part, 1/10, of a training


def limit_momentum(average: float, steps: int) -> float:
    """The share of the averages that a step keeps, so that they do not begin before the last tenth of a training.

    An average with momentum m spans about 1 / (1 - m) steps.

    Args:
        average: the share that is wished for; 0 for no averages.
        steps: of the whole training.
    """
    return max(0.0, min(average, 1 - SHORTEST_SPAN / steps))


def average_weights(
    network: keras.Model, optimizer: FlatOptimizer, first: Arrays, momentum: float, steps: int
) -> Arrays:
    """The averaged values of `network.weights`, in their order; the network itself stays as it is.

    Keras's averages start from the weights after the first step, which at the beginning are most of them. What is left
    of these, momentum**(steps - 1), is taken out, as Adam does (Kingma and Ba 2015): the mean is over the later steps.
    The statistics of batch normalisation are averages over the same span, for their layers have the same momentum; they
    start from 0 and 1, of which momentum**steps is left.

    Args:
        network: shares its layers with the trained one.
        optimizer: of the trained one; it has kept averages.
        first: the values of the trained one's trainable variables after the first step.
        momentum: of the averages.
        steps: that were trained, 1 or more.
    """
    averaged = {id(variable): average for variable, average in optimizer.read_averages()}
    if steps > 1:
        left = momentum ** (steps - 1)
        averaged = {at: _take_out(averaged[at], start, left) for at, start in zip(averaged, first, strict=True)}
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable, start in ((layer.moving_mean, 0.0), (layer.moving_variance, 1.0)):
                averaged[id(variable)] = _take_out(variable.numpy(), start, momentum**steps)
    weights = network.weights
    return [averaged[id(weight)] if id(weight) in averaged else np.asarray(weight.numpy()) for weight in weights]


def _take_out(average: NDArray[Any], start: NDArray[Any] | float, left: float) -> NDArray[Any]:
    """An average without its start, of which a share is left in it."""
    return np.asarray((average - left * start) / (1 - left), average.dtype)
