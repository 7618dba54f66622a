"""Decodes the pixels of a TIFF, once its strips or tiles are known to be whole."""

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFrame, TiffPage

from trainer.data.disk.refusal import check_size
from trainer.data.disk.tiff_file import DEFLATE, WHITE_IS_ZERO, Tiff
from trainer.data.disk.upright import turn_upright

_DEFLATE_RATIO = 1032  # the most that a byte unpacks to
_SUSPECT_BYTES = 2**26


def decode(tiff: Tiff) -> NDArray[Any]:
    """All samples (H, W, S) of the page, or all pages of the series, upright."""
    page = tiff.page
    pages: Sequence[Any] = [page] if tiff.series is None else [one for one in tiff.series.pages if one is not None]
    nbytes = math.prod(page.shape) * (page.dtype.itemsize if page.dtype is not None else 1) * len(pages)
    check_size(3 * nbytes, tiff.path)
    for one in pages:
        _check_segments(one)
    pixels = (page if tiff.series is None else tiff.series).asarray(maxworkers=1)
    if tiff.series is not None or page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(1 if tiff.palette else 255)
    if page.photometric == WHITE_IS_ZERO and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    return np.ascontiguousarray(turn_upright(pixels, tiff.orientation))


def _check_segments(page: TiffPage | TiffFrame) -> None:
    """Raises ValueError where strips or tiles are missing, cut off, or unpack to more than they may."""
    key = page.keyframe
    if key is None or key.dtype is None:
        raise ValueError("it has no pixels")
    offsets, counts = page.dataoffsets, page.databytecounts
    needed = 1 if key.is_contiguous else math.prod(key.chunked)
    if len(offsets) < needed or len(counts) < needed:
        raise ValueError(f"it has {min(len(offsets), len(counts))} strips or tiles of {needed}")
    file = page.parent.filehandle
    allowed = math.prod(key.chunks) * key.dtype.itemsize
    for offset, count in zip(offsets, counts, strict=False):
        if offset + count > file.size:
            raise ValueError("it is truncated")
        if key.compression in DEFLATE and count * _DEFLATE_RATIO > max(_SUSPECT_BYTES, 4 * allowed):
            file.seek(offset)
            _check_deflate(file.read(count), allowed)


def _check_deflate(packed: bytes, allowed: int) -> None:
    unpacker, total = zlib.decompressobj(), 0
    while packed and total <= allowed:
        total += len(unpacker.decompress(packed, _SUSPECT_BYTES))
        packed = unpacker.unconsumed_tail
    if total > allowed:
        raise ValueError("it unpacks to more than its size")
