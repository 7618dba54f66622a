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
    penalty = regularizers.L1L2(config.l1, config.l2) if config.l1 or config.l2 else None
    return layers.Conv2D(
        filters,
        kernel,
        padding="same",
        dilation_rate=dilation,
        use_bias=bias,
        kernel_initializer=initializer,
        kernel_regularizer=penalty,
    )(x)


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


def squeeze_excite(x: Tensor, ratio: int) -> Tensor:
    """Weighs channels by what the whole image shows (Hu et al. 2018); keeps the shape."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = layers.Dense(max(1, channels // ratio), activation="relu")(weights)
    weights = layers.Dense(channels, activation="sigmoid")(weights)
    return layers.Multiply()([x, weights])


def double_conv(x: Tensor, filters: int, config: ModelConfig, *, dilation: int = 1) -> Tensor:
    """Twice (3x3 convolution, normalisation, ReLU), with residual and SE where configured.

    (B, H, W, C) -> (B, H, W, filters)
    """
    bias = config.norm == "none"  # a normalisation that follows takes the mean away again
    y = x
    for _ in range(2):
        y = conv(y, filters, 3, config, dilation=dilation, bias=bias)
        y = layers.ReLU()(normalise(y, config))
    if config.residual:
        y = layers.Add()([y, conv(x, filters, 1, config)])
    return squeeze_excite(y, config.se_ratio) if config.se else y


def upsample(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """Doubles height and width; (B, H, W, C) -> (B, 2H, 2W, filters)."""
    if config.upsampling == "transpose":
        return layers.Conv2DTranspose(filters, 2, strides=2, kernel_initializer="he_normal")(x)
    x = conv(x, filters, 1, config)  # narrow first: the interpolation then moves fewer channels
    return layers.UpSampling2D(2, interpolation=config.upsampling)(x)


def attention_gate(skip: Tensor, gating: Tensor, config: ModelConfig) -> Tensor:
    """Weighs the skip's pixels by what the decoder looks for (Oktay et al. 2018); keeps the skip's shape.

    skip and gating: (B, H, W, C)
    """
    inner = max(1, skip.shape[-1] // 2)
    joint = layers.ReLU()(layers.Add()([conv(skip, inner, 1, config), conv(gating, inner, 1, config)]))
    return layers.Multiply()([skip, ops.sigmoid(conv(joint, 1, 1, config))])


def class_logits(x: Tensor, classes: int, never: int | None) -> Tensor:
    """A 1x1 convolution to class logits in float32; (B, H, W, C) -> (B, H, W, classes).

    The class `never` gets the constant -1e4, so that an argmax does not yield it and it takes no part in a softmax.
    """
    if never is None:
        return layers.Conv2D(classes, 1, dtype="float32", name="logits")(x)
    sides = []
    if never > 0:
        sides.append(layers.Conv2D(never, 1, dtype="float32", name="logits_below")(x))
    if never < classes - 1:
        sides.append(layers.Conv2D(classes - 1 - never, 1, dtype="float32", name="logits_above")(x))
    place = (1, 0) if never == 0 else (0, 1)
    sides[0] = ops.pad(sides[0], ((0, 0), (0, 0), (0, 0), place), constant_values=-1e4)
    return layers.Concatenate(dtype="float32", name="logits")(sides) if len(sides) == 2 else sides[0]
