"""Reads one image or mask, wherever it lies: a picture file, or a row of an array file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.disk import content, picture, tiff
from trainer.data.disk.palette import pack_colours
from trainer.data.item import Header, RawMask, Reference, Row
from trainer.errors import InputError, printable

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
MASK_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".webp", ".gif")
ARRAY_SUFFIXES = (".npz", ".npy")
_INT32 = np.iinfo(np.int32)


def read_header(reference: Reference) -> Header:
    """Size, channels and dtype of an image or mask, without its pixels. Raises InputError."""
    if isinstance(reference, Row):
        height, width = reference.array.shape[1:3]
        dtype = reference.array.dtype
        return Header(height, width, _channels(reference.array), "uint8" if dtype.kind == "b" else dtype.name)
    is_tiff = content.is_tiff(content.read_head(reference.path))
    return tiff.read_header(reference.path) if is_tiff else picture.read_header(reference.path)


def read_image(reference: Reference) -> NDArray[Any]:
    """The pixels (H, W, C) of an image in the file's dtype, upright and without alpha; one bit is 0 and 255.

    Raises InputError.
    """
    if isinstance(reference, Row):
        image = _read_row(reference)
        image = image if image.ndim == 3 else image[..., None]
        image = image.astype(np.uint8) * np.uint8(255) if image.dtype.kind == "b" else image
    elif content.is_tiff(content.read_head(reference.path)):
        image = tiff.read_image(reference.path)
    else:
        image = picture.read_image(reference.path)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        bad = image[~np.isfinite(image)].flat[0]
        raise InputError(
            f"an image must have finite pixels; got {bad:g} in {printable(str(reference))}; "
            "replace such pixels, or leave the image out"
        )
    return image


def read_mask(reference: Reference) -> RawMask:
    """The values of a mask, upright. Raises InputError, also for files that cannot hold labels."""
    if isinstance(reference, Row):
        values = _read_row(reference)
        if values.ndim == 3 and values.shape[2] == 3:
            labels = _as_labels(values, reference)
            _check_colours(labels, reference)
            return RawMask(pack_colours(labels), "colour")
        mask = RawMask(values if values.ndim == 2 else values[..., 0], "grey")
    else:
        mask = _read_file(reference.path)
    return RawMask(_as_labels(mask.values, reference), mask.kind, mask.palette)


def _read_file(path: Path) -> RawMask:
    head = content.read_head(path)
    content.check_lossless(path, head)
    return tiff.read_mask(path) if content.is_tiff(head) else picture.read_mask(path)


def _channels(array: NDArray[Any]) -> int:
    return array.shape[3] if array.ndim == 4 else 1


def _read_row(row: Row) -> NDArray[Any]:
    """A row in memory, in this machine's byte order."""
    values = np.ascontiguousarray(row.array[row.index])
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _as_labels(values: NDArray[Any], reference: Reference) -> NDArray[Any]:
    """Whole numbers as they are, or as int32 where they are stored as floats or in more bits."""
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
        return values
    with np.errstate(invalid="ignore"):
        # NaN fails both comparisons, so it is refused as well.
        bad = ~((values >= _INT32.min) & (values <= _INT32.max))
        bad |= np.not_equal(values, np.floor(values)) if values.dtype.kind == "f" else False
    if bad.any():
        raise InputError(
            f"labels must be whole numbers of at most 32 bits; got {values[bad].flat[0].item():g} in "
            f"{printable(str(reference))}; save classes as whole numbers"
        )
    return values.astype(np.int32, copy=False)


def _check_colours(values: NDArray[Any], reference: Reference) -> None:
    if values.size and (values.min() < 0 or values.max() > 255):
        raise InputError(
            f"a colour mask must have values from 0 to 255; got {values.min()} to {values.max()} in "
            f"{printable(str(reference))}; save it as uint8"
        )
