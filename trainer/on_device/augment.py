"""The random augmentation of `trainer/pipeline/augment.py`, computed by Keras's backend within a compiled function."""

from collections.abc import Callable

from keras import ops

from trainer.config import AugmentConfig
from trainer.on_device.colours import colour, gamma, noise
from trainer.on_device.draws import Draws, Tensor
from trainer.on_device.hide import hide
from trainer.on_device.moves import make_warp
from trainer.on_device.scales import blur, low_resolution, zoom_out
from trainer.pipeline.augment import BY_CHANCE

DeviceAugment = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def make_device_augment(config: AugmentConfig, shape: tuple[int, int, int]) -> DeviceAugment:
    """Returns `augment(images, masks, seed)`: new images (B, H, W, C), 0..255, and masks (B, H, W), a pure function.

    Images are uint8, or float32 of 0..255, masks uint8; the results are of the same types, because the network that
    they are for takes that type alone. In between all is float32, rounded once at the end. The seed is a tensor (), a
    whole number from 0 below 2**31. B must be known when the function is compiled.

    Each transform has the probability, the range and the place of the pipeline's; one that never happens is not built.
    Masks are interpolated by nearest neighbour and borders are mirrored, so that no new label appears.

    Args:
        config: transforms with their probabilities and ranges.
        shape: (H, W, C) of the images.
    """
    config = config.model_copy(
        update={name: min(1.0, getattr(config, name) * config.chance) for name in BY_CHANCE},
    )
    moves = [change for change in (make_warp(config, shape), zoom_out(config, shape)) if change]
    candidates = [
        colour(config, shape[2]),
        gamma(config),
        blur(config, shape),
        low_resolution(config, shape),
        noise(config),
        hide(config, shape),
    ]
    changes = [change for change in candidates if change]

    def augment(images: Tensor, masks: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
        draws = Draws(seed, images.shape[0])
        pixels, labels = ops.cast(images, "float32"), ops.cast(masks, "int32")
        for move in moves:
            pixels, labels = move(pixels, labels, draws)
        for change in changes:
            pixels = change(pixels, draws)
        if images.dtype == "uint8":
            pixels = ops.round(pixels)
        return ops.cast(ops.clip(pixels, 0.0, 255.0), images.dtype), ops.cast(labels, masks.dtype)

    return augment
