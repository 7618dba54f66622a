"""The lowest level of a U-Net, between encoder and decoder: (B, H, W, C) -> (B, H, W, filters)."""

from keras import layers

from trainer.config import ModelConfig
from trainer.model.blocks import Tensor, channel_weights, conv_norm, double_conv

SQUEEZE = 4  # filters over the inner filters of the gated bottleneck


def bottleneck(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """The configured kind, dilated where configured."""
    match config.bottleneck:
        case "block":
            return double_conv(x, filters, config, dilation=config.dilation)
        case "residual":
            return residual(x, filters, config)
        case "gated":
            return gated(x, filters, config)


def residual(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """Two 3x3 convolutions and a projected shortcut, all normalised; ReLU between and at the end (He et al. 2016)."""
    y = layers.ReLU()(conv_norm(x, filters, 3, config, dilation=config.dilation))
    y = conv_norm(y, filters, 3, config, dilation=config.dilation)
    return layers.ReLU()(layers.Add()([y, conv_norm(x, filters, 1, config)]))


def gated(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """The report's bottleneck: 1x1, dilated 3x3 and 1x1 convolutions, SE, a gate, and a projected shortcut.

    The gate is one number an image, 0..1, read from the channels' weights.
    """
    inner = max(1, filters // SQUEEZE)
    y = layers.ReLU()(conv_norm(x, inner, 1, config))
    y = layers.ReLU()(conv_norm(y, inner, 3, config, dilation=config.dilation))
    y = conv_norm(y, filters, 1, config)
    weights = channel_weights(y, config.se_ratio)
    whole = layers.Dense(1, activation="sigmoid")(weights)
    y = layers.Multiply()([layers.Multiply()([y, weights]), whole])
    return layers.ReLU()(layers.Add()([y, conv_norm(x, filters, 1, config)]))
