"""Transforms of an image's values alone, as in `trainer/pipeline/appearance.py`: colours, power and noise."""

from keras import ops

from trainer.config import AugmentConfig
from trainer.on_device.draws import Draws, ImageChange, Tensor, for_pixels
from trainer.pipeline.appearance import LEAST


def colour(config: AugmentConfig, channels: int) -> ImageChange | None:
    """One of brightness with contrast, and for RGB images hue with saturation."""
    if not config.colour:
        return None
    brightness, contrast, saturation = (
        min(1.0, value * config.strength) for value in (config.brightness, config.contrast, config.saturation)
    )
    degrees = min(180.0, config.hue_degrees * config.strength)

    def change(images: Tensor, draws: Draws) -> Tensor:
        happens = draws.happens(config.colour)
        factor, offset = 1 + draws.uniform(-contrast, contrast), 255 * draws.uniform(-brightness, brightness)
        changed = images * for_pixels(factor) + for_pixels(offset)
        if channels == 3:
            shifts = (draws.uniform(-most, most) for most in (degrees, saturation, brightness))
            changed = ops.where(for_pixels(draws.happens(0.5)), changed, shift_hsv(images, *shifts))
        return ops.where(for_pixels(happens), ops.clip(changed, 0.0, 255.0), images)

    return change


def shift_hsv(images: Tensor, degrees: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """RGB images with other hues, saturations and values, (B, 1, 1) of 0..1; what is grey stays grey (Smith 1978)."""
    red, green, blue = ops.unstack(images, axis=-1)
    most = ops.max(images, axis=-1)
    spread = most - ops.min(images, axis=-1)
    divisor = ops.where(spread > 0, spread, 1.0)
    sixth = ops.where(
        most == red,
        (green - blue) / divisor,
        ops.where(most == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    share = spread / ops.where(most > 0, most, 1.0)
    share = ops.where(share > 0, ops.clip(share + saturation, 0.0, 1.0), 0.0)
    most = ops.clip(most / 255 + value, 0.0, 1.0)
    around = [ops.mod(sixth + degrees / 60 + first, 6.0) for first in (5, 3, 1)]
    channels = [most - most * share * ops.clip(ops.minimum(k, 4 - k), 0.0, 1.0) for k in around]
    return 255 * ops.stack(channels, axis=-1)


def gamma(config: AugmentConfig) -> ImageChange | None:
    """Pixels of 0..1 to a power that is as often above 1 as its inverse."""
    largest = config.gamma_range * config.strength
    if not (config.gamma and largest):
        return None
    near, far = 1 + LEAST * largest, 1 + largest

    def change(images: Tensor, draws: Draws) -> Tensor:
        happens, darkens = draws.happens(config.gamma), draws.happens(0.5)
        power = ops.where(darkens, draws.uniform(near, far), draws.uniform(1 / far, 1 / near))
        return ops.where(for_pixels(happens), 255 * ops.power(images / 255, for_pixels(power)), images)

    return change


def noise(config: AugmentConfig) -> ImageChange | None:
    """Gaussian noise, drawn anew for each pixel and channel."""
    largest = min(1.0, config.noise_std * config.strength)
    if not (config.noise and largest):
        return None

    def change(images: Tensor, draws: Draws) -> Tensor:
        happens, deviation = draws.happens(config.noise), 255 * draws.uniform(LEAST * largest, largest)
        added = ops.where(happens, deviation, 0.0)
        return ops.clip(images + for_pixels(added) * draws.normal(tuple(images.shape)), 0.0, 255.0)

    return change
