"""Palettes: a colour 0xrrggbb for each index."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.item import RawMask

Palette = tuple[int, ...]


def pack_colours(colours: NDArray[Any]) -> NDArray[np.int32]:
    """Colours (..., 3) of 8 bits as 0xrrggbb."""
    red, green, blue = (colours[..., channel].astype(np.int32) for channel in range(3))
    return red << 16 | green << 8 | blue


def is_grey(palette: Sequence[int]) -> bool:
    """Whether every colour is grey."""
    return all(colour == (colour & 0xFF) * 0x010101 for colour in palette)


def apply_palette(indices: NDArray[Any], palette: Palette) -> NDArray[np.uint8]:
    """Indices (H, W) as pixels (H, W, 1) where every colour is grey, else (H, W, 3); black beyond the palette."""
    colours = np.array(extend(palette, indices), np.int32)
    table = colours[:, None] & 0xFF if is_grey(palette) else np.stack([colours >> 16, colours >> 8, colours], -1) & 0xFF
    return np.asarray(table.astype(np.uint8)[indices])


def mask_of_palette(indices: NDArray[Any], palette: Palette) -> RawMask:
    """A mask of indices (H, W), with a colour for each of them."""
    return RawMask(indices, "palette", extend(palette, indices))


def extend(palette: Palette, indices: NDArray[Any]) -> Palette:
    """The palette, with black at the end for indices beyond it."""
    return palette + (0,) * (int(indices.max(initial=0)) + 1 - len(palette))
