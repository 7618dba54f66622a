"""Images upright, by the orientation 1..8 of EXIF and TIFF: where the first row and column of the pixels belong."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIDEWAYS = (5, 6, 7, 8)


def turn_upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An image (H, W, ...) upright; unchanged for 1, and for numbers that mean nothing."""
    if orientation in _SIDEWAYS:
        image = np.swapaxes(image, 0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image[::-1] if orientation in (3, 4, 7, 8) else image


def upright_size(height: int, width: int, orientation: int) -> tuple[int, int]:
    """Height and width of an image once it is upright."""
    return (width, height) if orientation in _SIDEWAYS else (height, width)
