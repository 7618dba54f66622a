"""Averaged weights: exponential moving averages over the steps of a training, which Keras's optimizers keep."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from trainer.training.checkpoint import Arrays, read_arrays, write_arrays

SHORTEST_SPAN = 10  # averages span at most this part, 1/10, of a training


def limit_momentum(average: float, steps: int) -> float:
    """The share of the averages that a step keeps, so that they do not begin before the last tenth of a training.

    An average with momentum m spans about 1 / (1 - m) steps.

    Args:
        average: the share that is wished for; 0 for no averages.
        steps: of the whole training.
    """
    return max(0.0, min(average, 1 - SHORTEST_SPAN / steps))


def average_weights(network: keras.Model, trained: keras.Model, first: Arrays, momentum: float, steps: int) -> Arrays:
    """The averaged values of `network.weights`, in their order; the network itself stays as it is.

    Keras's averages start from the weights after the first step, which at the beginning are most of them. What is left
    of these, momentum**(steps - 1), is taken out, as Adam does (Kingma and Ba 2015): the mean is over the later steps.
    The statistics of batch normalisation are averages over the same span, for their layers have the same momentum; they
    start from 0 and 1, of which momentum**steps is left.

    Args:
        network: shares its layers with `trained`.
        trained: compiled; its optimizer has kept averages.
        first: the values of `trained.trainable_variables` after the first step.
        momentum: of the averages.
        steps: that were trained, 1 or more.
    """
    variables = trained.trainable_variables
    current = read_arrays(variables)
    trained.optimizer.finalize_variable_values(variables)
    averaged = dict(zip(map(id, network.weights), read_arrays(network.weights), strict=True))
    write_arrays(variables, current)
    if steps > 1:
        for variable, values in zip(variables, first, strict=True):
            if id(variable) in averaged:
                averaged[id(variable)] = _take_out(averaged[id(variable)], values, momentum ** (steps - 1))
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable, start in ((layer.moving_mean, 0.0), (layer.moving_variance, 1.0)):
                averaged[id(variable)] = _take_out(averaged[id(variable)], start, momentum**steps)
    return [averaged[id(variable)] for variable in network.weights]


def _take_out(average: NDArray[Any], start: NDArray[Any] | float, left: float) -> NDArray[Any]:
    """An average without its start, of which a share is left in it."""
    return np.asarray((average - left * start) / (1 - left), average.dtype)
