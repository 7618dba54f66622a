"""The parts of a U-Net: each takes a tensor (B, H, W, C) and gives one."""

import math
from typing import Any

from keras import layers, ops, regularizers

from trainer.config import ModelConfig

Tensor = Any  # a symbolic tensor of Keras


def conv(
    x: Tensor,
    filters: int,
    kernel: int,
    config: ModelConfig,
    *,
    dilation: int = 1,
    bias: bool = True,
    initializer: str = "he_normal",
) -> Tensor:
    """A convolution that keeps the size; (B, H, W, C) -> (B, H, W, filters)."""
    return layers.Conv2D(
        filters,
        kernel,
        padding="same",
        dilation_rate=dilation,
        use_bias=bias,
        kernel_initializer=initializer,
        kernel_regularizer=penalty(config),
    )(x)


def penalty(config: ModelConfig) -> regularizers.Regularizer | None:
    """L1 and L2 on a convolution's kernel, where configured."""
    return regularizers.L1L2(config.l1, config.l2) if config.l1 or config.l2 else None


def conv_norm(x: Tensor, filters: int, kernel: int, config: ModelConfig, *, dilation: int = 1) -> Tensor:
    """A convolution and the configured normalisation; (B, H, W, C) -> (B, H, W, filters)."""
    bias = config.bias or config.norm == "none"  # a normalisation takes the mean away again
    return normalise(conv(x, filters, kernel, config, dilation=dilation, bias=bias), config)


def normalise(x: Tensor, config: ModelConfig) -> Tensor:
    """The configured normalisation, or the input itself.

    `layer` normalises over the channels of each pixel; `group` over groups of channels and all pixels of one
    image (Wu and He 2018), with `config.groups` lowered to a divisor of the channels.
    """
    match config.norm:
        case "none":
            return x
        case "batch":
            return layers.BatchNormalization(momentum=0.9)(x)
        case "layer":
            return layers.LayerNormalization(axis=-1, epsilon=1e-5)(x)
        case "group":
            return layers.GroupNormalization(groups=math.gcd(config.groups, x.shape[-1]), epsilon=1e-5)(x)


def channel_weights(x: Tensor, ratio: int) -> Tensor:
    """A weight 0..1 a channel, from what the whole image shows (Hu et al. 2018); (B, H, W, C) -> (B, 1, 1, C)."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = layers.Dense(max(1, channels // ratio), activation="relu")(weights)
    return layers.Dense(channels, activation="sigmoid")(weights)


def squeeze_excite(x: Tensor, ratio: int) -> Tensor:
    """Weighs the channels; keeps the shape."""
    return layers.Multiply()([x, channel_weights(x, ratio)])


def double_conv(x: Tensor, filters: int, config: ModelConfig, *, dilation: int = 1) -> Tensor:
    """Twice (3x3 convolution, normalisation, ReLU), with residual and SE where configured.

    (B, H, W, C) -> (B, H, W, filters)
    """
    y = x
    for _ in range(2):
        y = layers.ReLU()(conv_norm(y, filters, 3, config, dilation=dilation))
    if config.residual:
        y = layers.Add()([y, conv(x, filters, 1, config)])
    return squeeze_excite(y, config.se_ratio) if config.se else y


def upsample(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """Doubles height and width; (B, H, W, C) -> (B, 2H, 2W, filters), or C channels where nothing narrows.

    The concatenated gate adds what comes up to the skip, so it needs `filters`.
    """
    if config.upsampling == "transpose":
        kernel = config.transpose_kernel
        x = layers.Conv2DTranspose(
            filters,
            kernel,
            strides=2,
            padding="same",
            kernel_initializer="he_normal",
            kernel_regularizer=penalty(config),
        )(x)
        return layers.ReLU()(x) if kernel == 3 else x
    if config.narrow or (config.attention and config.gate == "concatenated"):
        x = conv(x, filters, 1, config)  # the interpolation then moves fewer channels
    return layers.UpSampling2D(2, interpolation=config.upsampling)(x)


def drop(x: Tensor, rate: float, config: ModelConfig) -> Tensor:
    """Drops while training: whole channels (Tompson et al. 2015), or single values."""
    if not rate:
        return x
    return layers.SpatialDropout2D(rate)(x) if config.dropout_kind == "channels" else layers.Dropout(rate)(x)


def class_map(x: Tensor, classes: int) -> Tensor:
    """A 1x1 convolution to class logits in float32; (B, H, W, C) -> (B, H, W, classes)."""
    return layers.Conv2D(classes, 1, dtype="float32")(x)


def insert_class(x: Tensor, place: int) -> Tensor:
    """A further class with the constant logit -1e4 at `place`; (B, H, W, C) -> (B, H, W, C + 1).

    So an argmax does not yield it, and it takes no part in a softmax.
    """
    if place in (0, x.shape[-1]):
        return ops.pad(x, ((0, 0), (0, 0), (0, 0), (1, 0) if place == 0 else (0, 1)), constant_values=-1e4)
    below, above = ops.split(x, [place], axis=-1)
    return layers.Concatenate(dtype="float32")([insert_class(below, place), above])
