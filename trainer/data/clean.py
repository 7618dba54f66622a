"""Which images are corrupt: a drawn mask that fits several unlike images fits none of them.

Repeated masks alone prove nothing: frames of a fixed camera, copies of an image, and images of a single class have
equal masks honestly. A boundary between two classes, equal pixel by pixel over images that show different things, was
pasted.
"""

from collections import defaultdict
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Indices, Pixels, count_labels

# Median rank correlation of image pairs. Unlike places have 0.1 to 0.3, 0.4 with one bright object drawn at the same
# place of each; frames of a fixed camera have 0.5 and more, under noise and a light that turns.
_ALIKE = 0.5
_FRAME = 3  # pixels at the rim: annotation tools leave lines there, equal from image to image
_COMPARED = 64  # images of a mask that are compared, so that the work stays bounded
_SIDE = 32  # pixels a side when compared; averaging takes noise away


@dataclass(frozen=True)
class Dropped:
    """An image that cleaning took out."""

    index: int  # its place in the file
    reason: str


def find_corrupt(images: Pixels, masks: Pixels, ignore: int | None, classes: int) -> tuple[Dropped, ...]:
    """Images (N, H, W, C) whose mask (N, H, W) was pasted, in the file's order.

    A mask counts as pasted when it shows two or more scored classes inside its rim, is shared bit by bit, and the
    images that share it are unlike each other. Where that befalls most images with two or more classes, masks are
    made so in this data set, and nothing is dropped.
    """
    drawn = _drawn(masks, ignore, classes)
    pasted = [members for members in _shared(masks, drawn) if _likeness(images[members]) < _ALIKE]
    if sum(map(len, pasted)) > len(drawn) / 2:
        return ()
    dropped = [
        Dropped(int(index), f"its mask is that of {len(members)} unlike images, the first is {members[0]}")
        for members in pasted
        for index in members
    ]
    return tuple(sorted(dropped, key=lambda image: image.index))


def _drawn(masks: Pixels, ignore: int | None, classes: int) -> Indices:
    """Masks with at least two scored classes inside the rim."""
    rim = _FRAME if min(masks.shape[1:]) > 4 * _FRAME else 0
    present = count_labels(masks[:, rim : masks.shape[1] - rim, rim : masks.shape[2] - rim])[:, :classes] > 0
    if ignore is not None and ignore < classes:
        present[:, ignore] = False
    return np.flatnonzero(present.sum(axis=1) >= 2)


def _shared(masks: Pixels, candidates: Indices) -> list[Indices]:
    """Candidates in sets of one mask each, those of at least two images."""
    sets: dict[bytes, list[int]] = defaultdict(list)
    for index in candidates:
        sets[masks[index].tobytes()].append(int(index))
    return [np.array(members) for members in sets.values() if len(members) > 1]


def _likeness(images: Pixels) -> float:
    """Median correlation of the ranks of pixels over all pairs of images (N, H, W, C): -1..1.

    Ranks, so that one bright object drawn at the same place does not make images alike, and light does not make
    frames of one scene unlike.
    """
    chosen = images[np.linspace(0, len(images) - 1, min(len(images), _COMPARED)).round().astype(int)]
    ranks = np.stack([_ranks(image) for image in chosen])
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1, keepdims=True)
    ranks = np.divide(ranks, lengths, out=np.zeros_like(ranks), where=lengths > 0)
    correlations = ranks @ ranks.T
    flat = lengths[:, 0] == 0
    correlations[np.ix_(flat, flat)] = 1  # images without any structure are copies of each other
    return float(np.median(correlations[np.triu_indices(len(chosen), 1)]))


def _ranks(image: Pixels) -> NDArray[np.float64]:
    """Ranks of the pixels of a small grey copy of (H, W, C); equal values share their mean rank."""
    grey = image.mean(axis=2, dtype=np.float32)
    height, width = min(_SIDE, grey.shape[0]), min(_SIDE, grey.shape[1])
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).ravel()
    _, places, counts = np.unique(small, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - counts / 2)[places], np.float64)
