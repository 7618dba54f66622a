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

from trainer.data.pixels import Indices, Pixels, count_labels

# Median rank correlation of image pairs. Images of different places have 0.1 to 0.3, or 0.4 with one bright object at
# the same position in each; frames of a fixed camera have 0.5 and more, even with noise and changing light.
_MIN_SIMILARITY = 0.5
_RIM = 3  # pixels at the edges that are not examined: annotation tools leave lines there, the same in all masks
_MAX_COMPARED = 64  # images with one mask, so that the cost is bounded
_THUMBNAIL_SIDE = 32  # pixels; the average over larger pixels reduces noise


@dataclass(frozen=True)
class DroppedImage:
    """An image that cleaning removed."""

    index: int  # in the file, from 0
    reason: str


def find_corrupt(images: Pixels, masks: Pixels, ignore: int | None, classes: int) -> tuple[DroppedImage, ...]:
    """Images (N, H, W, C) whose mask (N, H, W) was pasted, in ascending order.

    A mask counts as pasted if it has two or more scored classes inside its rim, several images have exactly this mask,
    and these images are dissimilar. If more than half of the masks with two or more classes are so, this is how the
    data set was annotated, and none is returned.
    """
    candidates = _candidates(masks, ignore, classes)
    pasted = [members for members in _group_equal(masks, candidates) if _similarity(images[members]) < _MIN_SIMILARITY]
    if sum(map(len, pasted)) > len(candidates) / 2:
        return ()
    dropped = [
        DroppedImage(int(index), f"its mask is that of {len(members)} unlike images, the first is {members[0]}")
        for members in pasted
        for index in members
    ]
    return tuple(sorted(dropped, key=lambda image: image.index))


def _candidates(masks: Pixels, ignore: int | None, classes: int) -> Indices:
    """Indices of masks with at least two scored classes inside the rim."""
    rim = _RIM if min(masks.shape[1:]) > 4 * _RIM else 0
    present = count_labels(masks[:, rim : masks.shape[1] - rim, rim : masks.shape[2] - rim])[:, :classes] > 0
    if ignore is not None and ignore < classes:
        present[:, ignore] = False
    return np.flatnonzero(present.sum(axis=1) >= 2)


def _group_equal(masks: Pixels, candidates: Indices) -> list[Indices]:
    """Sets of two or more candidates with the same mask."""
    sets: dict[bytes, list[int]] = defaultdict(list)
    for index in candidates:
        sets[masks[index].tobytes()].append(int(index))
    return [np.array(members) for members in sets.values() if len(members) > 1]


def _similarity(images: Pixels) -> float:
    """Median rank correlation (Spearman) over all pairs of images (N, H, W, C): -1..1.

    Ranks limit the influence of one bright object at the same position, and of the light on frames of one scene.
    """
    chosen = images[np.linspace(0, len(images) - 1, min(len(images), _MAX_COMPARED)).round().astype(int)]
    ranks = np.stack([_ranks(image) for image in chosen])
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1, keepdims=True)
    ranks = np.divide(ranks, lengths, out=np.zeros_like(ranks), where=lengths > 0)
    correlations = ranks @ ranks.T
    flat = lengths[:, 0] == 0
    correlations[np.ix_(flat, flat)] = 1  # uniform images are copies of each other
    return float(np.median(correlations[np.triu_indices(len(chosen), 1)]))


def _ranks(image: Pixels) -> NDArray[np.float64]:
    """Ranks of the pixels of a small grey copy of (H, W, C); equal values have their mean rank."""
    grey = image.mean(axis=2, dtype=np.float32)
    height, width = min(_THUMBNAIL_SIDE, grey.shape[0]), min(_THUMBNAIL_SIDE, grey.shape[1])
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).ravel()
    _, positions, counts = np.unique(small, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - counts / 2)[positions], np.float64)
