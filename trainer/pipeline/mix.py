"""Inserts regions of a rare class, and rectangles, of other images into images and their masks. NumPy and OpenCV only.

What is inserted brings its own labels along, those of no class included.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.config import AugmentConfig
from trainer.data.dataset import Dataset
from trainer.data.pixels import Indices, Pixels
from trainer.pipeline.patches import Patch, cut_patch, draw_corner, draw_patch

Pictures = NDArray[Any]  # uint8, or float32 0..255
Mix = Callable[[Pictures, Pixels, int], tuple[Pictures, Pixels]]
Box = tuple[slice, slice]  # rows, columns
MIN_PIXELS = 4  # of a region that is pasted, without its margin
MOST_SOURCES = 1000  # images, or patches of larger ones, that are searched for regions
_STREAM = 104_729  # in front of the seed, so that the transforms that follow do not have the same numbers


@dataclass(frozen=True)
class Region:
    """A connected region of a class in one training image, with a margin."""

    pixels: NDArray[Any]  # (h, w, C), minus the mean of its image; int16, or float32
    labels: Pixels  # (h, w)
    inside: NDArray[np.bool_]  # (h, w), true in the region and its margin


def make_mix(config: AugmentConfig, dataset: Dataset, label: int) -> Mix | None:
    """Returns `mix(images, masks, seed)`: new images (B, H, W, C) and masks (B, H, W), a pure function.

    It inserts from training images only. None if it would insert nothing: `paste` and `cutmix` are 0, or need the
    class `label`, which no training image has.
    """
    if not (config.paste or config.cutmix):
        return None
    sources = dataset.train[dataset.counts[dataset.train, label] > 0]
    regions = find_regions(dataset, sources, label, config.paste_margin) if config.paste else []
    cutmix = config.cutmix if len(sources) or not config.cutmix_class else 0.0
    if not (cutmix or regions):
        return None

    def mix(images: Pictures, masks: Pixels, seed: int) -> tuple[Pictures, Pixels]:
        images, masks = images.copy(), masks.copy()
        generator = np.random.default_rng([_STREAM, seed])
        for image, mask in zip(images, masks, strict=True):
            if generator.random() < cutmix:
                source = int(generator.choice(sources if config.cutmix_class else dataset.train))
                other, other_mask = draw_source(dataset, source, label if config.cutmix_class else None, generator)
                pixel = draw_pixel(other_mask == label, generator) if config.cutmix_class else None
                box = draw_box(mask.shape, config.cutmix_sides, pixel, generator)
                image[box], mask[box] = other[box], other_mask[box]
            if regions and generator.random() < config.paste:
                paste(image, mask, regions[generator.integers(len(regions))], generator)
        return images, masks

    return mix


def draw_source(dataset: Dataset, source: int, label: int | None, generator: np.random.Generator) -> Patch:
    """A patch with the class, or anywhere without one; an image of the patch's size is taken whole."""
    if dataset.masks[source].shape == dataset.shape[:2]:
        return cut_patch(dataset, source)
    if label is None:
        return draw_patch(dataset, source, [int(generator.integers(2**32))], turn=0, class_share=0)
    return cut_patch(dataset, source, draw_corner(dataset, source, label, generator))


def draw_pixel(where: NDArray[np.bool_], generator: np.random.Generator) -> tuple[int, int]:
    """Row and column of a random pixel of those that are true, of which there must be one."""
    rows, columns = np.nonzero(where)
    pixel = generator.integers(len(rows))
    return int(rows[pixel]), int(columns[pixel])


def draw_box(
    size: tuple[int, ...], sides: tuple[float, float], pixel: tuple[int, int] | None, generator: np.random.Generator
) -> Box:
    """A rectangle of an image for CutMix (Yun et al. 2019), which draws its area instead.

    Height and width are drawn each by itself, evenly between two shares of the image's; the rectangle lies anywhere
    where it is whole and has the pixel, if there is one.
    """
    box = []
    for axis, length in enumerate(size):
        side = max(1, round(length * generator.uniform(*sides)))
        first, last = 0, length - side
        if pixel is not None:
            first, last = max(first, pixel[axis] - side + 1), min(last, pixel[axis])
        start = int(generator.integers(first, last + 1))
        box.append(slice(start, start + side))
    return box[0], box[1]


def find_regions(dataset: Dataset, sources: Indices, label: int, margin: int = 0) -> list[Region]:
    """Connected regions (8 neighbours) of a class in some images, with at least MIN_PIXELS pixels.

    Pixels of the image up to `margin` pixels away are part of them.
    """
    regions = []
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    for image, mask in _list_patches(dataset, sources, label):
        count, parts, boxes, _ = cv2.connectedComponentsWithStats((mask == label).astype(np.uint8), connectivity=8)
        level = round(float(image.mean()))
        for part in range(1, count):  # component 0 is the background
            left, top, width, height, area = (int(value) for value in boxes[part])
            if area < MIN_PIXELS:
                continue
            box = (
                slice(max(0, top - margin), top + height + margin),
                slice(max(0, left - margin), left + width + margin),
            )
            inside = cv2.dilate((parts[box] == part).astype(np.uint8), disc) > 0
            pixels = image[box].astype(np.int16 if image.dtype == np.uint8 else np.float32) - level
            regions.append(Region(pixels, mask[box].copy(), inside))
    return regions


def _list_patches(dataset: Dataset, sources: Indices, label: int) -> Iterator[Patch]:
    """At most MOST_SOURCES images, evenly spaced; of larger ones patches around their pixels of the class."""
    if len(sources) > MOST_SOURCES:
        sources = sources[np.linspace(0, len(sources) - 1, MOST_SOURCES).astype(int)]
    each = min(dataset.places.shape[2], MOST_SOURCES // max(1, len(sources)))
    for source in map(int, sources):
        height, width = dataset.masks[source].shape
        corners = [(0, 0)]
        if height > dataset.shape[0] or width > dataset.shape[1]:
            pixels = dataset.places[source, label][:: dataset.places.shape[2] // each][:each]
            highest = np.maximum(0, (height - dataset.shape[0], width - dataset.shape[1]))
            corners = np.clip(pixels - np.array(dataset.shape[:2]) // 2, 0, highest).tolist()
        for top, left in corners:
            image, mask = cut_patch(dataset, source, (top, left))
            yield image[:height, :width], mask[:height, :width]  # without what pads a smaller image


def paste(image: Pictures, mask: Pixels, region: Region, generator: np.random.Generator) -> None:
    """Pastes a region at a random position of an image (H, W, C) and its mask (H, W), in place.

    It is mirrored with probability 0.5, and shifted in brightness by the difference of the two images' means.
    """
    mirror = np.s_[:, :: -1 if generator.random() < 0.5 else 1]
    pixels, labels, inside = region.pixels[mirror], region.labels[mirror], region.inside[mirror]
    height, width = inside.shape
    top = generator.integers(mask.shape[0] - height + 1)
    left = generator.integers(mask.shape[1] - width + 1)
    box = np.s_[top : top + height, left : left + width]
    relit = np.clip(pixels + round(float(image.mean())), 0, 255).astype(image.dtype)
    image[box][inside], mask[box][inside] = relit[inside], labels[inside]
