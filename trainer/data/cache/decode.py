"""Decodes a data set into a folder of plain arrays, once; many threads read, one writes in order."""

import shutil
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.config import VOID, DataConfig
from trainer.data.cache.copy import HASH_BYTES, PLACES, Table, open_pixels, write_meta, write_table
from trainer.data.disk.read import read_header, read_image, read_mask
from trainer.data.disk.resize import resize_image, resize_mask
from trainer.data.item import Header, Item
from trainer.data.labels import decode_mask
from trainer.data.pixels import Groups, Image, Images, Masks, Pixels
from trainer.data.progress import Progress, no_progress
from trainer.data.scale import count_channels, scale_image
from trainer.data.threads import in_threads
from trainer.errors import InputError

RIM = 3  # pixels at a mask's edges: annotation tools leave lines there, the same in all masks
_SMALL = 4_194_304  # bytes: below, the free space of the disk is not looked at


@dataclass(frozen=True)
class _Decoded:
    """One image with its mask, and its row of the table."""

    image: Image
    mask: Pixels
    row: tuple[Any, ...]  # in the order of the table's fields


def decode(items: tuple[Item, ...], config: DataConfig, folder: Path, progress: Progress = no_progress) -> None:
    """Writes the decoded copy of labelled images to an empty folder. Raises InputError and OSError."""
    headers = list(in_threads(read_header, [item.image for item in items], "headers read", progress))
    channels = count_channels(headers, config)
    _check_space(headers, config, channels, folder)
    rows = []
    with (folder / "images.bin").open("wb") as images, (folder / "masks.bin").open("wb") as masks:
        work = partial(_decode_item, config=config, channels=channels)
        for decoded in in_threads(work, items, "images decoded", progress):
            images.write(np.ascontiguousarray(decoded.image).data)
            masks.write(np.ascontiguousarray(decoded.mask).data)
            rows.append(decoded.row)
    dtype = "float16" if isinstance(config.scale, tuple) else "uint8"
    table = Table(*(np.stack(column) for column in zip(*rows, strict=True)))
    write_table(table, folder)
    groups = [item.group for item in items]
    names = None if None in groups else np.array(groups, np.str_)
    pixels = open_pixels(folder, table.sizes, dtype)
    write_meta(folder, fingerprint(*pixels, names, progress), dtype)


def _decode_item(item: Item, config: DataConfig, channels: int) -> _Decoded:
    assert item.mask is not None
    image = scale_image(read_image(item.image), config, channels, item.image)
    mask = decode_mask(read_mask(item.mask), config, item.mask)
    if image.shape[:2] != mask.shape:
        raise InputError(
            f"an image and its mask must be of one size; got {item.image} {image.shape[0]}x{image.shape[1]} and "
            f"{item.mask} {mask.shape[0]}x{mask.shape[1]}"
        )
    if config.resize is not None:
        fill = VOID if config.ignored_label is None else config.ignored_label
        image, mask = resize_image(image, config.resize, config.fit), resize_mask(mask, config.resize, config.fit, fill)
    return _Decoded(image, mask, describe(image, mask, config.class_count))


def describe(image: Image, mask: Pixels, classes: int) -> tuple[Any, ...]:
    """The row of an image (H, W, C) with its mask (H, W) in `Table`."""
    counts = np.bincount(mask.ravel(), minlength=256)
    rim = RIM if min(mask.shape) > 4 * RIM else 0
    inner = np.bincount(mask[rim : mask.shape[0] - rim, rim : mask.shape[1] - rim].ravel(), minlength=256) > 0
    return (
        np.array(image.shape, np.int32),
        counts.astype(np.uint32),
        inner,
        _find_places(mask, counts[:classes]),
        _digest(image),
        _digest(mask),
        _perceptual_hash(image),
    )


def _find_places(mask: Pixels, counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Rows and columns of PLACES pixels of each class, evenly spaced in reading order: (C, PLACES, 2)."""
    places = np.full((len(counts), PLACES, 2), -1, np.int32)
    for label in np.flatnonzero(counts):
        found = np.flatnonzero(mask.ravel() == label)
        chosen = found[(np.arange(PLACES) * 2 + 1) * len(found) // (2 * PLACES)]
        places[label] = np.stack(np.divmod(chosen, mask.shape[1]), axis=1)
    return places


def _digest(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.frombuffer(blake2b(np.ascontiguousarray(array).data, digest_size=16).digest(), np.uint8)


def _perceptual_hash(image: Image) -> NDArray[np.uint8]:
    """Whether each of 16x16 areas is brighter than its right neighbour (difference hash), as HASH_BYTES bytes."""
    side = int(np.sqrt(8 * HASH_BYTES))
    small = cv2.resize(image.mean(axis=2, dtype=np.float32), (side + 1, side), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1] + 1)


def _check_space(headers: list[Header], config: DataConfig, channels: int, folder: Path) -> None:
    """Raises InputError where the copy would not fit on the disk."""
    sizes = [config.resize or (header.height, header.width) for header in headers]
    values = channels * (2 if isinstance(config.scale, tuple) else 1) + 1
    needed, free = sum(height * width for height, width in sizes) * values, shutil.disk_usage(folder).free
    if needed > max(_SMALL, free):
        raise InputError(
            f"the decoded copy of the data must fit on the disk; got {needed / 2**30:,.1f} GiB with "
            f"{free / 2**30:,.1f} GiB free in {folder.parent}; free space there, or give another folder with --dir"
        )


def fingerprint(images: Images, masks: Masks, groups: Groups | None, progress: Progress = no_progress) -> str:
    """sha256 of shapes, dtypes and content of images, masks and groups: equal for equal data in any file format."""
    digest = sha256()
    arrays: Any
    for arrays in (images, masks):
        is_one = isinstance(arrays, np.ndarray)
        if is_one:
            digest.update(f"{arrays.shape} {arrays.dtype.name};".encode())
        for index, array in enumerate(arrays, 1):
            if not is_one:
                digest.update(f"{array.shape} {array.dtype.name};".encode())
            digest.update(np.ascontiguousarray(array).data)
            progress("images and masks hashed", index + (len(images) if arrays is masks else 0), 2 * len(images))
    for group in () if groups is None else groups:
        # With the length in front, so that different lists of names have different bytes.
        name = str(group).encode("utf-8", "surrogatepass")
        digest.update(f"{len(name)}:".encode() + name)
    return digest.hexdigest()
