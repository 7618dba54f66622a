"""A predicted mask over its image."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data.pixels import Pixels
from trainer.figures.palette import paint
from trainer.files import atomic_write

_WEIGHT = 110  # of 256: the share of a class's colour inside its regions
_BAND_ROWS = 256  # painted at a time, to bound the memory
_COMPRESSION = 1  # of the PNG; stronger takes ten times as long


def draw_overlay(image: Pixels, mask: Pixels, classes: int, ignore: int | None) -> Pixels:
    """The image (H, W, 3) with the colours of the classes of its mask (H, W), (H, W, 3).

    Regions show the image through, their boundaries do not. Pixels of the ignored label, and of none, are the image.
    """
    drawn = image.copy()
    for first in range(0, len(mask), _BAND_ROWS):
        rows = slice(first, first + _BAND_ROWS)
        labels = mask[rows]
        weight = np.where(_boundary(mask, first, len(labels)), 256, _WEIGHT)
        weight[(labels >= classes) | (labels == (-1 if ignore is None else ignore))] = 0
        colours = paint(labels, classes, ignore).astype(np.int32)
        drawn[rows] = (drawn[rows] * (256 - weight[..., None]) + colours * weight[..., None]) >> 8
    return drawn


def write_overlay(image: Pixels, mask: Pixels, classes: int, ignore: int | None, path: Path) -> None:
    """Writes `draw_overlay` as a PNG. Raises OSError."""
    picture = Image.fromarray(draw_overlay(image, mask, classes, ignore))
    with atomic_write(path) as partial:
        picture.save(partial, format="PNG", compress_level=_COMPRESSION)


def _boundary(mask: Pixels, first: int, rows: int) -> NDArray[np.bool_]:
    """Whether one of its four neighbours has another label, for so many rows of pixels from the first."""
    above = max(0, first - 1)
    part = mask[above : first + rows + 1]
    found = np.zeros(part.shape, bool)
    down, right = part[1:] != part[:-1], part[:, 1:] != part[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= right
    found[:, :-1] |= right
    return found[first - above : first - above + rows]
