"""Array types of a data set, and counts of labels."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # images (N, H, W, C) or masks (N, H, W)
Indices = NDArray[np.int64]  # of images
Groups = NDArray[np.str_]  # (N,), one name an image


def count_labels(masks: Pixels) -> NDArray[np.int64]:
    """Number of pixels of each label in each mask: (N, H, W) -> (N, 256)."""
    counts = np.zeros((len(masks), 256), np.int64)
    for row, mask in zip(counts, masks, strict=True):
        row[:] = np.bincount(mask.ravel(), minlength=256)
    return counts


def class_shares(masks: Pixels, classes: int) -> NDArray[np.float64]:
    """Share of each class in all pixels of masks (N, H, W), ignored ones included: (classes,), 0..1."""
    counts = np.bincount(masks.ravel(), minlength=256)
    return np.asarray(counts[:classes] / max(masks.size, 1), np.float64)
