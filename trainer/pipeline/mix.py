"""Inserts regions and rectangles of a rare class into other images and their masks. NumPy and OpenCV only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.config import AugmentConfig
from trainer.data.dataset import Dataset
from trainer.data.pixels import Indices, Pixels
from trainer.pipeline.patches import Patch, cut_patch, draw_corner

Pictures = NDArray[Any]  # uint8, or float32 0..255
Mix = Callable[[Pictures, Pixels, int], tuple[Pictures, Pixels]]
MIN_PIXELS = 4  # of a region that is pasted
MOST_SOURCES = 1000  # images, or patches of larger ones, that are searched for regions


@dataclass(frozen=True)
class Region:
    """A connected region of a class in one training image."""

    pixels: NDArray[Any]  # (h, w, C), minus the mean of its image; int16, or float32
    inside: NDArray[np.bool_]  # (h, w), true in the region


def make_mix(config: AugmentConfig, dataset: Dataset, label: int) -> Mix | None:
    """Returns `mix(images, masks, seed)`: new images (B, H, W, C) and masks (B, H, W), a pure function.

    It inserts from training images only. None if `paste` and `cutmix` are 0, or no training image has the class.
    """
    if not (config.paste or config.cutmix):
        return None
    sources = dataset.train[dataset.counts[dataset.train, label] > 0]
    regions = find_regions(dataset, sources, label) if config.paste else []
    if not len(sources) or not (config.cutmix or regions):
        return None

    def mix(images: Pictures, masks: Pixels, seed: int) -> tuple[Pictures, Pixels]:
        images, masks = images.copy(), masks.copy()
        generator = np.random.default_rng(seed)
        for image, mask in zip(images, masks, strict=True):
            if generator.random() < config.cutmix:
                source = int(generator.choice(sources))
                cut_mix(image, mask, *draw_source(dataset, source, label, generator), label, generator)
            if regions and generator.random() < config.paste:
                paste(image, mask, regions[generator.integers(len(regions))], label, generator)
        return images, masks

    return mix


def draw_source(dataset: Dataset, source: int, label: int, generator: np.random.Generator) -> Patch:
    """A patch with the class; an image of the patch's size is taken whole, and nothing is drawn."""
    whole = dataset.masks[source].shape == dataset.shape[:2]
    return cut_patch(dataset, source, (0, 0) if whole else draw_corner(dataset, source, label, generator))


def find_regions(dataset: Dataset, sources: Indices, label: int) -> list[Region]:
    """Connected regions (8 neighbours) of a class in some images, with at least MIN_PIXELS pixels."""
    regions = []
    for image, mask in _list_patches(dataset, sources, label):
        count, parts, boxes, _ = cv2.connectedComponentsWithStats((mask == label).astype(np.uint8), connectivity=8)
        level = round(float(image.mean()))
        for part in range(1, count):  # component 0 is the background
            left, top, width, height, area = (int(value) for value in boxes[part])
            if area >= MIN_PIXELS:
                box = np.s_[top : top + height, left : left + width]
                pixels = image[box].astype(np.int16 if image.dtype == np.uint8 else np.float32) - level
                regions.append(Region(pixels, parts[box] == part))
    return regions


def _list_patches(dataset: Dataset, sources: Indices, label: int) -> Iterator[Patch]:
    """At most MOST_SOURCES images, evenly spaced; of larger ones patches around their pixels of the class."""
    if len(sources) > MOST_SOURCES:
        sources = sources[np.linspace(0, len(sources) - 1, MOST_SOURCES).astype(int)]
    each = min(dataset.places.shape[2], MOST_SOURCES // max(1, len(sources)))
    for source in map(int, sources):
        sizes = list(zip(dataset.masks[source].shape, dataset.shape[:2], strict=True))
        if all(length <= side for length, side in sizes):
            yield cut_patch(dataset, source)
            continue
        for pixel in dataset.places[source, label][:: dataset.places.shape[2] // each][:each].tolist():
            centred = (
                min(max(0, at - side // 2), max(0, length - side))
                for at, (length, side) in zip(pixel, sizes, strict=True)
            )
            yield cut_patch(dataset, source, (next(centred), next(centred)))


def paste(image: Pictures, mask: Pixels, region: Region, label: int, generator: np.random.Generator) -> None:
    """Pastes a region at a random position of an image (H, W, C) and its mask (H, W), in place.

    It is mirrored with probability 0.5, and shifted in brightness by the difference of the two images' means.
    """
    pixels, inside = region.pixels, region.inside
    if generator.random() < 0.5:
        pixels, inside = pixels[:, ::-1], inside[:, ::-1]
    height, width = inside.shape
    top = generator.integers(mask.shape[0] - height + 1)
    left = generator.integers(mask.shape[1] - width + 1)
    box = np.s_[top : top + height, left : left + width]
    relit = np.clip(pixels + round(float(image.mean())), 0, 255).astype(image.dtype)
    image[box][inside], mask[box][inside] = relit[inside], label


def cut_mix(
    image: Pictures, mask: Pixels, other: Pictures, other_mask: Pixels, label: int, generator: np.random.Generator
) -> None:
    """Replaces a rectangle around a pixel of the class by that of another image, in place (CutMix, Yun et al. 2019).

    It has the same position in both images and the image's aspect ratio; its share of the area is uniform in 0..1, as
    in the paper.
    """
    height, width = mask.shape
    rows, columns = np.nonzero(other_mask == label)
    centre = generator.integers(len(rows))
    side = np.sqrt(generator.random())
    half_height, half_width = max(1, round(side * height / 2)), max(1, round(side * width / 2))
    row, column = int(rows[centre]), int(columns[centre])
    box = np.s_[
        max(0, row - half_height) : row + half_height,
        max(0, column - half_width) : column + half_width,
    ]
    image[box], mask[box] = other[box], other_mask[box]
