"""TIFF files by tifffile, or by Pillow where a codec or a colour space needs it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.disk import picture
from trainer.data.disk.content import lossy_labels
from trainer.data.disk.palette import apply_palette, mask_of_palette, pack_colours
from trainer.data.disk.silence import silent_libraries
from trainer.data.disk.tiff_file import RGB, WHITE_IS_ZERO, Tiff, is_decoded_here, is_known, open_tiff
from trainer.data.disk.tiff_pixels import decode
from trainer.data.item import Header, RawMask
from trainer.errors import InputError, printable

_LOSSY = {6: "JPEG", 7: "JPEG", 34892: "JPEG", 50001: "WebP"}


def read_header(path: Path) -> Header:
    """What the first page's tags say. Raises InputError."""
    with open_tiff(path) as tiff:
        return tiff.header if is_known(tiff.page) else picture.read_header(path, ("TIFF",))


def read_image(path: Path) -> NDArray[Any]:
    """The pixels (H, W, C), upright and without alpha. Raises InputError."""
    with open_tiff(path) as tiff:
        if not is_known(tiff.page):
            with silent_libraries():
                return picture.read_image(path, ("TIFF",))
        if not is_decoded_here(tiff.page):
            with silent_libraries():
                pixels = picture.read_image(path, ("TIFF",))
            return _check_agreement(pixels, tiff)
        pixels = decode(tiff)
        if tiff.palette:
            return apply_palette(pixels[..., 0], tiff.palette)
        return np.ascontiguousarray(pixels[..., : tiff.header.channels])


def read_mask(path: Path) -> RawMask:
    """The values of a mask, upright; those of one bit are 0 and 255. Raises InputError."""
    with open_tiff(path) as tiff:
        if int(tiff.page.compression) in _LOSSY:
            raise lossy_labels(path, _LOSSY[int(tiff.page.compression)])
        if not is_decoded_here(tiff.page):
            with silent_libraries():
                mask = picture.read_mask(path, ("TIFF",))
            is_grey = mask.kind == "grey" and is_known(tiff.page)
            return RawMask(_check_agreement(mask.values, tiff), "grey") if is_grey else mask
        channels = tiff.header.channels if not tiff.palette else 1
        if channels != 1 and not (channels == 3 and tiff.page.photometric == RGB):
            raise InputError(
                f"a mask must be grey, RGB or a palette picture; got {channels} bands in {printable(path)}; "
                "save it as PNG"
            )
        pixels = decode(tiff)[..., :channels]
        if tiff.palette:
            return mask_of_palette(pixels[..., 0], tiff.palette)
        if channels == 1:
            return RawMask(np.ascontiguousarray(pixels[..., 0]), "grey")
        colours = pixels if pixels.dtype == np.uint8 else picture.colours_of_8_bits(_of_16_bits(pixels, path), path)
        return RawMask(pack_colours(colours), "colour")


def check_lossless(path: Path) -> None:
    """Raises InputError where the compression changes the labels of a mask."""
    with open_tiff(path) as tiff:
        if int(tiff.page.compression) in _LOSSY:
            raise lossy_labels(path, _LOSSY[int(tiff.page.compression)])


def _check_agreement(values: NDArray[Any], tiff: Tiff) -> NDArray[Any]:
    """What Pillow has decoded, in the file's own dtype. Raises InputError where Pillow has left something away."""
    header, compression = tiff.header, tiff.page.compression
    whole = values.size == header.height * header.width * header.channels
    if not whole or not np.can_cast(header.dtype, values.dtype):
        raise InputError(
            f"a TIFF of {header.channels} bands of {header.dtype} must be uncompressed or deflated; "
            f"got {getattr(compression, 'name', compression)} in {printable(tiff.path)}; save it so"
        )
    if tiff.page.photometric == WHITE_IS_ZERO and header.dtype == "uint16":  # Pillow inverts fewer bits alone
        values = np.iinfo(np.uint16).max - values
    return values.astype(header.dtype, copy=False)


def _of_16_bits(pixels: NDArray[Any], path: Path) -> NDArray[np.uint16]:
    if pixels.dtype != np.uint16:
        raise InputError(
            f"a colour mask must have 8 bits a channel; got {pixels.dtype} in {printable(path)}; save it with 8"
        )
    return pixels
