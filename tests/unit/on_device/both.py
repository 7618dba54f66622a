"""One transform at a time by both pipelines: what Albumentations draws, and what the device draws."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np

from tests.unit.pipeline.one_transform import NOTHING
from trainer.config import AugmentConfig
from trainer.on_device.augment import make_device_augment
from trainer.pipeline.augment import make_augment

DRAWS = 400
CLOSE = 2.23 * (2 / DRAWS) ** 0.5  # exceeded by the distance of two equal distributions in one of 10,000 cases


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a training step has it."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function)


@cache
def _augment(options: tuple[tuple[str, Any], ...], shape: tuple[int, int, int]) -> Callable[..., Any]:
    return compiled(make_device_augment(AugmentConfig(**dict(options)), shape))


def on_device(options: dict[str, Any], images: Any, masks: Any, seed: int = 0) -> tuple[Any, Any]:
    """Images and masks after the transforms of some options alone, by the device."""
    augment = _augment(tuple(sorted((NOTHING | options).items())), images.shape[1:])
    changed, moved = augment(images, masks, np.array(seed, np.int32))
    return np.asarray(changed), np.asarray(moved)


def on_host(options: dict[str, Any], images: Any, masks: Any, seed: int = 0) -> tuple[Any, Any]:
    """The same by Albumentations."""
    return make_augment(AugmentConfig(**NOTHING | options), images.shape[1:])(images, masks, seed)


def repeat(image: Any, mask: Any = None) -> tuple[Any, Any]:
    """A batch of DRAWS times one image (H, W, C), with its mask."""
    mask = np.zeros(image.shape[:2], np.uint8) if mask is None else mask
    return np.repeat(image[None], DRAWS, 0), np.repeat(mask[None], DRAWS, 0)


def places(height: int, width: int) -> Any:
    """An image (H, W, 2) whose pixels are their own rows and columns, float32."""
    return np.moveaxis(np.indices((height, width), np.float32), 0, -1)


def distance(one: Any, other: Any) -> float:
    """The largest difference of two samples' distribution functions (Kolmogorov and Smirnov), to a thousandth."""
    one, other = np.sort(np.round(one, 3)), np.sort(np.round(other, 3))
    values = np.concatenate([one, other])
    shares = [np.searchsorted(sample, values, side="right") / len(sample) for sample in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def assert_alike(options: dict[str, Any], image: Any, measure: Callable[[Any], Any]) -> None:
    """What is measured of an image, (N, K) from (N, H, W, C), has the distributions of Albumentations' images."""
    device, host = (measure(run(options, *repeat(image))[0]) for run in (on_device, on_host))
    assert np.ptp(host, axis=0).all(), "what is measured must vary"
    for number in range(host.shape[1]):
        assert distance(device[:, number], host[:, number]) < CLOSE, f"measure {number}"
