"""The networks as Keras models: raw uint8 images in, class logits out."""

import keras
import numpy as np
from keras import layers

from trainer.config import ModelConfig
from trainer.model.blocks import insert_class
from trainer.model.branch import branch
from trainer.model.dual import dual
from trainer.model.shape import check_shape


def build_model(
    config: ModelConfig, shape: tuple[int, int, int], classes: int, masked: int | None = None
) -> keras.Model:
    """A functional, uncompiled model: (B, H, W, C) uint8 -> (B, H, W, classes) float32 logits.

    shape:  (H, W, C) of the images
    masked:  a class that is never predicted, such as an ignored background
    Made of built-in layers and `keras.ops`, so that a saved one loads in safe mode without this package.
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
            logits = insert_class(network(pixels, config, classes - 1), masked)
        return keras.Model(inputs, logits, name="unet")
    finally:
        keras.config.set_dtype_policy(previous)


def count_parameters(config: ModelConfig, shape: tuple[int, int, int], classes: int, masked: int | None = None) -> int:
    """All parameters, trainable or not, of the network that the configuration describes."""
    return int(build_model(config, shape, classes, masked).count_params())


def count_trainable(model: keras.Model) -> int:
    """The parameters that training changes: all but the running statistics of batch normalisation."""
    return int(sum(np.prod(variable.shape) for variable in model.trainable_variables))
