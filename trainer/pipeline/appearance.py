"""Transforms of an image alone: colours, power, sharpness, resolution and noise."""

from typing import Any

import cv2
import numpy as np
from typing_extensions import override

from trainer.config import AugmentConfig
from trainer.pipeline.geometry import Transform, scale_range
from trainer.pipeline.library import A

LEAST = 0.25  # share of the largest effect that is drawn at least, for one that is hardly seen teaches nothing
SMALLEST_SIGMA = 0.3  # pixels; Albumentations' kernel of a smaller one has a single value


def colour(config: AugmentConfig, channels: int) -> Transform:
    """One of brightness with contrast, and for RGB images hue with saturation."""
    brightness, contrast, saturation = (
        min(1.0, value * config.strength) for value in (config.brightness, config.contrast, config.saturation)
    )
    choices = [A.RandomBrightnessContrast(brightness_limit=brightness, contrast_limit=contrast, p=0.5)]
    if channels == 3:
        hue = min(180.0, config.hue_degrees * config.strength) / 2  # OpenCV's unit is two degrees
        choices.append(A.HueSaturationValue(hue, 255 * saturation, 255 * brightness, p=0.5))
    return A.OneOf(choices, p=config.colour)


def gamma(config: AugmentConfig) -> Transform | None:
    """Pixels of 0..1 to a power that is as often above 1, which darkens, as its inverse; None if it is always 1."""
    largest = config.gamma_range * config.strength
    if not largest:
        return None
    near, far = 1 + LEAST * largest, 1 + largest
    powers = [(100 * near, 100 * far), (100 / far, 100 / near)]  # in percent
    return A.OneOf([A.RandomGamma(gamma_limit=limits, p=1) for limits in powers], p=config.gamma)


def blur(config: AugmentConfig) -> Transform | None:
    """A Gaussian blur; None if its deviation is 0."""
    largest = config.blur_sigma * config.strength
    if not largest:
        return None
    smallest = min(largest, max(SMALLEST_SIGMA, LEAST * largest))
    return A.GaussianBlur(sigma_limit=(smallest, largest), blur_limit=0, p=config.blur)


def noise(config: AugmentConfig) -> Transform | None:
    """Gaussian noise, drawn anew for each pixel and channel; None if its deviation is 0."""
    largest = min(1.0, config.noise_std * config.strength)
    return A.GaussNoise(std_range=(LEAST * largest, largest), p=config.noise) if largest else None


def low_resolution(config: AugmentConfig, shape: tuple[int, int, int]) -> Transform | None:
    """The image shrunk by means of areas, and enlarged again linearly; None at strength 0."""
    scales = scale_range(config.low_resolution_scale, config.strength, shape)
    return LowResolution(scales, p=config.low_resolution) if scales[0] < 1 else None


class LowResolution(A.Downscale):  # type: ignore[misc]  # Albumentations has no types
    """`Downscale` in whole pixels: it shrinks by the exact factor, so that the last rows move away from the mask's."""

    def __init__(self, scale_range: tuple[float, float], p: float) -> None:
        super().__init__(scale_range, p=p)

    @override
    def apply(self, img: Any, scale: float, **params: Any) -> Any:
        height, width, channels = img.shape
        size = round(width * scale), round(height * scale)
        enlarged = []
        for first in range(0, channels, 4):  # OpenCV takes no more channels at a time
            small = cv2.resize(img[..., first : first + 4], size, interpolation=cv2.INTER_AREA)
            enlarged.append(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
        return np.dstack(enlarged)
