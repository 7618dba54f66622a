"""Images to predict, and true masks, as they lie on the disk, for a network that was trained before. Without Keras."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.disk.read import read_header, read_image, read_mask
from trainer.data.disk.resize import resize_image
from trainer.data.item import Header, Item, Reference, Row
from trainer.data.labels import decode_mask
from trainer.data.pixels import Image, Pixels
from trainer.data.progress import Progress, no_progress
from trainer.data.scale import scale_image
from trainer.errors import InputError

_BAND_VALUES = 2**22  # of an image that are scaled at a time, for scaling takes many times the memory


def settle(data: DataConfig) -> DataConfig:
    """The data of a result that an earlier version wrote, which left nothing to be found: no "auto" remains."""
    found = {key: None for key in ("ignore", "scale", "patch") if getattr(data, key) == "auto"}
    return data.model_copy(update=found)


def check_images(items: Sequence[Item], data: DataConfig) -> list[Header]:
    """The headers of all images. Raises InputError where one cannot be read, or its values need a scale.

    Pixels are read of the first picture and of array files alone, for others take as long as predicting them.
    """
    headers = [read_header(item.image) for item in items]
    for index, item in enumerate(items):
        if index == 0 or isinstance(item.image, Row):
            _scale(read_image(item.image), data, headers[index].channels, item.image)
    return headers


def check_channels(items: Sequence[Item], headers: Sequence[Header], channels: int) -> None:
    """Raises InputError for an image that cannot be converted to the channels of the network."""
    for item, header in zip(items, headers, strict=True):
        if header.channels != channels and {header.channels, channels} != {1, 3}:
            raise InputError(
                f"an image must have {channels} channels as in training; got {header.channels} in {item.image}; "
                "convert it"
            )


def read_input(item: Item, data: DataConfig, channels: int) -> tuple[Image, tuple[int, int]]:
    """An image as the network takes it, (H, W, channels), and its own size: (height, width). Raises InputError."""
    raw = read_image(item.image)
    image = _scale(raw, data, channels, item.image)
    if data.resize is not None:
        image = resize_image(image, data.resize, data.fit)
    return image, (raw.shape[0], raw.shape[1])


def view_image(item: Item, data: DataConfig) -> Pixels:
    """An image as people see it, in its own size: RGB (H, W, 3) of 8 bits; of many bands the first three."""
    raw = read_image(item.image)
    raw = raw[..., :3] if raw.shape[2] >= 3 else raw[..., :1]
    view = np.empty((*raw.shape[:2], 3), np.uint8)
    for rows in _bands(raw):
        view[rows] = scale_image(raw[rows], data, 3, item.image).astype(np.float32).round()
    return view


def check_truths(items: Sequence[Item], data: DataConfig, progress: Progress = no_progress) -> None:
    """Reads all true masks. Raises InputError for one that is not as the configuration says, or if none is scored."""
    if data.classes is None:
        raise InputError("a result's config.toml must have data.classes; got none; train the network again")
    counts = np.zeros(256, np.int64)
    for done, item in enumerate(items, 1):
        header = read_header(item.image)
        mask = read_truth(item, data)
        if mask.shape != (header.height, header.width):
            raise InputError(
                f"an image and its mask must be of one size; got {item.image} {header.height}x{header.width} and "
                f"{item.mask} {mask.shape[0]}x{mask.shape[1]}; correct one of them"
            )
        counts += np.bincount(mask.ravel(), minlength=256)
        progress("masks checked", done, len(items))
    scored = [label for label in range(data.classes) if label != data.ignore]
    if not counts[scored].any():
        raise InputError(f"masks must have pixels of a class that is scored; got none in {len(items)} masks")


def read_truth(item: Item, data: DataConfig) -> Pixels:
    """The true mask (H, W) of a labelled image, as classes, VOID and the ignored label. Raises InputError."""
    if item.mask is None:
        raise InputError(f"every image must have a mask to be compared with; got none for {item.image}")
    return decode_mask(read_mask(item.mask), data, item.mask)


def _scale(raw: NDArray[Any], data: DataConfig, channels: int, reference: Reference) -> Image:
    """`scale_image`, by bands of rows."""
    bands: list[Any] = [scale_image(raw[rows], data, channels, reference) for rows in _bands(raw)]
    image: Image = bands[0] if len(bands) == 1 else np.concatenate(bands)
    return image


def _bands(raw: NDArray[Any]) -> Iterator[slice]:
    step = max(1, _BAND_VALUES // max(1, raw.shape[1] * raw.shape[2]))
    return (slice(first, first + step) for first in range(0, raw.shape[0], step))
