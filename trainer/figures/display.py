"""Images of any size, channels and type as pictures to look at."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Image, Pixels

MOST_PIXELS = 1024  # of a side; larger images and masks are thinned out


def to_picture(image: Image) -> Pixels:
    """An image (H, W, C), 0..255, as RGB (h, w, 3): its first three channels, or the first alone as grey."""
    channels = image[..., :3] if image.shape[2] >= 3 else image[..., :1].repeat(3, axis=-1)
    return thin_out(channels).astype(np.float32).round().clip(0, 255).astype(np.uint8)


def thin_out(array: NDArray[Any]) -> NDArray[Any]:
    """Every k-th row and column of an image or mask (H, W, ...), with the least k that leaves sides of MOST_PIXELS."""
    step = -(-max(array.shape[:2]) // MOST_PIXELS)
    return array[::step, ::step]
