"""Predicted masks of one size in one file, each written as soon as it is predicted."""

import csv
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from trainer.config import DataConfig
from trainer.data.item import Header, Item, Row
from trainer.data.layout.images import natural_key
from trainer.data.pixels import Pixels
from trainer.errors import InputError
from trainer.files import atomic_write
from trainer.result.masks import stored_texts, stored_values, value_type

Size = tuple[int, int]  # height, width


def sort_items(items: Iterable[Item]) -> list[Item]:
    """Images by name, numbers in names by their value: 2 before 10."""
    return sorted(items, key=lambda item: natural_key(item.name))


def common_size(items: Sequence[Item], headers: Sequence[Header], out: Path) -> Size:
    """The size that all images have. Raises InputError, with two of them, where there is none."""
    sizes = [(header.height, header.width) for header in headers]
    for item, size in zip(items, sizes, strict=True):
        if size != sizes[0]:
            raise InputError(
                f"masks in one file must have one size; got {items[0].image} {sizes[0][0]}x{sizes[0][1]} and "
                f"{item.image} {size[0]}x{size[1]} for {out}; name a folder after -o"
            )
    return sizes[0]


def write_npz(path: Path, items: Sequence[Item], size: Size, masks: Iterable[Pixels], config: DataConfig) -> None:
    """Writes `masks`, values (N, H, W) or colours (N, H, W, 3), and `names` (N,) of images. Raises OSError."""
    shape = (len(items), *size, *((3,) if _is_colour(config) else ()))
    header = {"descr": npy.dtype_to_descr(value_type(config)), "fortran_order": False, "shape": shape}
    with atomic_write(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("masks.npy", "w", force_zip64=True) as member:
            npy.write_array_header_1_0(member, header)
            for mask in masks:
                member.write(np.ascontiguousarray(stored_values(mask, config)).data)
        with archive.open("names.npy", "w", force_zip64=True) as member:
            npy.write_array(member, np.array([item.name for item in items], np.str_), allow_pickle=False)


def write_csv(path: Path, items: Sequence[Item], size: Size, masks: Iterable[Pixels], config: DataConfig) -> None:
    """Writes a row an image: its name, then H*W values; the first column of an array file's images is `id`.

    Raises OSError.
    """
    texts = stored_texts(config)
    key = "id" if all(isinstance(item.image, Row) for item in items) else "name"
    with (
        atomic_write(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        rows = csv.writer(file)
        rows.writerow([key, *range(size[0] * size[1])])
        for item, mask in zip(items, masks, strict=True):
            rows.writerow([item.name, *texts[mask.ravel()].tolist()])


def _is_colour(config: DataConfig) -> bool:
    return bool(config.labels) and config.mask_format == "colour"
