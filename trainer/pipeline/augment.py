"""Random augmentation of images and masks. No other file imports Albumentations."""

import os
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.config import AugmentConfig
from trainer.data.pixels import Pixels

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # otherwise every import checks for a newer version
import albumentations as A

Pictures = NDArray[Any]  # (B, H, W, C): uint8, or float32 0..255
Augment = Callable[[Pictures, Pixels, int], tuple[Pictures, Pixels]]


def make_augment(config: AugmentConfig, shape: tuple[int, int, int]) -> Augment:
    """Returns `augment(images, masks, seed)`: new images (B, H, W, C), 0..255, and masks (B, H, W), a pure function.

    Masks are interpolated by nearest neighbour and borders are mirrored, so that no new label appears. Each thread
    needs an `augment` of its own, because the pipeline has a random generator as state.

    Args:
        config: transforms with their probabilities and ranges.
        shape: (H, W, C) of the images.
    """
    pipeline = A.Compose(transforms(config, shape), seed=0)

    def run(images: Pictures, masks: Pixels) -> tuple[Pictures, Pixels]:
        pairs = [pipeline(image=image, mask=mask) for image, mask in zip(images, masks, strict=True)]
        changed = np.stack([pair["image"].reshape(shape) for pair in pairs])
        return changed, np.stack([pair["mask"] for pair in pairs])

    def augment(images: Pictures, masks: Pixels, seed: int) -> tuple[Pictures, Pixels]:
        pipeline.set_random_seed(seed)
        if images.dtype == np.uint8:
            return run(images, masks)
        changed, moved = run(images / np.float32(255), masks)  # Albumentations takes floating-point pixels in 0..1
        return changed.clip(0, 1) * np.float32(255), moved

    return augment


def transforms(config: AugmentConfig, shape: tuple[int, int, int]) -> list[A.BasicTransform | A.BaseCompose]:
    """The pipeline in its order: flips, quarter turn, one geometric transform, one of colour, elastic deformation."""
    candidates = [
        A.HorizontalFlip(p=config.flip_horizontal),
        A.VerticalFlip(p=config.flip_vertical),
        quarter_turn(config.quarter_turn),
        one_of(geometric(config, shape), config.geometric),
        one_of(colour(config, shape[2]), config.colour),
        elastic(config),
    ]
    return [transform for transform in candidates if transform is not None and transform.p > 0]


def one_of(choices: list[A.BasicTransform], probability: float) -> A.OneOf | None:
    """One of the transforms, drawn with their `p` as weights; None if all weights are 0."""
    possible = [choice for choice in choices if choice.p > 0]
    return A.OneOf(possible, p=probability) if possible else None


def quarter_turn(probability: float) -> A.OneOf:
    """A rotation by 90 degrees, either way, that preserves the image's size and the aspect ratio of shapes."""
    turns = [A.Affine(rotate=(degrees, degrees), border_mode=cv2.BORDER_REFLECT_101, p=1) for degrees in (90, -90)]
    return A.OneOf(turns, p=probability)


def geometric(config: AugmentConfig, shape: tuple[int, int, int]) -> list[A.BasicTransform]:
    """Crop, rotation with shift, and flips; all but the flips preserve the aspect ratio of shapes."""
    height, width, _ = shape
    smallest = max(0.1, 1 - (1 - config.crop_area) * config.strength)
    degrees = min(180.0, config.rotate_degrees * config.strength)
    shift = min(0.5, config.shift * config.strength)
    aspect = width / height
    return [
        A.RandomResizedCrop(size=(height, width), scale=(smallest, 1.0), ratio=(aspect, aspect), p=config.crop),
        A.Affine(
            rotate=(-degrees, degrees),
            translate_percent={"x": (-shift, shift), "y": (-shift, shift)},
            border_mode=cv2.BORDER_REFLECT_101,
            p=config.affine,
        ),
        A.HorizontalFlip(p=config.one_of_flip_horizontal),
        A.VerticalFlip(p=config.one_of_flip_vertical),
    ]


def colour(config: AugmentConfig, channels: int) -> list[A.BasicTransform]:
    """Brightness with contrast, and for RGB images hue with saturation."""
    brightness, contrast, saturation = (
        min(1.0, value * config.strength) for value in (config.brightness, config.contrast, config.saturation)
    )
    choices = [A.RandomBrightnessContrast(brightness_limit=brightness, contrast_limit=contrast, p=0.5)]
    if channels == 3:
        hue = min(180.0, config.hue_degrees * config.strength) / 2  # OpenCV's unit is two degrees
        choices.append(A.HueSaturationValue(hue, 255 * saturation, 255 * brightness, p=0.5))
    return choices


def elastic(config: AugmentConfig) -> A.BasicTransform | None:
    """Smoothed random displacements (Simard et al. 2003); None if configured off."""
    alpha = config.elastic_alpha * config.strength
    if not alpha or not config.elastic:
        return None
    return A.ElasticTransform(alpha, config.elastic_sigma, border_mode=cv2.BORDER_REFLECT_101, p=config.elastic)
