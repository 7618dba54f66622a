"""Writes predicted masks as npz, as the course's CSV, or as a folder of PNG pictures."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from trainer.data.pixels import Pixels
from trainer.errors import InputError
from trainer.files import atomic_write

SUFFIXES = (".npz", ".csv", "")  # none: a folder of pictures


def write_masks(masks: Pixels, names: Sequence[str], out: Path) -> None:
    """Writes masks (N, H, W) to `out`: as `.npz` (key `masks`), as `.csv` (`id`, then H*W labels), or to a folder.

    The pictures of a folder have the names (N of them) with the suffix `.png`. Raises InputError.
    """
    check_suffix(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix:
            _write_file(masks, out)
        else:
            _write_pictures(masks, names, out)
    except OSError as error:
        raise InputError(f"masks must be writable; got {out}: {error.strerror or error}; choose another") from None


def check_suffix(out: Path) -> None:
    """Raises InputError if the suffix is not that of a known format."""
    if out.suffix.lower() not in SUFFIXES:
        raise InputError(f"masks are written as .npz, .csv or a folder; got {out.suffix}; change the name after -o")


def _write_file(masks: Pixels, out: Path) -> None:
    with atomic_write(out) as partial:
        if out.suffix.lower() == ".npz":
            with partial.open("wb") as file:
                np.savez_compressed(file, masks=masks)
        else:
            _write_csv(masks, partial)


def _write_csv(masks: Pixels, path: Path) -> None:
    """The course's submission: a header `id`, 0, 1, ... and one row of labels for each image."""
    flat = masks.reshape(len(masks), -1)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", *range(flat.shape[1])])
        rows.writerows([index, *labels] for index, labels in enumerate(flat.tolist()))


def _write_pictures(masks: Pixels, names: Sequence[str], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for mask, name in zip(masks, names, strict=True):
        Image.fromarray(mask).save(folder / f"{Path(name).stem}.png")
