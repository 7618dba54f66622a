"""One U-Net (Ronneberger et al. 2015), from pixels to a map of class logits."""

from keras import layers, ops

from trainer.config import ModelConfig
from trainer.model import blocks
from trainer.model.blocks import Tensor
from trainer.model.bottleneck import bottleneck
from trainer.model.gates import gate


def branch(pixels: Tensor, config: ModelConfig, classes: int) -> tuple[Tensor, list[Tensor]]:
    """A U-Net with stem and head; (B, H, W, C) -> (B, H, W, classes) float32, and its decoder's levels."""
    levels = encode_decode(ops.space_to_depth(pixels, 2) if config.stem == 2 else pixels, config)
    x = restore_resolution(levels[0], pixels, config) if config.stem == 2 else levels[0]
    return blocks.class_map(x, classes), levels


def encode_decode(x: Tensor, config: ModelConfig) -> list[Tensor]:
    """Encoder, bottleneck and decoder with a skip at each of `depth` levels.

    Returns:
        What the decoder makes at each level, finest first: from (B, H, W, C) a tensor
        (B, H / 2**i, W / 2**i, filters of level i) for i = 0 to `depth` - 1.
    """
    skips = []
    for level in range(config.depth):
        x = blocks.double_conv(x, level_filters(config, level), config)
        skips.append(x)
        x = blocks.dropout(layers.MaxPooling2D(2)(x), dropout_rate(config, level), config)
    lowest = with_penalties(config, config.bottleneck_l1, config.bottleneck_l2)
    x = bottleneck(x, level_filters(config, config.depth), lowest)
    x = blocks.dropout(x, dropout_rate(config, config.depth), config)
    upper = with_penalties(config, config.decoder_l1, config.decoder_l2)
    levels: list[Tensor] = []
    for level in reversed(range(config.depth)):
        filters = level_filters(config, level)
        x = blocks.upsample(x, filters, upper)
        if level == config.depth - 1 and config.dropout_at == "decoder":
            x = blocks.dropout(x, config.dropout, config)
        x = blocks.double_conv(layers.Concatenate()(gate(skips[level], x, upper)), filters, upper)
        levels.insert(0, x)
    return levels


def level_filters(config: ModelConfig, level: int) -> int:
    """Filters of a level, counted from 0: min(`width` * 2**level, `max_width`)."""
    return int(min(config.width * 2**level, config.max_width))


def restore_resolution(x: Tensor, pixels: Tensor, config: ModelConfig) -> Tensor:
    """Doubles the resolution after a stem of stride 2; (B, H, W, C) -> (B, 2H, 2W, F), F = max(4, filters // 2).

    Depth-to-space alone makes checkerboard artefacts where its four filters differ. Here it is added to an
    interpolated map and is 0 before training, and a 3x3 convolution follows. With `full_skip` that convolution also
    sees a block of F filters on the image, `pixels` (B, 2H, 2W, C), which no stem has halved; without a stem of
    stride 2 every network has such a block, so that `full_skip` has no effect there.
    """
    filters = max(4, level_filters(config, 0) // 2)
    smooth = layers.UpSampling2D(2, interpolation="bilinear")(blocks.conv(x, filters, 1, config))
    detail = ops.depth_to_space(blocks.conv(x, 4 * filters, 1, config, initializer="zeros"), 2)
    restored = layers.Add()([smooth, detail])
    if config.full_skip:
        restored = layers.Concatenate()([restored, blocks.double_conv(pixels, filters, config)])
    return blocks.activate(blocks.conv_norm(restored, filters, 3, config), config)


def dropout_rate(config: ModelConfig, level: int) -> float:
    """Dropout rate of an encoder level, counted from 0, or of the bottleneck, which is level `depth`; at most 0.9."""
    if config.dropout_at == "decoder" or (config.dropout_at == "encoder" and level == config.depth):
        return 0.0
    return min(0.9, config.dropout + level * config.dropout_step)


def with_penalties(config: ModelConfig, l1: float | None, l2: float | None) -> ModelConfig:
    """The configuration with the penalties of one place; None leaves `l1` or `l2` as it is."""
    own = {"l1": l1, "l2": l2}
    return config.model_copy(update={name: value for name, value in own.items() if value is not None})
