"""Finds corrupt images: those whose mask was pasted from another image.

Equal masks alone prove nothing: frames of a fixed camera, copies of an image, and images of a single class may have
the same mask correctly. But a boundary between two classes that is equal pixel by pixel in images which show
different things cannot be right for all of them.
"""

from collections import defaultdict
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.cache.copy import DecodedCopy, Table
from trainer.data.pixels import Image, Images, Indices

# Median rank correlation of image pairs. Images of different places have 0.1 to 0.3, or 0.4 with one bright object at
# the same position in each; frames of a fixed camera have 0.5 and more, even with noise and changing light.
_MIN_SIMILARITY = 0.5
_MAX_COMPARED = 64  # images with one mask, so that the cost is bounded
_THUMBNAIL_SIDE = 32  # pixels; the average over larger pixels reduces noise


@dataclass(frozen=True)
class DroppedImage:
    """An image that cleaning removed."""

    index: int  # in the file, from 0
    reason: str


def find_corrupt(copy: DecodedCopy, ignore: int | None, classes: int) -> tuple[DroppedImage, ...]:
    """Images whose mask was pasted, in ascending order.

    A mask counts as pasted if it has two or more scored classes inside its rim, several images have exactly this mask,
    and these images are dissimilar. If more than half of the masks with two or more classes are so, this is how the
    data set was annotated, and none is returned.
    """
    candidates = _candidates(copy.table, ignore, classes)
    pasted = [
        members
        for members in _group_equal(copy.table, candidates)
        if _similarity(copy.images, members) < _MIN_SIMILARITY
    ]
    if sum(map(len, pasted)) > len(candidates) / 2:
        return ()
    dropped = [
        DroppedImage(int(index), f"its mask is that of {len(members)} unlike images, the first is {members[0]}")
        for members in pasted
        for index in members
    ]
    return tuple(sorted(dropped, key=lambda image: image.index))


def _candidates(table: Table, ignore: int | None, classes: int) -> Indices:
    """Indices of masks with at least two scored classes inside the rim."""
    present = np.array(table.inner[:, :classes])
    if ignore is not None and ignore < classes:
        present[:, ignore] = False
    return np.flatnonzero(present.sum(axis=1) >= 2)


def _group_equal(table: Table, candidates: Indices) -> list[Indices]:
    """Sets of two or more candidates with the same mask."""
    sets: dict[bytes, list[int]] = defaultdict(list)
    for index in candidates:
        sets[table.mask_digests[index].tobytes() + table.sizes[index].tobytes()].append(int(index))
    return [np.array(members) for members in sets.values() if len(members) > 1]


def _similarity(images: Images, members: Indices) -> float:
    """Median rank correlation (Spearman) over all pairs of some images: -1..1.

    Ranks limit the influence of one bright object at the same position, and of the light on frames of one scene.
    """
    chosen = members[np.linspace(0, len(members) - 1, min(len(members), _MAX_COMPARED)).round().astype(int)]
    ranks = np.stack([_ranks(images[int(index)]) for index in chosen])
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1, keepdims=True)
    ranks = np.divide(ranks, lengths, out=np.zeros_like(ranks), where=lengths > 0)
    correlations = ranks @ ranks.T
    flat = lengths[:, 0] == 0
    correlations[np.ix_(flat, flat)] = 1  # uniform images are copies of each other
    return float(np.median(correlations[np.triu_indices(len(chosen), 1)]))


def _ranks(image: Image) -> NDArray[np.float64]:
    """Ranks of the pixels of a small grey copy of (H, W, C); equal values have their mean rank."""
    grey = image.mean(axis=2, dtype=np.float32)
    height, width = min(_THUMBNAIL_SIDE, grey.shape[0]), min(_THUMBNAIL_SIDE, grey.shape[1])
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).ravel()
    _, positions, counts = np.unique(small, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - counts / 2)[positions], np.float64)
