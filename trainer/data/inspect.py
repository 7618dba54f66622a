"""The content of a data set, warnings about it, and its cleaned copy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.dataset import Dataset, build_dataset, drop_corrupt, read_file, read_sources
from trainer.data.npz import write_npz
from trainer.data.pixels import Indices, class_shares, count_labels

_MIN_IMAGES = 20  # of a class: with 15 % validation, its score depends on three of them
_DARK = 20  # mean brightness, 0..255
_MOSTLY = 0.9  # of a mask's pixels


@dataclass(frozen=True)
class SideCounts:
    """How many pixels, images and groups of one side of the split have a class."""

    pixels: int
    images: int
    groups: int | None  # None if the data have no groups


@dataclass(frozen=True)
class ClassRow:
    """One class in the images that remain after cleaning."""

    label: int
    name: str
    ignored: bool  # whether it is the ignore label
    share: float  # of all pixels, 0..1
    training: SideCounts
    validation: SideCounts

    @property
    def validation_share(self) -> float | None:
        """Share of the class's pixels that is on the validation side, 0..1; None for a class without pixels."""
        total = self.training.pixels + self.validation.pixels
        return self.validation.pixels / total if total else None


@dataclass(frozen=True)
class Inspection:
    """A data set, counts of its classes, and warnings to consider before training."""

    dataset: Dataset
    images: int  # before cleaning
    groups: int | None  # before cleaning
    rows: tuple[ClassRow, ...]  # one for each class
    warnings: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """The numbers that scripts may rely on, for JSON."""
        data = self.dataset
        return {
            "images": self.images,
            "dropped": len(data.dropped),
            "kept": len(data.images),
            "groups": self.groups,
            "size": [int(length) for length in data.images.shape[1:3]],
            "class_shares": [row.share for row in self.rows],
            "test_images": len(data.test_images),
            "fingerprint": data.fingerprint,
        }


def inspect(config: DataConfig) -> Inspection:
    """Reads, cleans, splits and counts the data as a training would. Raises InputError if they are unusable."""
    sources = read_sources(config)
    dataset = build_dataset(sources, config)
    groups = sources.raw.groups
    rows = _count_classes(dataset)
    return Inspection(
        dataset=dataset,
        images=len(sources.raw.images),
        groups=None if groups is None else len(np.unique(groups)),
        rows=rows,
        warnings=(*_class_warnings(rows), *_image_warnings(dataset), *_group_warnings(dataset)),
    )


def write_cleaned(config: DataConfig, path: Path) -> Path:
    """Writes the data of `config.path` without corrupt images as an npz file, atomically; returns its path.

    Grey images are written in the course's format, RGB images in the general one. Raises InputError.
    """
    raw, _ = drop_corrupt(read_file(config.path, config), config)
    if raw.images.shape[3] == 1:
        arrays: dict[str, NDArray[Any]] = {"training_set": np.stack([raw.images[..., 0], raw.masks], axis=1)}
        test_key, group_key, tests = "test_set", "training_groups", raw.test_images[..., 0]
    else:
        arrays = {"images": raw.images, "masks": raw.masks}
        test_key, group_key, tests = "test_images", "groups", raw.test_images
    if len(tests):
        arrays[test_key] = tests
    if raw.groups is not None:
        arrays[group_key] = raw.groups
    return write_npz(path, arrays)


def _count_classes(dataset: Dataset) -> tuple[ClassRow, ...]:
    shares = class_shares(dataset.masks, dataset.classes)
    training, validation = _count_side(dataset, dataset.train), _count_side(dataset, dataset.validation)
    return tuple(
        ClassRow(label, name, label == dataset.ignore, float(shares[label]), training[label], validation[label])
        for label, name in enumerate(dataset.names)
    )


def _count_side(dataset: Dataset, indices: Indices) -> list[SideCounts]:
    """Counts of each class among some images."""
    counts = count_labels(dataset.masks[indices])[:, : dataset.classes]
    groups = None if dataset.groups is None else dataset.groups[indices]
    return [
        SideCounts(
            pixels=int(pixels.sum()),
            images=int((pixels > 0).sum()),
            groups=None if groups is None else len(np.unique(groups[pixels > 0])),
        )
        for pixels in counts.T
    ]


def _class_warnings(rows: tuple[ClassRow, ...]) -> list[str]:
    warnings = []
    for row in (row for row in rows if not row.ignored):
        images = row.training.images + row.validation.images
        if images < _MIN_IMAGES:
            warnings.append(f"class {row.label} ({row.name}) is in {images} images only: its score will be uncertain")
        elif not row.training.images or not row.validation.images:
            side = "validation" if row.training.images else "training"
            warnings.append(f"class {row.label} ({row.name}) is missing on the {side} side")
    return warnings


def _image_warnings(dataset: Dataset) -> list[str]:
    black = sum(int(image.mean() < _DARK) for image in dataset.images)
    warnings = [f"{black} images are nearly black (mean below {_DARK} of 255)"] if black else []
    if dataset.ignore is not None:
        ignored = int((np.mean(dataset.masks == dataset.ignore, axis=(1, 2)) >= _MOSTLY).sum())
        if ignored:
            warnings.append(f"{ignored} masks are ignored for {_MOSTLY:.0%} and more of their pixels")
    return warnings


def _group_warnings(dataset: Dataset) -> list[str]:
    """Warns of groups on both sides, which only a validation file of its own can have."""
    if dataset.groups is None:
        return []
    common = np.intersect1d(dataset.groups[dataset.train], dataset.groups[dataset.validation])
    return [f"{len(common)} groups are on both sides: the validation score will be too high"] if len(common) else []
