"""The building blocks of a U-Net; each maps a tensor (B, H, W, C) to another one."""

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
    """A convolution with zero padding and stride 1; (B, H, W, C) -> (B, H, W, filters)."""
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
    """The penalty l1 * sum |w| + l2 * sum w**2 on a convolution's kernel; None if both factors are 0."""
    return regularizers.L1L2(config.l1, config.l2) if config.l1 or config.l2 else None


def conv_norm(x: Tensor, filters: int, kernel: int, config: ModelConfig, *, dilation: int = 1) -> Tensor:
    """A convolution with the configured normalisation; (B, H, W, C) -> (B, H, W, filters)."""
    bias = config.bias or config.norm == "none"  # a normalisation has an offset of its own
    return normalise(conv(x, filters, kernel, config, dilation=dilation, bias=bias), config)


def normalise(x: Tensor, config: ModelConfig) -> Tensor:
    """The configured normalisation of (B, H, W, C), with a learned scale and offset for each channel.

    `batch` normalises each channel over the batch (Ioffe and Szegedy 2015); `layer` each pixel over its channels (Ba
    et al. 2016); `group` each image over groups of channels and all pixels (Wu and He 2018), in gcd(`groups`, C)
    groups; `instance` each channel of each image over its pixels (Ulyanov et al. 2016), so that nothing but the offset
    is left of a single pixel; `none` returns the input.
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
        case "instance":
            return layers.GroupNormalization(groups=x.shape[-1], epsilon=1e-5)(x)


def activate(x: Tensor, config: ModelConfig) -> Tensor:
    """The configured activation, elementwise: ReLU max(x, 0), or leaky ReLU max(x, 0.01 x) (Maas et al. 2013).

    Squeeze-and-excitation and attention gates have the ReLU of their papers instead.
    """
    return layers.ReLU()(x) if config.activation == "relu" else layers.LeakyReLU(negative_slope=0.01)(x)


def channel_weights(x: Tensor, ratio: int) -> Tensor:
    """Squeeze and excitation (Hu et al. 2018): a weight in 0..1 for each channel; (B, H, W, C) -> (B, 1, 1, C).

    sigmoid(W2 ReLU(W1 m + b1) + b2), with m the mean over all pixels and max(1, C // ratio) hidden units.
    """
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = layers.Dense(max(1, channels // ratio), activation="relu")(weights)
    return layers.Dense(channels, activation="sigmoid")(weights)


def squeeze_excite(x: Tensor, ratio: int) -> Tensor:
    """The input times its `channel_weights`; the shape is unchanged."""
    return layers.Multiply()([x, channel_weights(x, ratio)])


def double_conv(x: Tensor, filters: int, config: ModelConfig, *, dilation: int = 1) -> Tensor:
    """Twice 3x3 convolution, normalisation and activation; (B, H, W, C) -> (B, H, W, filters).

    `residual` adds a 1x1 projection of the input, and `se` then weights the channels.
    """
    y = x
    for _ in range(2):
        y = activate(conv_norm(y, filters, 3, config, dilation=dilation), config)
    if config.residual:
        y = layers.Add()([y, conv(x, filters, 1, config)])
    return squeeze_excite(y, config.se_ratio) if config.se else y


def upsample(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """Doubles height and width; (B, H, W, C) -> (B, 2H, 2W, filters), or C channels with `narrow` false.

    The concatenated gate adds the result to the skip, so it always gets `filters` channels.
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
        return activate(x, config) if kernel == 3 else x
    if config.narrow or (config.attention and config.gate == "concatenated"):
        x = conv(x, filters, 1, config)  # before the interpolation, which then has fewer channels
    return layers.UpSampling2D(2, interpolation=config.upsampling)(x)


def dropout(x: Tensor, rate: float, config: ModelConfig) -> Tensor:
    """Dropout in training: of whole channels (Tompson et al. 2015) or of single values; no layer for rate 0."""
    if not rate:
        return x
    return layers.SpatialDropout2D(rate)(x) if config.dropout_kind == "channels" else layers.Dropout(rate)(x)


def class_map(x: Tensor, classes: int) -> Tensor:
    """A 1x1 convolution to class logits, in float32; (B, H, W, C) -> (B, H, W, classes)."""
    return layers.Conv2D(classes, 1, dtype="float32")(x)


def insert_masked_class(x: Tensor, label: int) -> Tensor:
    """Inserts a class with the constant logit -1e4 as channel `label`; (B, H, W, C) -> (B, H, W, C + 1).

    An argmax never returns it, and its probability in a softmax is 0.
    """
    if label in (0, x.shape[-1]):
        return ops.pad(x, ((0, 0), (0, 0), (0, 0), (1, 0) if label == 0 else (0, 1)), constant_values=-1e4)
    below, above = ops.split(x, [label], axis=-1)
    return layers.Concatenate(dtype="float32")([insert_masked_class(below, label), above])
