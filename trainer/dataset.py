"""A data set in memory, checked, cleaned and split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Dropped:
    """An image that cleaning took out."""

    index: int  # its place in the file
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Images with masks, split into training and validation. Cleaning is done; indices count kept images."""

    images: Pixels  # (N, H, W, C), C = 1 or 3, 0..255
    masks: Pixels  # (N, H, W), labels 0..classes-1, or `ignore`
    groups: NDArray[np.str_] | None  # (N,), such as the place where an image was taken
    train: Indices  # ascending
    validation: Indices  # ascending
    test_images: Pixels  # (T, H, W, C), T may be 0
    test_names: tuple[str, ...]  # T of them
    classes: int
    names: tuple[str, ...]  # one a class
    ignore: int | None  # the label of pixels that are not scored; at or above `classes` it is no class at all
    fingerprint: str  # sha256 of images, masks and groups before cleaning
    dropped: tuple[Dropped, ...]
