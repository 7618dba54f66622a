"""Corrupt and malicious TIFF files: bands, pages, tiles, codecs and tags."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from benchmarks.fuzz.damage import Random, corrupt_bytes, pick

SIZE = (24, 36)  # height, width
DTYPES = ("u1", "u1", "u2", "i2", "i4", "u4", "f2", "f4", "f8", "c8", "u8")
SAMPLES = (1, 1, 2, 3, 4, 5, 17)
TAGS = (256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 254)
VALUES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 32, 64, 255, 4096, 32773, 32946, 50000, 65_535, 2**31 - 1, 2**32 - 1)
MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F")
CODECS = (None, "tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg", "group4", "zstd", "lzma", "webp")
_ENTRY_BYTES = 12  # of a tag in a directory


def write_tiff(random: Random, folder: Path) -> Path:
    """Writes a folder of images and masks, one of whose files is a TIFF that may be corrupt; returns it."""
    data = folder / "data"
    for name in ("images", "masks"):
        (data / name).mkdir(parents=True)
        Image.new("L", SIZE[::-1], 1).save(data / name / "0.png")
        Image.new("L", SIZE[::-1], 2).save(data / name / "1.tif")
    victim = data / pick(random, ("images", "masks")) / "1.tif"
    if random.random() < 0.3:
        _write_by_pillow(random, victim)
    else:
        _write_by_tifffile(random, victim)
    intact = victim.read_bytes()
    kind = pick(random, ("bytes", "bytes", "head", "tag", "tag", "tag", "intact"))
    if kind == "bytes":
        victim.write_bytes(corrupt_bytes(random, intact))
    elif kind == "head":
        victim.write_bytes(corrupt_bytes(random, intact[:400]) + intact[400:])
    elif kind == "tag":
        victim.write_bytes(_with_wrong_tags(random, intact))
    return data


def _write_by_tifffile(random: Random, path: Path) -> None:
    samples, dtype = pick(random, SAMPLES), pick(random, DTYPES)
    pixels: Any = random.integers(0, pick(random, (5, 120)), (*SIZE, samples)).astype(dtype)
    options: dict[str, Any] = {
        "compression": pick(random, (None, "zlib", "zlib")),
        "byteorder": pick(random, "<>"),
        "bigtiff": bool(random.random() < 0.2),
        "photometric": pick(random, ("minisblack", "minisblack", "rgb", "miniswhite")),
        "planarconfig": pick(random, ("contig", "separate")),
    }
    if random.random() < 0.3:
        options["tile"] = (16, 16)
    if options["compression"] and np.dtype(dtype).kind in "iu":
        options["predictor"] = bool(random.random() < 0.4)
    if options["planarconfig"] == "separate":
        pixels = np.moveaxis(pixels, -1, 0)
    if random.random() < 0.2:
        options |= pick(random, ({"imagej": True}, {"ome": True}, {"metadata": {"axes": "CYX"}}))
        del options["planarconfig"]
        pixels = np.moveaxis(pixels, -1, 0) if len(pixels) == SIZE[0] else pixels
    try:
        tifffile.imwrite(path, pixels, **options)
    except Exception:  # not every option goes with every other
        tifffile.imwrite(path, pixels[..., 0] if pixels.ndim == 3 else pixels)


def _write_by_pillow(random: Random, path: Path) -> None:
    picture = Image.fromarray(random.integers(0, 120, (*SIZE, 3)).astype(np.uint8))
    try:
        tags = {274: int(random.integers(1, 9))}
        picture.convert(pick(random, MODES)).save(path, "TIFF", compression=pick(random, CODECS), tiffinfo=tags)
    except (OSError, ValueError, KeyError, RuntimeError):  # not every codec has every mode
        picture.save(path, "TIFF")


def _with_wrong_tags(random: Random, intact: bytes) -> bytes:
    """The file with other values, types, counts or numbers in one to three entries of its first directory."""
    content = bytearray(intact)
    order = "<" if intact[:2] == b"II" else ">"
    start = struct.unpack_from(f"{order}I", intact, 4)[0]
    if intact[2:4] in (b"+\0", b"\0+") or start + 2 > len(intact):
        return corrupt_bytes(random, intact)
    count = struct.unpack_from(f"{order}H", intact, start)[0]
    for _ in range(1 + int(random.integers(3))):
        entry = start + 2 + _ENTRY_BYTES * int(random.integers(max(1, count)))
        if entry + _ENTRY_BYTES > len(content):
            continue
        kind = pick(random, ("value", "value", "value", "short", "type", "count", "tag"))
        value = pick(random, VALUES)
        if kind == "value":
            struct.pack_into(f"{order}I", content, entry + 8, value)
        elif kind == "short":
            struct.pack_into(f"{order}H", content, entry + 8, value % 2**16)
        elif kind == "type":
            struct.pack_into(f"{order}H", content, entry + 2, value % 2**16 % 20)
        elif kind == "count":
            struct.pack_into(f"{order}I", content, entry + 4, value)
        else:
            struct.pack_into(f"{order}H", content, entry, pick(random, TAGS))
    return bytes(content)
