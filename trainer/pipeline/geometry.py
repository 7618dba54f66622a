"""Transforms that move an image and its mask alike, to within half a pixel and to no side on average.

OpenCV's nearest neighbour rounds to the nearest pixel in warps and maps, but down when it resizes: there masks take
INTER_NEAREST_EXACT.
"""

from typing import TypeAlias

import cv2

from trainer.config import AugmentConfig
from trainer.pipeline.library import A

SMALLEST_SCALE = 0.1  # of a crop's area, and of the sides of an image that is shrunk
Transform: TypeAlias = A.BasicTransform | A.BaseCompose


def quarter_turn(config: AugmentConfig, shape: tuple[int, int, int]) -> Transform:
    """A rotation by 90 degrees, either way, about the middle; sizes and shapes stay, and no pixel is interpolated."""
    height, width, _ = shape
    steps = [
        A.Transpose(p=1),
        A.OneOf([A.HorizontalFlip(p=1), A.VerticalFlip(p=1)], p=1),
        A.PadIfNeeded(height, width, border_mode=cv2.BORDER_REFLECT_101, p=1),
        A.CenterCrop(height, width, p=1),
    ]
    return A.Sequential(steps, p=config.quarter_turn)


def geometric(config: AugmentConfig, shape: tuple[int, int, int]) -> Transform | None:
    """One of crop, rotation with shift, and flips, drawn by their weights; None if all weights are 0.

    All but the flips preserve the aspect ratio of shapes.
    """
    height, width, _ = shape
    smallest = max(SMALLEST_SCALE, 1 - (1 - config.crop_area) * config.strength)
    degrees = min(180.0, config.rotate_degrees * config.strength)
    shift = min(0.5, config.shift * config.strength)
    weights = (config.crop, config.affine, config.one_of_flip_horizontal, config.one_of_flip_vertical)
    crop, affine, horizontal, vertical = (weight / (sum(weights) or 1) for weight in weights)  # they may exceed 1
    choices = [
        A.RandomResizedCrop(
            size=(height, width),
            scale=(smallest, 1.0),
            ratio=(width / height, width / height),
            mask_interpolation=cv2.INTER_NEAREST_EXACT,
            p=crop,
        ),
        A.Affine(
            rotate=(-degrees, degrees),
            translate_percent={"x": (-shift, shift), "y": (-shift, shift)},
            border_mode=cv2.BORDER_REFLECT_101,
            p=affine,
        ),
        A.HorizontalFlip(p=horizontal),
        A.VerticalFlip(p=vertical),
    ]
    possible = [choice for choice in choices if choice.p > 0]
    return A.OneOf(possible, p=config.geometric) if possible else None


def elastic(config: AugmentConfig) -> Transform | None:
    """Smoothed random displacements (Simard et al. 2003); None if they are 0."""
    alpha = config.elastic_alpha * config.strength
    if not alpha:
        return None
    return A.ElasticTransform(alpha, config.elastic_sigma, border_mode=cv2.BORDER_REFLECT_101, p=config.elastic)


def zoom_out(config: AugmentConfig, shape: tuple[int, int, int]) -> Transform | None:
    """The image shrunk to a random size, anywhere in its former frame, between mirrored pixels; None at strength 0.

    It is shrunk by means of areas, as linear interpolation skips pixels. A last even row or column is left out first:
    of an even number shrunk to half, each pixel lies between two of the former, and nearest is always the same side.
    """
    height, width, _ = shape
    smallest, largest = scale_range(config.zoom_out_scale, config.strength, shape)
    if smallest == 1:
        return None
    steps = [
        A.RandomCrop(height - (height % 2 == 0), width - (width % 2 == 0), p=1),
        A.RandomScale(
            (smallest - 1, largest - 1),
            interpolation=cv2.INTER_AREA,
            mask_interpolation=cv2.INTER_NEAREST_EXACT,
            p=1,
        ),
        A.PadIfNeeded(height, width, position="random", border_mode=cv2.BORDER_REFLECT_101, p=1),
    ]
    return A.Sequential(steps, p=config.zoom_out)


def scale_range(scale: float, strength: float, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Smallest and largest factor of the sides: `scale` at strength 1, 1 at strength 0; else at least one pixel less.

    No side becomes shorter than three pixels.
    """
    side = min(shape[:2])
    smallest = max(SMALLEST_SCALE, min(1.0, 4 / side), 1 - (1 - scale) * strength)
    return smallest, max(smallest, 1 - 1 / side)
