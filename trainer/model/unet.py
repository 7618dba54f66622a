"""The networks as Keras models, from raw uint8 images to class logits."""

import keras
import numpy as np
from keras import layers

from trainer.config import ModelConfig
from trainer.model.blocks import insert_masked_class
from trainer.model.branch import branch
from trainer.model.dual import dual
from trainer.model.shape import check_shape


def build_model(
    config: ModelConfig, shape: tuple[int, int, int], classes: int, masked: int | None = None
) -> keras.Model:
    """A functional, uncompiled model: (B, H, W, C) uint8 -> (B, H, W, classes) float32 logits.

    It has only built-in layers and `keras.ops`, so that a saved model loads in safe mode without this package.

    Args:
        config: the network.
        shape: (H, W, C) of the images.
        classes: number of classes, the masked one included.
        masked: the masked class, such as an ignored background: its logit is -1e4, so it is never predicted.

    Raises:
        InputError: the images' size does not suit the network.
    """
    check_shape(config, shape[0], shape[1])
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.precision)
    try:
        inputs = keras.Input(shape, dtype="uint8", name="image")
        pixels = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
        network = branch if config.fusion == "none" else dual
        if masked is None:
            logits = network(pixels, config, classes)
        else:
            logits = insert_masked_class(network(pixels, config, classes - 1), masked)
        return keras.Model(inputs, logits, name="unet")
    finally:
        keras.config.set_dtype_policy(previous)


def count_parameters(config: ModelConfig, shape: tuple[int, int, int], classes: int, masked: int | None = None) -> int:
    """Number of parameters of the network that `build_model` makes, trainable or not."""
    return int(build_model(config, shape, classes, masked).count_params())


def count_trainable(model: keras.Model) -> int:
    """Number of trainable parameters: all but the running statistics of batch normalisation."""
    return int(sum(np.prod(variable.shape) for variable in model.trainable_variables))
