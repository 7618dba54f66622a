"""Attention gates: weights for the pixels of a skip, computed from the skip and the decoder's tensor."""

from keras import layers, ops

from trainer.config import ModelConfig
from trainer.model.blocks import Tensor, conv


def gate(skip: Tensor, gating: Tensor, config: ModelConfig) -> list[Tensor]:
    """The tensors that a decoder block gets concatenated: `skip` and `gating`, one of them gated where configured.

    Args:
        skip: (B, H, W, F), of the encoder.
        gating: (B, H, W, F) or more channels, of the level below after upsampling.
        config: the kind of gate.
    """
    if not config.attention:
        return [gating, skip]
    if config.gate == "additive":
        return [gating, additive_gate(skip, gating, config)]
    return [concatenated_gate(skip, gating, config), skip]


def additive_gate(skip: Tensor, gating: Tensor, config: ModelConfig) -> Tensor:
    """skip * sigmoid(c1(ReLU(c2(skip) + c3(gating)))), with 1x1 convolutions (Oktay et al. 2018).

    c2 and c3 have max(1, F // 2) filters, c1 has one: a weight for each pixel. The shape is the skip's.
    """
    inner = max(1, skip.shape[-1] // 2)
    joint = layers.ReLU()(layers.Add()([conv(skip, inner, 1, config), conv(gating, inner, 1, config)]))
    return layers.Multiply()([skip, ops.sigmoid(conv(joint, 1, 1, config))])


def concatenated_gate(skip: Tensor, gating: Tensor, config: ModelConfig) -> Tensor:
    """The report's gate: gating + skip * a, with a = sigmoid(1x1 conv(ReLU(3x3 conv([gating, skip])))), (B, H, W, 1).

    Both inputs must have F channels; `blocks.upsample` sees to that.
    """
    joint = layers.Concatenate()([gating, skip])
    weight = ops.sigmoid(conv(layers.ReLU()(conv(joint, skip.shape[-1], 3, config)), 1, 1, config))
    return layers.Add()([gating, layers.Multiply()([skip, weight])])
