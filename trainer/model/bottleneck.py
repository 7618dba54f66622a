"""The lowest level of a U-Net, between encoder and decoder: (B, H, W, C) -> (B, H, W, filters).

In the formulas `act` is the configured activation, `blocks.activate`.
"""

from keras import layers

from trainer.config import ModelConfig
from trainer.model.blocks import Tensor, activate, channel_weights, conv_norm, double_conv

SQUEEZE = 4  # filters divided by the inner filters of the gated bottleneck


def bottleneck(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """The configured kind; its 3x3 convolutions are dilated by `config.dilation`."""
    match config.bottleneck:
        case "block":
            return double_conv(x, filters, config, dilation=config.dilation)
        case "residual":
            return residual_bottleneck(x, filters, config)
        case "gated":
            return gated_bottleneck(x, filters, config)


def residual_bottleneck(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """A residual block (He et al. 2016): act(f(x) + s(x)).

    f is twice a 3x3 convolution with normalisation, with act between; s is a 1x1 convolution with normalisation.
    """
    y = activate(conv_norm(x, filters, 3, config, dilation=config.dilation), config)
    y = conv_norm(y, filters, 3, config, dilation=config.dilation)
    return activate(layers.Add()([y, conv_norm(x, filters, 1, config)]), config)


def gated_bottleneck(x: Tensor, filters: int, config: ModelConfig) -> Tensor:
    """The report's bottleneck: act(f(x) * w * g + s(x)).

    f has 1x1, 3x3 and 1x1 convolutions, s a 1x1 convolution, all with normalisation; w (B, 1, 1, filters) are the
    `channel_weights` of f(x), and g (B, 1, 1, 1) is a gate in 0..1, sigmoid of a dense layer on w.
    """
    inner = max(1, filters // SQUEEZE)
    y = activate(conv_norm(x, inner, 1, config), config)
    y = activate(conv_norm(y, inner, 3, config, dilation=config.dilation), config)
    y = conv_norm(y, filters, 1, config)
    weights = channel_weights(y, config.se_ratio)
    scale = layers.Dense(1, activation="sigmoid")(weights)
    y = layers.Multiply()([layers.Multiply()([y, weights]), scale])
    return activate(layers.Add()([y, conv_norm(x, filters, 1, config)]), config)
