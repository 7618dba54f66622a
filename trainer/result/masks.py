"""Predicted masks as files: npz, the course's CSV, or a folder of PNG pictures."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from trainer.data.dataset import Pixels
from trainer.errors import InputError
from trainer.files import atomic_write

ENDINGS = (".npz", ".csv", "")  # none: a folder of pictures


def write_masks(masks: Pixels, names: Sequence[str], out: Path) -> None:
    """Masks (N, H, W) to `out`: by its ending `.npz` (key `masks`), `.csv` (`id`, then H*W labels), else a folder."""
    check_ending(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix:
            _write_file(masks, out)
        else:
            _write_pictures(masks, names, out)
    except OSError as error:
        raise InputError(f"masks must be writable; got {out}: {error.strerror or error}; choose another") from None


def check_ending(out: Path) -> None:
    """Refuses a name that says of no known format."""
    if out.suffix.lower() not in ENDINGS:
        raise InputError(f"masks are written as .npz, .csv or a folder; got {out.suffix}; change the name after -o")


def _write_file(masks: Pixels, out: Path) -> None:
    with atomic_write(out) as partial:
        if out.suffix.lower() == ".npz":
            with partial.open("wb") as file:
                np.savez_compressed(file, masks=masks)
        else:
            _write_csv(masks, partial)


def _write_csv(masks: Pixels, path: Path) -> None:
    """The course's submission: a header `id`, 0, 1, ... and one row of labels an image."""
    flat = masks.reshape(len(masks), -1)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", *range(flat.shape[1])])
        rows.writerows([place, *labels] for place, labels in enumerate(flat.tolist()))


def _write_pictures(masks: Pixels, names: Sequence[str], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for mask, name in zip(masks, names, strict=True):
        Image.fromarray(mask).save(folder / f"{Path(name).stem}.png")
