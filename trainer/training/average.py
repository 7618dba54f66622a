"""Averaged weights: exponential moving averages over the steps of a training, which Keras's optimizers keep."""

import keras
import numpy as np

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


def average_weights(network: keras.Model, trained: keras.Model, momentum: float, steps: int) -> Arrays:
    """The averaged values of `network.weights`, in their order; the network itself stays as it is.

    The statistics of batch normalisation are averages over the same span: their layers have the same momentum. As they
    start from 0 and 1 instead of the first batch's, what is left of that start, momentum**steps, is taken out, as Adam
    does (Kingma and Ba 2015).

    Args:
        network: shares its layers with `trained`.
        trained: compiled; its optimizer has kept averages.
        momentum: of the averages.
        steps: that were trained.
    """
    variables = trained.trainable_variables
    current = read_arrays(variables)
    trained.optimizer.finalize_variable_values(variables)
    averaged = dict(zip(map(id, network.weights), read_arrays(network.weights), strict=True))
    write_arrays(variables, current)
    left = momentum**steps
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable, start in ((layer.moving_mean, 0.0), (layer.moving_variance, 1.0)):
                corrected = (averaged[id(variable)] - left * start) / (1 - left)
                averaged[id(variable)] = np.asarray(corrected, averaged[id(variable)].dtype)
    return [averaged[id(variable)] for variable in network.weights]
