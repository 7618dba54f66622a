"""One U-Net (Ronneberger et al. 2015): pixels in, a map of class logits out."""

from keras import layers, ops

from trainer.config import ModelConfig
from trainer.model import blocks
from trainer.model.blocks import Tensor
from trainer.model.bottleneck import bottleneck
from trainer.model.gates import gate


def branch(pixels: Tensor, config: ModelConfig, classes: int) -> Tensor:
    """(B, H, W, C) -> (B, H, W, classes) float32."""
    x = ops.space_to_depth(pixels, 2) if config.stem == 2 else pixels
    x = encode_decode(x, config)
    return blocks.class_map(restore(x, config) if config.stem == 2 else x, classes)


def encode_decode(x: Tensor, config: ModelConfig) -> Tensor:
    """(B, H, W, C) -> (B, H, W, width), with a skip at each of `depth` levels."""
    skips = []
    for level in range(config.depth):
        x = blocks.double_conv(x, config.width * 2**level, config)
        skips.append(x)
        x = blocks.drop(layers.MaxPooling2D(2)(x), dropout_rate(config, level), config)
    lowest = penalised(config, config.bottleneck_l1, config.bottleneck_l2)
    x = blocks.drop(bottleneck(x, config.width * 2**config.depth, lowest), dropout_rate(config, config.depth), config)
    upper = penalised(config, config.decoder_l1, config.decoder_l2)
    for level in reversed(range(config.depth)):
        filters = config.width * 2**level
        x = blocks.upsample(x, filters, upper)
        if level == config.depth - 1 and config.dropout_at == "decoder":
            x = blocks.drop(x, config.dropout, config)
        x = blocks.double_conv(layers.Concatenate()(gate(skips[level], x, upper)), filters, upper)
    return x


def restore(x: Tensor, config: ModelConfig) -> Tensor:
    """Back to the images' resolution after a stem of stride 2; (B, H, W, C) -> (B, 2H, 2W, max(4, width / 2)).

    Depth-to-space alone draws a checkerboard where its four filters disagree. So it only adds detail, from nothing on,
    to an interpolated map, and a 3x3 convolution of half the width follows.
    """
    filters = max(4, config.width // 2)
    smooth = layers.UpSampling2D(2, interpolation="bilinear")(blocks.conv(x, filters, 1, config))
    detail = ops.depth_to_space(blocks.conv(x, 4 * filters, 1, config, initializer="zeros"), 2)
    return layers.ReLU()(blocks.conv_norm(layers.Add()([smooth, detail]), filters, 3, config))


def dropout_rate(config: ModelConfig, level: int) -> float:
    """Of an encoder level from 0, or of the bottleneck, level `depth`."""
    if config.dropout_at == "decoder" or (config.dropout_at == "encoder" and level == config.depth):
        return 0.0
    return min(0.9, config.dropout + level * config.dropout_step)


def penalised(config: ModelConfig, l1: float | None, l2: float | None) -> ModelConfig:
    """The configuration with the penalties of one place, where it has its own."""
    own = {"l1": l1, "l2": l2}
    return config.model_copy(update={name: value for name, value in own.items() if value is not None})
