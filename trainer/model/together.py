"""Networks as one network, whose probabilities are the mean of theirs."""

from collections.abc import Sequence

import keras
from keras import ops

LEAST = 1e-30  # probability; that of a masked class is 0, of which there is no logarithm


def combine(networks: Sequence[keras.Model]) -> keras.Model:
    """A functional model of built-in layers and `keras.ops`: images (B, H, W, C) -> logits (B, H, W, classes).

    Its logits are the logarithms of the mean of the networks' softmax, so that its softmax is that mean. It shares
    their layers.

    Args:
        networks: take images of one shape and type, and give logits of the same classes.
    """
    first = networks[0].inputs[0]
    image = keras.Input(first.shape[1:], dtype=first.dtype, name="image")
    members = [
        keras.Model(network.inputs[0], network.outputs[0], name=f"member_{number}")
        for number, network in enumerate(networks)
    ]
    mean = ops.mean(ops.stack([ops.softmax(member(image)) for member in members], axis=1), axis=1)
    return keras.Model(image, ops.log(ops.maximum(mean, LEAST)), name="ensemble")
