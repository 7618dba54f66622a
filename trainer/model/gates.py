"""Attention gates on the skips: what the decoder looks for decides what it gets to see."""

from keras import layers, ops

from trainer.config import ModelConfig
from trainer.model.blocks import Tensor, conv


def gate(skip: Tensor, gating: Tensor, config: ModelConfig) -> list[Tensor]:
    """The tensors that the decoder's block takes in at one level, to be concatenated.

    skip:    (B, H, W, F), of the encoder
    gating:  (B, H, W, F) or more channels, of the level below after its upsampling
    """
    if not config.attention:
        return [gating, skip]
    if config.gate == "additive":
        return [gating, additive(skip, gating, config)]
    return [concatenated(skip, gating, config), skip]


def additive(skip: Tensor, gating: Tensor, config: ModelConfig) -> Tensor:
    """The skip with its pixels weighed (Oktay et al. 2018); keeps the skip's shape."""
    inner = max(1, skip.shape[-1] // 2)
    joint = layers.ReLU()(layers.Add()([conv(skip, inner, 1, config), conv(gating, inner, 1, config)]))
    return layers.Multiply()([skip, ops.sigmoid(conv(joint, 1, 1, config))])


def concatenated(skip: Tensor, gating: Tensor, config: ModelConfig) -> Tensor:
    """gating + skip * a, with a = sigmoid(1x1 conv(ReLU(3x3 conv([gating, skip])))), (B, H, W, 1): the report's gate.

    Both inputs must have the same channels: upsampling narrows or is transposed.
    """
    joint = layers.Concatenate()([gating, skip])
    weight = ops.sigmoid(conv(layers.ReLU()(conv(joint, skip.shape[-1], 3, config)), 1, 1, config))
    return layers.Add()([gating, layers.Multiply()([skip, weight])])
