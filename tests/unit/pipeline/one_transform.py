"""One transform of the pipeline at a time, on small random images or on ramps."""

from typing import Any

import numpy as np

from trainer.config import AugmentConfig
from trainer.pipeline.augment import make_augment

NOTHING: dict[str, Any] = {"flip_horizontal": 0.0, "geometric": 0.0, "colour": 0.0, "crop": 0.0, "affine": 0.0}
CROP = {"geometric": 1.0, "crop": 1.0}
MOVING: dict[str, dict[str, Any]] = {
    "quarter turn": {"quarter_turn": 1.0},
    "crop": CROP,
    "affine": {"geometric": 1.0, "affine": 1.0},
    "elastic": {"elastic": 1.0, "elastic_alpha": 100.0},
    "zoom out": {"zoom_out": 1.0},
}
STILL: dict[str, dict[str, Any]] = {
    "colour": {"colour": 1.0},
    "gamma": {"gamma": 1.0},
    "blur": {"blur": 1.0},
    "noise": {"noise": 1.0},
    "low resolution": {"low_resolution": 1.0},
    "grid": {"hide": 1.0, "hide_kind": "grid"},
    "holes": {"hide": 1.0},
}
EVERY = MOVING | STILL


def run(options: dict[str, Any], images: Any, masks: Any, seed: int = 0) -> tuple[Any, Any]:
    """Images and masks after the transforms of some options alone."""
    return make_augment(AugmentConfig(**NOTHING | options), images.shape[1:])(images, masks, seed)


def draw(shape: tuple[int, int, int], count: int = 6) -> tuple[Any, Any]:
    """Random images, and masks of the labels 0, 2 and 255."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, *shape), np.uint8)
    return images, generator.choice(np.array([0, 2, 255], np.uint8), (count, *shape[:2]))


def differences(options: dict[str, Any], height: int, width: int, count: int = 100) -> Any:
    """By how much the pixels of an image are further down, and to the right, than those of its mask: (2, N, H, W).

    Image and mask are ramps: each pixel is its own row, or column. Linear interpolation keeps a ramp as it is, so that
    of two that move alike the mask is the image, rounded.
    """
    measured = []
    for ramp in np.indices((height, width), np.uint8):
        masks = np.repeat(ramp[None], count, 0)
        images, moved = run(options, masks[..., None].astype(np.float32), masks)
        measured.append(images[..., 0] - moved)
    return np.stack(measured)
