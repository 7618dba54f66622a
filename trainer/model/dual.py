"""Two U-Nets on the same image, a fine and a coarse one, and three ways to fuse their class maps."""

from keras import initializers, layers, ops

from trainer.config import ModelConfig
from trainer.model import blocks
from trainer.model.blocks import Tensor
from trainer.model.branch import branch


def dual(pixels: Tensor, config: ModelConfig, classes: int) -> tuple[Tensor, list[Tensor]]:
    """Both U-Nets, fused as configured; (B, H, W, C) -> (B, H, W, classes) float32, and the fine one's levels.

    The coarse one has depth `coarse_depth`. `concatenate` fuses with a 1x1 convolution on both maps.
    """
    fine, levels = branch(pixels, config, classes)
    coarse = coarse_branch(pixels, config.model_copy(update={"depth": config.coarse_depth}), classes)
    match config.fusion:
        case "concatenate":
            return blocks.class_map(layers.Concatenate(dtype="float32")([coarse, fine]), classes), levels
        case "weighted":
            return fuse_weighted(coarse, fine), levels
        case _:
            return fuse_attention(coarse, fine), levels


def coarse_branch(pixels: Tensor, config: ModelConfig, classes: int) -> Tensor:
    """The coarse U-Net's map at the images' resolution; with `coarse_scale` 2 it works at half of it."""
    if config.coarse_scale == 1:
        return branch(pixels, config, classes)[0]
    halved, _ = branch(layers.AveragePooling2D(2)(pixels), config, classes)
    return layers.UpSampling2D(2, interpolation="bilinear", dtype="float32")(halved)


def fuse_weighted(coarse: Tensor, fine: Tensor) -> Tensor:
    """coarse + w (fine - coarse), with one learned weight w for all pixels and classes, initially 0.5."""
    initial = initializers.Constant(0.5)
    share = layers.Dense(1, use_bias=False, kernel_initializer=initial, dtype="float32")
    difference = layers.Subtract(dtype="float32")([fine, coarse])
    return layers.Add(dtype="float32")([coarse, ops.squeeze(share(ops.expand_dims(difference, -1)), -1)])


def fuse_attention(coarse: Tensor, fine: Tensor) -> Tensor:
    """coarse + a (fine - coarse), with a weight for each pixel: a = sigmoid(3x3 conv([coarse, fine])), (B, H, W, 1)."""
    joint = layers.Concatenate(dtype="float32")([coarse, fine])
    weight = layers.Conv2D(1, 3, padding="same", activation="sigmoid", dtype="float32")(joint)
    difference = layers.Subtract(dtype="float32")([fine, coarse])
    return layers.Add(dtype="float32")([coarse, layers.Multiply(dtype="float32")([difference, weight])])
