"""Pictures that Pillow reads: PNG, JPEG, BMP, WebP and GIF, of which the first frame."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile

from trainer.data.disk.palette import Palette, apply_palette, is_grey, mask_of_palette, pack_colours
from trainer.data.disk.refusal import check_size, refusing
from trainer.data.disk.silence import silent_libraries
from trainer.data.disk.upright import turn_upright, upright_size
from trainer.data.item import Header, RawMask
from trainer.errors import InputError, printable

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")  # for others Pillow may run programs, as Ghostscript for EPS
_GREY = ("1", "L", "LA", "La", "I", "F")  # and I;16 of any byte order
_COLOUR = ("RGB", "RGBA", "RGBa", "RGBX")
_PALETTE = ("P", "PA")
_TAIL_BYTES = 2**16  # of a PNG, in which EXIF may follow the pixels


@dataclass(frozen=True)
class _Picture:
    """An open picture, before its pixels are decoded."""

    image: Image.Image
    path: Path
    header: Header
    orientation: int
    palette: Palette  # empty where there is none
    deep: int  # channels, without alpha, where each has 16 bits of which Pillow would keep 8; else 0


def read_header(path: Path, formats: tuple[str, ...] = FORMATS) -> Header:
    """What the head of a picture says. Raises InputError."""
    with _open(path, formats) as picture:
        return picture.header


def read_image(path: Path, formats: tuple[str, ...] = FORMATS) -> NDArray[Any]:
    """The pixels (H, W, C) of a picture, upright and without alpha. Raises InputError."""
    with _open(path, formats) as picture:
        mode = picture.image.mode
        pixels: NDArray[Any]
        if picture.deep:
            pixels = _decode_deep(picture)
        elif mode in _PALETTE:
            pixels = apply_palette(_decode(picture.image), picture.palette)
        elif mode == "1":
            pixels = _decode(picture.image.convert("L"))[..., None]
        elif _is_grey(mode):
            pixels = _decode(picture.image)[..., None]
        else:
            colours = picture.image if mode in _COLOUR else picture.image.convert("RGB")
            pixels = np.asarray(colours)[..., :3]
        return np.ascontiguousarray(turn_upright(pixels, picture.orientation))


def read_mask(path: Path, formats: tuple[str, ...] = FORMATS) -> RawMask:
    """The values of a mask, upright; those of one bit are 0 and 255, as every viewer shows them. Raises InputError."""
    with _open(path, formats) as picture:
        mode = picture.image.mode
        if mode in _PALETTE:
            indices = turn_upright(_decode(picture.image), picture.orientation)
            return mask_of_palette(np.ascontiguousarray(indices), picture.palette)
        if not _is_grey(mode) and mode not in _COLOUR:
            raise InputError(
                f"a mask must be grey, RGB or a palette picture; got mode {mode} in {printable(path)}; save it as PNG"
            )
        pixels = _decode_deep(picture) if picture.deep else None
        if picture.header.channels == 1:
            grey = _decode(picture.image.convert("L") if mode == "1" else picture.image)
            grey = grey if pixels is None else pixels[..., 0]
            return RawMask(np.ascontiguousarray(turn_upright(grey, picture.orientation)), "grey")
        colours = np.asarray(picture.image)[..., :3] if pixels is None else colours_of_8_bits(pixels, path)
        return RawMask(np.ascontiguousarray(turn_upright(pack_colours(colours), picture.orientation)), "colour")


def colours_of_8_bits(pixels: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Colours (H, W, 3) of 16 bits as 8 bits. Raises InputError where that would change them."""
    colours = (pixels >> 8).astype(np.uint8)
    if not np.array_equal(colours * np.uint16(257), pixels):
        raise InputError(f"a colour mask must have 8 bits a channel; got 16 bits in {printable(path)}; save it with 8")
    return colours


@contextmanager
def _open(path: Path, formats: tuple[str, ...]) -> Iterator[_Picture]:
    with refusing(path), Image.open(path, formats=formats) as image:
        # A TIFF is turned by Pillow itself, and its size is the upright one.
        orientation = 1 if image.format == "TIFF" else _read_orientation(image, path)
        palette = _read_palette(image) if image.mode in _PALETTE else ()
        deep = _count_deep(image)
        header = _make_header(image, orientation, palette, deep)
        check_size(3 * image.width * image.height * header.channels * np.dtype(header.dtype).itemsize, path)
        yield _Picture(image, path, header, orientation, palette, deep)


def _make_header(image: Image.Image, orientation: int, palette: Palette, deep: int) -> Header:
    height, width = upright_size(image.height, image.width, orientation)
    grey = deep == 1 or (is_grey(palette) if image.mode in _PALETTE else _is_grey(image.mode))
    wide = {"I": "int32", "F": "float32"}.get(image.mode, "uint8")
    return Header(height, width, 1 if grey else 3, "uint16" if deep or image.mode.startswith("I;16") else wide)


def _is_grey(mode: str) -> bool:
    return mode in _GREY or mode.startswith("I;16")


def _read_orientation(image: Image.Image, path: Path) -> int:
    """EXIF's orientation 1..8; damaged EXIF is as none, since the pixels may be whole."""
    try:
        # Pillow's own method for PNG decodes the pixels first, in case that EXIF follows them.
        early = image.format != "PNG" or "exif" in image.info or not _has_late_exif(path)
        exif = Image.Image.getexif(image) if early else image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
    except MemoryError:
        raise
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) else 1


def _has_late_exif(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return b"eXIf" in file.read()


def _read_palette(image: Image.Image) -> Palette:
    """The palette, without decoding the pixels."""
    if image.palette is None:
        raise ValueError("its palette is missing")
    one = Image.new("P", (1, 1))
    one.putpalette(bytes(image.palette.palette), image.palette.rawmode or image.palette.mode)
    colours = np.array(one.getpalette("RGB"), np.int32).reshape(-1, 3)
    return tuple(int(colour) for colour in pack_colours(colours))


def _decode(image: Image.Image) -> NDArray[Any]:
    """The first band (H, W), in this machine's byte order."""
    pixels = np.asarray(image)
    pixels = pixels[..., 0] if pixels.ndim == 3 else pixels
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _count_deep(image: Image.Image) -> int:
    """The channels of 16 bits, without alpha, of a PNG that has several with it; else 0."""
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) and image.format == "PNG" else []
    modes = {"LA;16B": 1, "RGB;16B": 3, "RGBA;16B": 3}
    return max((modes.get(str(tile[3]), 0) for tile in tiles), default=0)


def _decode_deep(picture: _Picture) -> NDArray[np.uint16]:
    """A PNG of several channels of 16 bits, (H, W, 1 or 3), by OpenCV once Pillow has checked that it is whole."""
    picture.image.load()
    content = np.frombuffer(picture.path.read_bytes(), np.uint8)
    with silent_libraries():
        pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3 or pixels.shape[2] < 3:
        raise ValueError("its 16 bits cannot be decoded")
    # OpenCV has blue first, and three equal channels for grey with alpha.
    return np.asarray(pixels[..., 2::-1][..., : picture.deep])
