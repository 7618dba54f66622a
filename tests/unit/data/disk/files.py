"""Small picture files of every format, and what is right for them."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from trainer.data.disk.read import read_header, read_image, read_mask
from trainer.data.item import Picture
from trainer.errors import InputError

HEIGHT, WIDTH = 5, 7


def grey(top: int = 256, dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, top, (HEIGHT, WIDTH)).astype(dtype)


def bands(count: int, dtype: Any = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(count).integers(0, 200, (HEIGHT, WIDTH, count)).astype(dtype)


def save(path: Path, pixels: NDArray[Any] | Image.Image, **options: Any) -> Path:
    """Writes a picture by Pillow."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(path, **options)
    return path


def save_tiff(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    tifffile.imwrite(path, pixels, **options)
    return path


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_png(pixels: NDArray[Any], bits: int, colour: int, *chunks: bytes) -> bytes:
    """A PNG as Pillow does not write it; `colour` is 3 for a palette, 4 for grey with alpha."""
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = png_chunk(b"IHDR", struct.pack(">II5B", WIDTH, HEIGHT, bits, colour, 0, 0, 0))
    parts = [head, *chunks, png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def read(path: Path) -> NDArray[Any]:
    """The pixels; asserts that the header has said what they are."""
    header, pixels = read_header(Picture(path)), read_image(Picture(path))
    assert (header.height, header.width, header.channels, header.dtype) == (*pixels.shape, pixels.dtype.name)
    return pixels


def refused(path: Path, words: str, mask: bool = False) -> None:
    """Asserts that the file is refused in one printable line with these words."""
    with pytest.raises(InputError, match=words) as caught:
        read_mask(Picture(path)) if mask else read_image(Picture(path))
    assert str(caught.value).isprintable()
