"""A contact sheet: images beside their masks, to look at before training."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from trainer.data.dataset import Dataset
from trainer.errors import InputError
from trainer.figures.display import thin_out, to_picture
from trainer.figures.palette import IGNORED, class_colours, paint

_COLUMNS = 4  # pairs of image and mask in a row
_EVEN = 16  # images evenly spaced over the data set
_PER_RARE_CLASS = 4  # further images of each rare class, those with most of its pixels
_NAME = 24  # most characters of a name
_RARE = 0.2  # a rare class is in a smaller share of the images


def write_contact_sheet(dataset: Dataset, path: Path) -> Path:
    """Writes a PNG of images with their masks, those of rare classes first; returns its path. Raises InputError."""
    chosen = _choose(dataset)
    rows = -(-len(chosen) // _COLUMNS)
    aspect = float(np.median([np.divide(*dataset.masks[index].shape) for index, _ in chosen]))
    figure = Figure(figsize=(14, 0.5 + rows * (3.5 * aspect / 2 + 0.22)), layout="constrained")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    validation = set(dataset.validation.tolist())
    for axis, (index, note) in zip(axes, chosen, strict=False):
        axis.imshow(_pair(dataset, index), interpolation="nearest")
        side = ", validation" if index in validation else ""
        title = f"{_shorten(dataset.image_names[index])}{note}{side}"
        axis.set_title(title, fontsize=8, loc="left", pad=2, parse_math=False)
    figure.legend(
        handles=_legend(dataset), loc="outside upper center", ncols=min(dataset.classes + 1, 8), frameon=False
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="png")
    except OSError as error:
        raise InputError(f"a file must be writable; got {path}: {error.strerror or error}; choose another") from None
    return path


def _choose(dataset: Dataset) -> list[tuple[int, str]]:
    """Indices of images with a note for their title: those of rare classes, then evenly spaced ones."""
    kept = dataset.kept
    counts = dataset.counts[kept, : dataset.classes].astype(np.int64)
    chosen: dict[int, str] = {}
    for label in range(dataset.classes):
        images = np.flatnonzero(counts[:, label])
        if label != dataset.ignore and 0 < len(images) < _RARE * len(counts):
            most = images[np.argsort(-counts[images, label], kind="stable")][:_PER_RARE_CLASS]
            chosen |= {int(kept[row]): f", {dataset.names[label]}" for row in most if int(kept[row]) not in chosen}
    even = kept[np.unique(np.linspace(0, len(counts) - 1, _EVEN).round().astype(int))]
    chosen |= {int(index): "" for index in even if int(index) not in chosen}
    return list(chosen.items())


def _shorten(name: str) -> str:
    """The end of a long name, in letters that Matplotlib's font has."""
    shown = name.encode("ascii", "replace").decode()
    return shown if len(shown) <= _NAME else f"...{shown[3 - _NAME :]}"


def _pair(dataset: Dataset, index: int) -> Any:
    """Image and painted mask side by side, (H, 2W + gap, 3)."""
    image = to_picture(dataset.images[index])
    gap = np.full((image.shape[0], max(1, image.shape[1] // 64), 3), 255, np.uint8)
    return np.hstack([image, gap, paint(thin_out(dataset.masks[index]), dataset.classes, dataset.ignore)])


def _legend(dataset: Dataset) -> list[Patch]:
    colours = class_colours(dataset.classes, dataset.ignore) / 255
    patches = [
        Patch(facecolor=tuple(colour), label=f"{label} {name}" + (" (ignored)" if label == dataset.ignore else ""))
        for label, (name, colour) in enumerate(zip(dataset.names, colours, strict=True))
    ]
    if dataset.ignore is not None and dataset.ignore >= dataset.classes:
        patches.append(Patch(facecolor=tuple(np.array(IGNORED) / 255), label=f"{dataset.ignore} (ignored)"))
    return patches
