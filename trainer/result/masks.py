"""A predicted mask as it is stored: with the values, colours or palette of the masks that the network learned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.config import DataConfig
from trainer.data.labels import encode_mask, format_colour, parse_label
from trainer.data.pixels import Pixels
from trainer.errors import InputError
from trainer.files import atomic_write

_PNG_TYPES = (np.dtype(np.uint8), np.dtype(np.uint16))
_PALETTE_SIZE = 256


def value_type(config: DataConfig) -> np.dtype[Any]:
    """The dtype of all stored masks: the smallest of uint8, uint16 and int32 that holds the values of the classes."""
    if not config.labels or config.mask_format == "colour":
        return np.dtype(np.uint8)
    values = encode_mask(np.arange(config.class_count).astype(np.uint8), config)
    low, high = int(values.min()), int(values.max())
    return np.dtype(np.int32 if low < 0 or high > 0xFFFF else np.uint16 if high > 0xFF else np.uint8)


def stored_values(mask: Pixels, config: DataConfig) -> NDArray[Any]:
    """Predicted classes (H, W) as the values to store: (H, W) of `value_type`, or colours (H, W, 3) uint8."""
    return encode_mask(mask, config).astype(value_type(config), copy=False)


def stored_texts(config: DataConfig) -> NDArray[np.str_]:
    """The value of each class as text, (256,): `255`, or `#ff0000` where masks are colours."""
    values = stored_values(np.arange(_PALETTE_SIZE).astype(np.uint8), config)
    if values.ndim == 1:
        return values.astype(np.str_)
    return np.array([format_colour(int(red) << 16 | int(green) << 8 | int(blue)) for red, green, blue in values])


def check_png(config: DataConfig) -> None:
    """Raises InputError if the masks have values that a PNG cannot store."""
    if value_type(config) not in _PNG_TYPES:
        raise InputError(
            f"pictures of masks must have values from 0 to 65535; got {_list_values(config)} in data.labels; "
            "name an .npz or .csv file after -o"
        )


def write_png(mask: Pixels, config: DataConfig, path: Path) -> None:
    """Writes predicted classes (H, W) as a PNG of 8 or 16 bits, of colours, or with a palette. Raises OSError."""
    values = stored_values(mask, config)
    picture = Image.fromarray(values)
    if config.mask_format == "palette" and config.colours and values.dtype == np.uint8:
        picture = Image.frombytes("P", picture.size, values.tobytes())
        picture.putpalette(_palette(config).tobytes())
    with atomic_write(path) as partial:
        picture.save(partial, format="PNG")


def _palette(config: DataConfig) -> Pixels:
    """Colours by index, (256, 3); indices that stand for no class are black."""
    classes = np.arange(min(len(config.colours), _PALETTE_SIZE)).astype(np.uint8)
    palette = np.zeros((_PALETTE_SIZE, 3), np.uint8)
    palette[stored_values(classes, config)] = [_split(colour) for colour in config.colours[: len(classes)]]
    return palette


def _split(colour: str) -> Sequence[int]:
    number = parse_label(colour)
    return number >> 16, number >> 8 & 0xFF, number & 0xFF


def _list_values(config: DataConfig) -> str:
    keys = list(config.labels)
    return ", ".join(keys[:8]) + (", ..." if len(keys) > 8 else "")
