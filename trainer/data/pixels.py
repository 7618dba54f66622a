"""Array types of a data set, and counts of labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # images (N, H, W, C) or masks (N, H, W)
Image = NDArray[np.uint8] | NDArray[np.float16]  # (H, W, C), 0..255; float16 where the files have more than 8 bits
Images = Sequence[Image]  # N of any sizes; may be an array (N, H, W, C)
Masks = Sequence[Pixels]  # N of (H, W); may be an array (N, H, W)
Indices = NDArray[np.int64]  # of images
Groups = NDArray[np.str_]  # (N,), one name an image


def count_labels(masks: Masks) -> NDArray[np.int64]:
    """Number of pixels of each label in each of N masks: (N, 256)."""
    counts = np.zeros((len(masks), 256), np.int64)
    for row, mask in zip(counts, masks, strict=True):
        row[:] = np.bincount(mask.ravel(), minlength=256)
    return counts


def class_shares(counts: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Share of each class in all pixels, ignored ones included, from counts (N, 256): (classes,), 0..1."""
    total = counts.sum(axis=0)
    return np.asarray(total[:classes] / max(total.sum(), 1), np.float64)
