"""What a picture file holds, by its first bytes: a suffix may say something else."""

import struct
from pathlib import Path
from typing import BinaryIO

from trainer.data.disk.refusal import refusing
from trainer.errors import InputError, printable

_HEAD_BYTES = 16
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF
_JPEG = b"\xff\xd8\xff"
_FRAME_HEAD_BYTES = 16  # of an animation's frame in WebP, before its own chunks


def read_head(path: Path) -> bytes:
    """The first bytes of a file. Raises InputError where there is none, or a pipe or device, which might not end."""
    try:
        plain, there = path.is_file(), path.exists() or path.is_symlink()
    except (OSError, ValueError):  # a name that is too long, or has a zero byte
        plain = there = False
    if not plain:
        what = "a folder, pipe, device or broken link; remove it" if there else "which is missing; correct the path"
        raise InputError(f"an image must be a plain file; got {printable(path)}, {what}")
    with refusing(path), path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def is_tiff(head: bytes) -> bool:
    """Whether a file with these first bytes is a TIFF."""
    return head.startswith(_TIFF)


def check_lossless(path: Path, head: bytes) -> None:
    """Raises InputError for JPEG and lossy WebP, which change the labels of a mask."""
    if head.startswith(_JPEG):
        raise lossy_labels(path, "JPEG")
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        with refusing(path), path.open("rb") as file:
            file.seek(12)
            lossy = _is_lossy(file)
        if lossy:
            raise lossy_labels(path, "lossy WebP")


def lossy_labels(path: Path, what: str) -> InputError:
    """The error for labels in a format that changes values."""
    return InputError(f"labels must not be {what}: it changes values; got {printable(path)}; save them as PNG")


def _is_lossy(file: BinaryIO) -> bool:
    """Whether a chunk of WebP, from here on, has pixels of the lossy kind."""
    while len(head := file.read(8)) == 8:
        kind, size = head[:4], struct.unpack("<I", head[4:])[0]
        if kind == b"VP8 ":
            return True
        # The chunks of a frame follow its head; other chunks are passed, padded to an even length.
        file.seek(_FRAME_HEAD_BYTES if kind == b"ANMF" else size + size % 2, 1)
    return False
