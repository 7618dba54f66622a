"""The pixels of an image as a network sees them: as many channels as its others, values 0..255."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.item import Header, Reference
from trainer.data.pixels import Image
from trainer.errors import InputError

_LUMA = np.array([299, 587, 114], np.float32) / 1000  # ITU-R BT.601, as Pillow's grey


def count_channels(headers: list[Header], config: DataConfig) -> int:
    """The channels of the decoded images: those of the configuration, else the most that an image has."""
    return config.channels or max((header.channels for header in headers), default=1)


def scale_image(raw: NDArray[Any], config: DataConfig, channels: int, reference: Reference | str = "an image") -> Image:
    """An image (H, W, C) of a file as (H, W, channels): uint8 as it is, or float16 0..255 if `config.scale` is set.

    Raises InputError where the file has other channels, or values that need a scale and none is set.
    """
    image = _convert_channels(raw, channels, reference)
    if isinstance(config.scale, tuple):
        low, high = config.scale
        scaled: NDArray[np.float32] = (image.astype(np.float32) - low) * np.float32(255 / (high - low))
        return scaled.clip(0, 255).astype(np.float16)
    if image.dtype in (np.uint8, np.bool_):
        return np.asarray(image, np.uint8)
    with np.errstate(invalid="ignore"):
        pixels = image.astype(np.uint8)
    if not np.array_equal(pixels, image):
        raise InputError(
            f"pixels must be whole numbers from 0 to 255; got {image.min():g} to {image.max():g} in {reference}; "
            "set data.scale to the two values that become 0 and 255"
        )
    return pixels


def _convert_channels(raw: NDArray[Any], channels: int, reference: Reference | str) -> NDArray[Any]:
    found = raw.shape[2]
    if found == channels:
        return raw
    if found == 1 and channels == 3:
        return np.repeat(raw, 3, axis=2)
    if found == 3 and channels == 1:
        grey = (raw @ _LUMA)[..., None]
        return grey.round().astype(raw.dtype) if raw.dtype.kind in "iu" else grey.astype(raw.dtype)
    raise InputError(f"an image must have {channels} channels as the others; got {found} in {reference}")
