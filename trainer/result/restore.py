"""From probabilities at the size that a network works in to the mask of an image in its own size."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.disk.resize import unresize
from trainer.data.pixels import Pixels
from trainer.model.windows import Band, find_mask


def restore_mask(
    bands: Iterable[Band], size: tuple[int, int], classes: int, data: DataConfig, target: NDArray[Any] | None = None
) -> Pixels:
    """The most likely class of each pixel of an image of `size`, (H, W) uint8.

    Where `data.resize` is set the probabilities are brought back to the image's size, and compared there: bilinear
    where they grow, averaged where they shrink, with pixel centres where `resize_image` had them. This is done class
    by class: memory is that of the probabilities at the size of `data.resize`, and some 10 bytes a pixel of the image.

    Args:
        bands: of all rows of the image, or of the resized one.
        size: height and width of the image.
        classes: the number of classes in the bands.
        data: of the network.
        target: (H, W, classes), gets the probabilities at the image's size.
    """
    return find_mask(bands, size, target) if data.resize is None else _enlarge(bands, size, classes, data, target)


def _enlarge(
    bands: Iterable[Band], size: tuple[int, int], classes: int, data: DataConfig, target: NDArray[Any] | None
) -> Pixels:
    assert data.resize is not None
    resized = np.empty((classes, *data.resize), np.float32)
    for first, probabilities in bands:
        resized[:, first : first + len(probabilities)] = probabilities.transpose(2, 0, 1)
    mask, highest = np.zeros(size, np.uint8), np.full(size, -1, np.float32)
    for label, small in enumerate(resized):
        plane = unresize(small, size, data.fit)
        mask[plane > highest] = label
        np.maximum(highest, plane, out=highest)
        if target is not None:
            target[..., label] = plane
    return mask
