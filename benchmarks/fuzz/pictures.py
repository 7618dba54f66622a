"""Corrupt and malicious folders of pictures."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmarks.fuzz.damage import Random, corrupt_bytes, pick

SIZE = (12, 8)  # width, height
GROUPS = (
    b"name,group\n0,a\n1,b\n2,c\n",
    b"name,group\n0,a\n",
    b"name;group\n0;a\n",
    b"",
    b"\0\0\0",
    b"name,group\n\xff\xfe,a\n",
    b'name,group\n"0,a\n1,b\n2,c\n',
    b"name,group\n0\n1\n2\n",
    b"name,group,more\n0,a,b,c,d\n1,b\n2,c\n",
    b"name,group\n0," + b"x" * 200_000 + b"\n1,b\n2,c\n",
    b"\xef\xbb\xbfname,group\r0,a\r1,b\r2,c",
    "name,group\n0,a\n1,b\n2,\u2028\x1b[31m\n".encode(),
)
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I", "I;16", "F", "CMYK", "YCbCr", "LAB", "HSV")
READ_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
FORMATS = (*READ_FORMATS * 4, "PPM", "TGA", "ICO", "PCX", "EPS", "PDF", "SGI", "JPEG2000")
LENGTHS = (0, 1, 7, 50_000, 65_535, 10**6, 2**31 - 1, 2**32 - 1)
CHUNKS = (
    b"tRNS",
    b"PLTE",
    b"gAMA",
    b"iCCP",
    b"zTXt",
    b"iTXt",
    b"tEXt",
    b"eXIf",
    b"acTL",
    b"fcTL",
    b"fdAT",
    b"IDAT",
    b"XXXX",
)


def write_pictures(random: Random, folder: Path) -> Path:
    """Writes a folder of images and masks, one of whose files is corrupt; returns it."""
    data = folder / "data"
    for name in ("images", "masks", "test"):
        (data / name).mkdir(parents=True)
    for number in range(3):
        (data / "images" / f"{number}.png").write_bytes(_picture(random, "L", 256))
        (data / "masks" / f"{number}.png").write_bytes(_picture(random, "L", 5))
    (data / "test" / "0.png").write_bytes(_picture(random, "L", 256))
    if random.random() < 0.1:
        (data / "groups.csv").write_bytes(pick(random, GROUPS))
        return data
    victim = data / pick(random, ("images/1.png", "masks/1.png", "masks/0.png", "test/0.png"))
    if random.random() < 0.06:
        _replace_file(random, victim)
    else:
        victim.write_bytes(_odd_picture(random))
    return data


def _picture(random: Random, mode: str, values: int, size: tuple[int, int] = SIZE) -> bytes:
    file = io.BytesIO()
    pixels = random.integers(0, values, (size[1], size[0]), np.uint8)
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    return file.getvalue()


def _odd_picture(random: Random) -> bytes:
    kind = pick(
        random,
        ("bytes", "bytes", "header", "header", "chunk", "chunk", *("mode",) * 5, "exif", "wide", "frames", "bomb"),
    )
    intact = _picture(random, "L", 5)
    if kind == "bytes":
        return corrupt_bytes(random, intact)
    if kind == "header":
        return _with_wrong_header(random, intact)
    if kind == "chunk":
        return _with_chunk(random, intact)
    if kind == "mode":
        return _other_format(random)
    if kind == "exif":
        return _turned(random)
    if kind == "wide":
        return _wide(random)
    return _frames(random) if kind == "frames" else _bomb(random)


def _chunk(kind: bytes, data: bytes, valid: bool = True) -> bytes:
    check = zlib.crc32(kind + data) if valid else 0
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def _with_wrong_header(random: Random, intact: bytes) -> bytes:
    """The picture with another IHDR, whose checksum is right."""
    width, height = (pick(random, LENGTHS) if random.random() < 0.5 else length for length in SIZE)
    fields = [8, 0, 0, 0, 0]  # bit depth, colour, compression, filter, interlace
    fields[int(random.integers(5))] = pick(random, (0, 1, 2, 3, 4, 6, 7, 16, 255))
    return intact[:8] + _chunk(b"IHDR", struct.pack(">II5B", width, height, *fields)) + intact[33:]


def _with_chunk(random: Random, intact: bytes) -> bytes:
    """The picture with one more chunk, of invalid content or length."""
    packed = zlib.compress(bytes(int(random.integers(1, 30)) * 2**20))
    data = pick(
        random, (b"", b"\0" * 13, random.bytes(200), b"key\0\0" + packed, b"key\0\1\0\0\0" + packed, b"\xff" * 26)
    )
    odd = _chunk(pick(random, CHUNKS), data, random.random() < 0.9)
    if random.random() < 0.1:
        odd = struct.pack(">I", pick(random, LENGTHS)) + odd[4:]
    times = 1 if random.random() < 0.9 else 1000
    place = pick(random, (8, 33, len(intact) - 12, len(intact)))
    return intact[:place] + odd * times + intact[place:]


def _other_format(random: Random) -> bytes:
    """A picture of another mode or format, half of them damaged."""
    pixels = random.integers(0, 5, (SIZE[1], SIZE[0]), np.uint8)
    file = io.BytesIO()
    try:
        kind = pick(random, FORMATS)
        options = {"lossless": bool(random.random() < 0.7)} if kind == "WEBP" else {}
        Image.fromarray(pixels).convert(pick(random, MODES)).save(file, kind, **options)
    except (OSError, ValueError, KeyError):  # not every format has every mode
        Image.fromarray(pixels).save(file, "TIFF")
    return file.getvalue() if random.random() < 0.5 else corrupt_bytes(random, file.getvalue())


def _turned(random: Random) -> bytes:
    """A picture whose EXIF turns it, half of them damaged."""
    tags = Image.Exif()
    tags[0x0112] = pick(random, (*range(10), 65_535))
    file = io.BytesIO()
    pixels = random.integers(0, 5, (SIZE[1], SIZE[0]), np.uint8)
    Image.fromarray(pixels).save(file, pick(random, ("PNG", "JPEG", "WEBP")), exif=tags)
    return file.getvalue() if random.random() < 0.5 else corrupt_bytes(random, file.getvalue())


def _wide(random: Random) -> bytes:
    """A picture of 16 bits per channel, half of them damaged."""
    top: Any = pick(random, (5, 256, 65_536))
    shape = (SIZE[1], SIZE[0], *pick(random, ((), (3,), (4,))))
    content = cv2.imencode(".png", random.integers(0, top, shape).astype(np.uint16))[1].tobytes()
    return content if random.random() < 0.5 else corrupt_bytes(random, content)


def _frames(random: Random) -> bytes:
    """An animated picture, half of them damaged."""
    frames = [Image.fromarray(random.integers(0, 5, (SIZE[1], SIZE[0]), np.uint8)) for _ in range(4)]
    file = io.BytesIO()
    kind = pick(random, ("PNG", "GIF", "TIFF", "WEBP"))
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue() if random.random() < 0.5 else corrupt_bytes(random, file.getvalue())


def _bomb(random: Random) -> bytes:
    """A correct picture of zeros, which is large in memory and small on disk."""
    side = pick(random, (2_000, 6_000, 9_000, 13_000))
    header = _chunk(b"IHDR", struct.pack(">II5B", side, side, 8, 0, 0, 0, 0))
    packer, parts = zlib.compressobj(1), []
    for _ in range(side // 1000):
        parts.append(packer.compress(bytes((side + 1) * 1000)))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", b"".join(parts) + packer.flush()) + _chunk(b"IEND", b"")


def _replace_file(random: Random, victim: Path) -> None:
    """Replaces a picture by a folder, a link or an empty file."""
    victim.unlink()
    kind = pick(random, ("folder", "loop", "device", "outside", "empty"))
    if kind == "folder":
        victim.mkdir()
    elif kind == "loop":
        victim.symlink_to(victim.name)
    elif kind == "device":
        victim.symlink_to("/dev/zero")
    elif kind == "outside":
        victim.symlink_to("/etc/passwd")
    else:
        victim.touch()
