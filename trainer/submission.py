"""Predicted masks as files: npz, the course's CSV, or a folder of PNG pictures."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from trainer.dataset import Pixels
from trainer.errors import InputError


def write_masks(masks: Pixels, names: Sequence[str], out: Path) -> None:
    """Masks (N, H, W) to `out`: by its ending `.npz` (key `masks`), `.csv` (`id`, then H*W labels), else a folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"partial-{out.name}")
    match out.suffix.lower():
        case ".npz":
            np.savez_compressed(partial, masks=masks)
        case ".csv":
            _write_csv(masks, partial)
        case "":
            _write_pictures(masks, names, out)
            return
        case ending:
            raise InputError(f"masks are written as .npz, .csv or a folder; got {ending}; change the name after -o")
    partial.replace(out)


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
