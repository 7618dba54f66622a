"""From the values of masks to classes and back, as the configuration says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import VOID, DataConfig
from trainer.data.item import RawMask, Reference
from trainer.data.pixels import Pixels
from trainer.errors import InputError


def parse_label(key: str) -> int:
    """The number of a key of `data.labels`: a value such as "255" or "-1", or a colour such as "#ff0000"."""
    return int(key[1:], 16) if key.startswith("#") else int(key)


def format_colour(colour: int) -> str:
    """A colour 0xrrggbb as `#rrggbb`."""
    return f"#{colour:06x}"


def to_values(raw: RawMask, config: DataConfig) -> NDArray[Any]:
    """The values of a mask (H, W) in the kind of `config.mask_format`: colours, grey values or indices."""
    if config.mask_format == "colour" and raw.kind == "palette":
        return np.take(np.asarray(raw.palette, np.int64), raw.values)
    if config.mask_format == "colour" and raw.kind == "grey":
        return raw.values.astype(np.int64) * 0x010101
    if config.mask_format == "grey" and raw.kind == "palette":
        return np.take(grey_of(np.asarray(raw.palette, np.int64)), raw.values)
    return grey_of(raw.values) if config.mask_format == "grey" and raw.kind == "colour" else raw.values


def grey_of(colours: NDArray[Any]) -> NDArray[Any]:
    """The grey value of colours 0xvvvvvv; -256 and below for those that are not grey."""
    value = colours & 0xFF
    return np.where(colours == value * 0x010101, value, -256 - colours)


def decode_mask(raw: RawMask, config: DataConfig, reference: Reference | str) -> Pixels:
    """The mask as classes and VOID or the ignored label, (H, W). Raises InputError for a value that is not listed."""
    values = to_values(raw, config)
    keys, classes = _table(config)
    positions = np.searchsorted(keys, values).clip(0, len(keys) - 1)
    decoded: Pixels = classes[positions]
    unlisted = keys[positions] != values
    if unlisted.any():
        decoded[unlisted] = _decode_unlisted(values[unlisted], config, keys, classes, reference)
    return decoded


def _table(config: DataConfig) -> tuple[NDArray[np.int64], Pixels]:
    """The listed values in ascending order, and the class of each."""
    if config.labels:
        pairs = sorted((parse_label(key), label) for key, label in config.labels.items())
    else:
        own = [] if config.ignored_label is None else [config.ignored_label]
        pairs = [(label, label) for label in sorted({*range(config.class_count), *own})]
    return np.array([key for key, _ in pairs], np.int64), np.array([label for _, label in pairs], np.uint8)


def _decode_unlisted(
    values: NDArray[Any], config: DataConfig, keys: NDArray[np.int64], classes: Pixels, reference: Reference | str
) -> Pixels | int:
    if config.unlisted == "ignore":
        return VOID
    if config.unlisted == "nearest":
        found, inverse = np.unique(values, return_inverse=True)
        known = _components(keys, config)[None]
        distance = ((_components(found, config)[:, None] - known) ** 2).sum(axis=2)
        return np.asarray(classes[distance.argmin(axis=1)][inverse], np.uint8)
    shown = show_value(int(values.flat[0]), config)
    listed = ", ".join(show_value(int(key), config) for key in keys[:8]) + (", ..." if len(keys) > 8 else "")
    raise InputError(
        f"a mask must have listed values alone, {listed}; got {shown} in {values.size:,} pixels of {reference}; "
        'correct data.classes or data.labels, or set data.unlisted to "ignore" or "nearest"'
    )


def show_value(value: int, config: DataConfig) -> str:
    """A value as a key of `data.labels`."""
    if config.mask_format == "colour":
        return format_colour(value)
    return format_colour(-256 - value) if value <= -256 else str(value)


def _components(values: NDArray[Any], config: DataConfig) -> NDArray[np.int64]:
    """Values as points whose distances count: (N, 3) colours, or (N, 1) grey values."""
    if config.mask_format == "colour":
        return np.stack([values >> 16 & 0xFF, values >> 8 & 0xFF, values & 0xFF], axis=-1).astype(np.int64)
    return values[:, None].astype(np.int64)


def encode_mask(mask: Pixels, config: DataConfig) -> NDArray[Any]:
    """Classes (H, W) as values of the kind of `config.mask_format`: the inverse of `decode_mask`.

    Grey values and palette indices are (H, W), of the smallest of uint8, uint16 and int32 that holds them; colours are
    (H, W, 3) uint8. Of several values of a class the smallest is used.
    """
    if not config.labels:
        return mask
    values: dict[int, int] = {}
    for key, label in sorted(((parse_label(key), label) for key, label in config.labels.items()), reverse=True):
        values[label] = key
    table = np.array([values.get(label, 0) for label in range(256)], np.int64)
    if config.mask_format == "colour":
        colours = table[mask]
        return np.stack([colours >> 16, colours >> 8 & 0xFF, colours & 0xFF], axis=-1).astype(np.uint8)
    dtype = next(dtype for dtype in (np.uint8, np.uint16, np.int32) if _holds(dtype, table))
    return table.astype(dtype)[mask]


def _holds(dtype: type[np.integer[Any]], values: NDArray[np.int64]) -> bool:
    limits = np.iinfo(dtype)
    return bool(limits.min <= values.min() and values.max() <= limits.max)
