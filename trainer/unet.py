"""The U-Net (Ronneberger et al. 2015): raw uint8 images in, class logits out."""

import keras
from keras import layers, ops

from trainer import blocks
from trainer.blocks import Tensor
from trainer.config import ModelConfig
from trainer.shape import check_shape


def build_model(
    config: ModelConfig, shape: tuple[int, int, int], classes: int, never: int | None = None
) -> keras.Model:
    """A functional, uncompiled model: (B, H, W, C) uint8 -> (B, H, W, classes) float32 logits.

    shape:  (H, W, C) of the images
    never:  a class that is never predicted, such as an ignored background
    Made of built-in layers and `keras.ops`, so that a saved one loads in safe mode without this package.
    """
    check_shape(config, shape[0], shape[1])
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.precision)
    try:
        inputs = keras.Input(shape, dtype="uint8", name="image")
        features = encode_decode(enter(inputs, config), config)
        return keras.Model(inputs, leave(features, config, classes, never), name="unet")
    finally:
        keras.config.set_dtype_policy(previous)


def enter(inputs: Tensor, config: ModelConfig) -> Tensor:
    """Scales 0..255 to -1..1; a stem of stride 2 turns 2x2 pixels into channels."""
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    return ops.space_to_depth(x, 2) if config.stem == 2 else x


def leave(x: Tensor, config: ModelConfig, classes: int, never: int | None) -> Tensor:
    """Class logits at the images' resolution.

    Depth-to-space alone draws a checkerboard where its four filters disagree. So it only adds detail, from nothing on,
    to an interpolated map, and a 3x3 convolution of half the width follows.
    """
    if config.stem == 2:
        filters = max(4, config.width // 2)
        smooth = layers.UpSampling2D(2, interpolation="bilinear")(blocks.conv(x, filters, 1, config))
        detail = ops.depth_to_space(blocks.conv(x, 4 * filters, 1, config, initializer="zeros"), 2)
        x = blocks.conv(layers.Add()([smooth, detail]), filters, 3, config, bias=config.norm == "none")
        x = layers.ReLU()(blocks.normalise(x, config))
    return blocks.class_logits(x, classes, never)


def encode_decode(x: Tensor, config: ModelConfig) -> Tensor:
    """(B, H, W, C) -> (B, H, W, width), with a skip at each of `depth` levels."""
    skips = []
    for level in range(config.depth):
        x = blocks.double_conv(x, config.width * 2**level, config)
        skips.append(x)
        x = drop(layers.MaxPooling2D(2)(x), config)
    x = drop(blocks.double_conv(x, config.width * 2**config.depth, config, dilation=config.dilation), config)
    for level in reversed(range(config.depth)):
        filters = config.width * 2**level
        x = blocks.upsample(x, filters, config)
        skip = blocks.attention_gate(skips[level], x, config) if config.attention else skips[level]
        x = blocks.double_conv(layers.Concatenate()([x, skip]), filters, config)
    return x


def drop(x: Tensor, config: ModelConfig) -> Tensor:
    """Drops whole channels while training (Tompson et al. 2015)."""
    return layers.SpatialDropout2D(config.dropout)(x) if config.dropout else x


def count_parameters(config: ModelConfig, shape: tuple[int, int, int], classes: int, never: int | None = None) -> int:
    """All parameters, trainable or not, of the network that the configuration describes."""
    return int(build_model(config, shape, classes, never).count_params())
