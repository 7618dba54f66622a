"""Random augmentation of images and masks: the whole pipeline, in its order."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import AugmentConfig
from trainer.data.pixels import Pixels
from trainer.pipeline.appearance import blur, colour, gamma, low_resolution, noise
from trainer.pipeline.geometry import Transform, elastic, geometric, quarter_turn, zoom_out
from trainer.pipeline.hide import hide
from trainer.pipeline.library import A

Pictures = NDArray[Any]  # (B, H, W, C): uint8, or float32 0..255
Augment = Callable[[Pictures, Pixels, int], tuple[Pictures, Pixels]]
BY_CHANCE = ("geometric", "colour", "elastic", "zoom_out", "gamma", "blur", "noise", "low_resolution", "hide")


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
        # One stream for all: `set_random_seed` gives each transform a stream of the same numbers, by which all of them
        # happen to an image, or none.
        pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
        if images.dtype == np.uint8:
            return run(images, masks)
        changed, moved = run(images / np.float32(255), masks)  # Albumentations takes floating-point pixels in 0..1
        return changed.clip(0, 1) * np.float32(255), moved

    return augment


def transforms(config: AugmentConfig, shape: tuple[int, int, int]) -> list[Transform]:
    """The pipeline: what moves image and mask alike, then what changes the image, as light passes through a camera."""
    config = config.model_copy(
        update={name: min(1.0, getattr(config, name) * config.chance) for name in BY_CHANCE},
    )
    candidates = [
        A.HorizontalFlip(p=config.flip_horizontal),
        A.VerticalFlip(p=config.flip_vertical),
        quarter_turn(config, shape),
        geometric(config, shape),
        elastic(config),
        zoom_out(config, shape),
        colour(config, shape[2]),
        gamma(config),
        blur(config),
        low_resolution(config, shape),
        noise(config),
        hide(config),
    ]
    return [transform for transform in candidates if transform is not None and transform.p > 0]
