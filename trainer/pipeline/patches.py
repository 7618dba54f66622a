"""Patches of images: where they lie, and how many an epoch shows of an image.

A patch is a pure function of a seed, so that training can resume at any epoch. All have the size that the network
takes: an image of that size is its only patch, a smaller one is padded at the bottom and right.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import VOID
from trainer.data.dataset import Dataset
from trainer.data.pixels import Indices, Pixels

Patch = tuple[NDArray[Any], Pixels]  # image (h, w, C) of uint8, or float32 0..255; mask (h, w)
_STREAM = 7_919  # in front of the seeds of patches, so that no other generator has their numbers


def draw_patch(dataset: Dataset, image: int, seed: Sequence[int], turn: int, class_share: float) -> Patch:
    """A patch of an image of the data set; the same for the same arguments.

    Args:
        dataset: its `shape` is the patch's, `places` are pixels of each class.
        image: index of the image.
        seed: whole numbers; they decide where the patch lies in a larger image.
        turn: which of the image's scored classes, in turn, the patch shows if it shows one on purpose.
        class_share: probability that the patch is around a pixel of that class; the pixel is anywhere in it. Other
            patches lie anywhere.
    """
    corner = (0, 0)
    if _is_larger(dataset, image):
        generator = np.random.default_rng([_STREAM, *seed])
        labels = _scored_classes(dataset, image)
        if generator.random() < class_share and len(labels):
            corner = draw_corner(dataset, image, int(labels[turn % len(labels)]), generator)
        else:
            height, width = dataset.masks[image].shape
            corner = _draw(generator, 0, height - dataset.shape[0]), _draw(generator, 0, width - dataset.shape[1])
    return cut_patch(dataset, image, corner)


def draw_corner(dataset: Dataset, image: int, label: int, generator: np.random.Generator) -> tuple[int, int]:
    """Top and left of a patch with a pixel of a class that the image has, anywhere in it."""
    place = dataset.places[image, label][generator.integers(dataset.places.shape[2])]
    size = dataset.masks[image].shape
    (top, left) = (
        _draw(generator, int(pixel) - side + 1, min(int(pixel), length - side))
        for pixel, side, length in zip(place, dataset.shape[:2], size, strict=True)
    )
    return top, left


def _draw(generator: np.random.Generator, lowest: int, highest: int) -> int:
    """A whole number of a range, both ends included, without those below 0; 0 if there is none."""
    lowest = max(0, lowest)
    return int(generator.integers(lowest, max(lowest, highest) + 1))


def cut_patch(dataset: Dataset, image: int, corner: tuple[int, int] = (0, 0)) -> Patch:
    """The patch of an image at a corner (top, left); pixels beyond the image are 0, and VOID in the mask."""
    height, width, _ = dataset.shape
    box = np.s_[corner[0] : corner[0] + height, corner[1] : corner[1] + width]
    pixels: NDArray[Any] = dataset.images[image][box]
    mask = dataset.masks[image][box]
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float32)
    below, right = height - mask.shape[0], width - mask.shape[1]
    if not (below or right):
        return pixels, mask
    padded = np.pad(pixels, ((0, below), (0, right), (0, 0)))
    return padded, np.pad(mask, ((0, below), (0, right)), constant_values=VOID)


def count_patches(dataset: Dataset, images: Indices) -> Indices:
    """How many patches of each image an epoch shows, (N,): so many that they have about as many pixels as the image."""
    sizes = np.array([dataset.masks[image].shape for image in images]).reshape(-1, 2)
    seen = np.minimum(sizes, dataset.shape[:2]).prod(axis=1)
    return np.asarray(-(-sizes.prod(axis=1) // seen), np.int64)


def _is_larger(dataset: Dataset, image: int) -> bool:
    height, width = dataset.masks[image].shape
    return bool(height > dataset.shape[0] or width > dataset.shape[1])


def _scored_classes(dataset: Dataset, image: int) -> Indices:
    """The classes that are scored and that an image has, ascending."""
    has = dataset.counts[image, : dataset.classes] > 0
    return np.array([label for label in np.flatnonzero(has) if label != dataset.ignore], np.int64)
