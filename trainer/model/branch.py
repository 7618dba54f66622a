"""One U-Net (Ronneberger et al. 2015), from pixels to a map of class logits."""

from keras import layers, ops

from trainer.config import ModelConfig
from trainer.model import blocks
from trainer.model.blocks import Tensor
from trainer.model.bottleneck import bottleneck
from trainer.model.gates import gate


def branch(pixels: Tensor, config: ModelConfig, classes: int) -> Tensor:
    """A U-Net with stem and head; (B, H, W, C) -> (B, H, W, classes) float32."""
    x = ops.space_to_depth(pixels, 2) if config.stem == 2 else pixels
    x = encode_decode(x, config)
    return blocks.class_map(restore_resolution(x, config) if config.stem == 2 else x, classes)


def encode_decode(x: Tensor, config: ModelConfig) -> Tensor:
    """Encoder, bottleneck and decoder with a skip at each of `depth` levels; (B, H, W, C) -> (B, H, W, width)."""
    skips = []
    for level in range(config.depth):
        x = blocks.double_conv(x, config.width * 2**level, config)
        skips.append(x)
        x = blocks.dropout(layers.MaxPooling2D(2)(x), dropout_rate(config, level), config)
    lowest = with_penalties(config, config.bottleneck_l1, config.bottleneck_l2)
    x = bottleneck(x, config.width * 2**config.depth, lowest)
    x = blocks.dropout(x, dropout_rate(config, config.depth), config)
    upper = with_penalties(config, config.decoder_l1, config.decoder_l2)
    for level in reversed(range(config.depth)):
        filters = config.width * 2**level
        x = blocks.upsample(x, filters, upper)
        if level == config.depth - 1 and config.dropout_at == "decoder":
            x = blocks.dropout(x, config.dropout, config)
        x = blocks.double_conv(layers.Concatenate()(gate(skips[level], x, upper)), filters, upper)
    return x


def restore_resolution(x: Tensor, config: ModelConfig) -> Tensor:
    """Doubles the resolution after a stem of stride 2; (B, H, W, C) -> (B, 2H, 2W, max(4, width // 2)).

    Depth-to-space alone makes checkerboard artefacts where its four filters differ. Here it is added to an
    interpolated map and is 0 before training, and a 3x3 convolution follows.
    """
    filters = max(4, config.width // 2)
    smooth = layers.UpSampling2D(2, interpolation="bilinear")(blocks.conv(x, filters, 1, config))
    detail = ops.depth_to_space(blocks.conv(x, 4 * filters, 1, config, initializer="zeros"), 2)
    return layers.ReLU()(blocks.conv_norm(layers.Add()([smooth, detail]), filters, 3, config))


def dropout_rate(config: ModelConfig, level: int) -> float:
    """Dropout rate of an encoder level, counted from 0, or of the bottleneck, which is level `depth`; at most 0.9."""
    if config.dropout_at == "decoder" or (config.dropout_at == "encoder" and level == config.depth):
        return 0.0
    return min(0.9, config.dropout + level * config.dropout_step)


def with_penalties(config: ModelConfig, l1: float | None, l2: float | None) -> ModelConfig:
    """The configuration with the penalties of one place; None leaves `l1` or `l2` as it is."""
    own = {"l1": l1, "l2": l2}
    return config.model_copy(update={name: value for name, value in own.items() if value is not None})
