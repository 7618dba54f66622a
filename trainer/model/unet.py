"""The networks as Keras models, from raw pixels to class logits."""

from typing import Literal

import keras
import numpy as np
from keras import layers

from trainer.config import ModelConfig
from trainer.model.blocks import Tensor, insert_masked_class
from trainer.model.branch import branch
from trainer.model.dual import dual
from trainer.model.shape import padded_size


def build_model(
    config: ModelConfig,
    shape: tuple[int, int, int],
    classes: int,
    masked: int | None = None,
    dtype: Literal["uint8", "float32"] = "uint8",
) -> keras.Model:
    """A functional, uncompiled model: (B, H, W, C) of values 0..255 -> (B, H, W, classes) float32 logits.

    It has only built-in layers and `keras.ops`, so that a saved model loads in safe mode without this package.

    Args:
        config: the network.
        shape: (H, W, C) of the images. A size that cannot be halved often enough is padded within the network.
        classes: number of classes, the masked one included.
        masked: the masked class, such as an ignored background: its logit is -1e4, so it is never predicted.
        dtype: of the images; float32 where their files have more than 8 bits.
    """
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.precision)
    try:
        inputs = keras.Input(shape, dtype=dtype, name="image")
        pixels = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
        if masked is None:
            logits = _padded_network(pixels, config, classes)
        else:
            logits = insert_masked_class(_padded_network(pixels, config, classes - 1), masked)
        return keras.Model(inputs, logits, name="unet")
    finally:
        keras.config.set_dtype_policy(previous)


def _padded_network(pixels: Tensor, config: ModelConfig, classes: int) -> Tensor:
    """The network on pixels (B, H, W, C), padded with mid-grey at the bottom and right if their size needs it."""
    network = branch if config.fusion == "none" else dual
    height, width = pixels.shape[1:3]
    more_height, more_width = np.subtract(padded_size(config, height, width), (height, width)).tolist()
    if not (more_height or more_width):
        return network(pixels, config, classes)
    added = ((0, more_height), (0, more_width))
    logits = network(layers.ZeroPadding2D(added)(pixels), config, classes)
    return layers.Cropping2D(added, dtype="float32")(logits)


def count_parameters(config: ModelConfig, shape: tuple[int, int, int], classes: int, masked: int | None = None) -> int:
    """Number of parameters of the network that `build_model` makes, trainable or not."""
    return int(build_model(config, shape, classes, masked).count_params())


def count_trainable(model: keras.Model) -> int:
    """Number of trainable parameters: all but the running statistics of batch normalisation."""
    return int(sum(np.prod(variable.shape) for variable in model.trainable_variables))
