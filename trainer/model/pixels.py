"""From the values of an image's pixels to what a network computes with."""

from keras import layers, ops

from trainer.config import ModelConfig
from trainer.model.blocks import Tensor

# Grey levels of 0..255: far above the rounding of a mean in float32, far below the noise of a camera.
LEAST_DEVIATION = 0.01


def scale_pixels(image: Tensor, config: ModelConfig) -> Tensor:
    """Values 0..255 to -1..1, or with `standardise` as `standardise` does; the shape (B, H, W, C) is unchanged.

    0 is mid-grey or the image's mean: what a network's zero padding then looks like.
    """
    return standardise(image) if config.standardise else layers.Rescaling(1 / 127.5, offset=-1.0)(image)


def standardise(image: Tensor) -> Tensor:
    """(x - m) / max(s, LEAST_DEVIATION) of (B, H, W, C), with mean m and deviation s of each image; in float32.

    Both are over pixels and channels, so that colours stay apart. An image of one value becomes 0.
    """
    x = ops.cast(image, "float32")  # not the half precision of a mixed policy, whose squares of 255 overflow
    centred = ops.subtract(x, ops.mean(x, axis=(1, 2, 3), keepdims=True))
    variance = ops.mean(ops.square(centred), axis=(1, 2, 3), keepdims=True)
    return ops.divide(centred, ops.maximum(ops.sqrt(variance), LEAST_DEVIATION))
