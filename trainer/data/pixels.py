"""Arrays of pixels and what is counted in them."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Indices = NDArray[np.int64]
Groups = NDArray[np.str_]


def count_labels(masks: Pixels) -> NDArray[np.int64]:
    """Pixels of each label in each mask: (N, H, W) -> (N, 256)."""
    counts = np.zeros((len(masks), 256), np.int64)
    for row, mask in zip(counts, masks, strict=True):
        row[:] = np.bincount(mask.ravel(), minlength=256)
    return counts


def class_shares(masks: Pixels, classes: int) -> NDArray[np.float64]:
    """Each class's share of all pixels of masks (N, H, W), the ignored ones included: (classes,), 0..1."""
    counts = np.bincount(masks.ravel(), minlength=256)
    return np.asarray(counts[:classes] / max(masks.size, 1), np.float64)
