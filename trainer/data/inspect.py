"""Counts of a data set's classes, and warnings to consider before training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.dataset import Dataset
from trainer.data.disk.arrays import write_npz
from trainer.data.item import Row, Source
from trainer.data.leaks import count_leaks
from trainer.data.pixels import Indices, class_shares
from trainer.data.prepare import Prepared, prepare_data
from trainer.data.progress import Progress, no_progress
from trainer.errors import InputError

_MIN_IMAGES = 20  # of a class: with 15 % validation, its score depends on three of them
_DARK = 20  # mean brightness, 0..255
_MOSTLY = 0.9  # of a mask's pixels
_MAX_BRIGHTNESS = 2000  # images whose brightness is looked at, evenly spaced


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
    """A data set, what was found in it, counts of its classes, and warnings."""

    prepared: Prepared
    rows: tuple[ClassRow, ...]  # one for each class
    warnings: tuple[str, ...]

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        return self.prepared.dataset

    def summary(self) -> dict[str, Any]:
        """The numbers that scripts may rely on, for JSON."""
        data = self.dataset
        sizes = data.table.sizes
        largest = sizes[:, :2].max(axis=0)
        return {
            "images": len(data.images),
            "dropped": len(data.dropped),
            "kept": len(data.kept),
            "groups": None if data.groups is None else len(np.unique(data.groups)),
            "size": [int(length) for length in largest],  # the largest where they differ
            "smallest": [int(length) for length in sizes[:, :2].min(axis=0)],
            "channels": data.shape[2],
            "classes": list(data.names),
            "ignore": data.ignore,
            "patch": self.prepared.look.config.patch,
            "class_shares": [row.share for row in self.rows],
            "test_images": data.tests,
            "unread": len(self.prepared.source.unread),
            "found": list(self.prepared.look.found),
            "warnings": list(self.warnings),
            "fingerprint": data.fingerprint,
        }


def inspect(
    config: DataConfig, cache: Path | None = None, gpu: bool = False, progress: Progress = no_progress
) -> Inspection:
    """Looks at data, cleans, splits and counts them as a training would. Raises InputError if they are unusable."""
    prepared = prepare_data(config, cache, gpu, progress)
    rows = count_classes(prepared.dataset)
    return Inspection(prepared, rows, list_warnings(prepared, rows))


def list_warnings(prepared: Prepared, rows: tuple[ClassRow, ...] | None = None) -> tuple[str, ...]:
    """What to consider before training on these data."""
    dataset = prepared.dataset
    rows = rows or count_classes(dataset)
    return (
        *prepared.look.warnings,
        *_class_warnings(rows),
        *_image_warnings(dataset),
        *_group_warnings(dataset),
        *(_leak_warnings(dataset) if prepared.source.side("validation") else ()),
    )


def write_cleaned(config: DataConfig, path: Path) -> Path:
    """Writes the labelled data of `config` without corrupt images as an npz file, atomically; returns its path.

    The course's npz stays in its format, other data are written in the general one. Raises InputError.
    """
    prepared = prepare_data(config)
    data, tests = prepared.dataset, _read_tests(prepared.source)
    images, masks = (_stack([arrays[int(index)] for index in data.kept]) for arrays in (data.images, data.masks))
    if prepared.source.is_course:
        arrays: dict[str, NDArray[Any]] = {"training_set": np.stack([images[..., 0], masks], axis=1)}
        test_key, group_key, tests = "test_set", "training_groups", tests[..., 0] if len(tests) else tests
    else:
        arrays = {"images": images[..., 0] if images.shape[3] == 1 else images, "masks": masks}
        test_key, group_key = "test_images", "groups"
    if len(tests):
        arrays[test_key] = tests
    if data.groups is not None:
        arrays[group_key] = data.groups[data.kept]
    return write_npz(path, arrays)


def _stack(images: list[NDArray[Any]]) -> NDArray[Any]:
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise InputError(
            f"an npz file holds images of one size; got {' and '.join(map(str, sorted(shapes)[:2]))}; set data.resize"
        )
    return np.stack(images)


def _read_tests(source: Source) -> NDArray[Any]:
    """The test images of an array file; those of folders stay where they are."""
    rows = [item.image for item in source.side("test") if isinstance(item.image, Row)]
    return np.stack([row.array[row.index] for row in rows]) if rows else np.zeros(0)


def count_classes(dataset: Dataset) -> tuple[ClassRow, ...]:
    """How many pixels, images and groups of each side have each class."""
    shares = class_shares(np.asarray(dataset.counts[dataset.kept], np.int64), dataset.classes)
    training, validation = _count_side(dataset, dataset.train), _count_side(dataset, dataset.validation)
    return tuple(
        ClassRow(label, name, label == dataset.ignore, float(shares[label]), training[label], validation[label])
        for label, name in enumerate(dataset.names)
    )


def _count_side(dataset: Dataset, indices: Indices) -> list[SideCounts]:
    """Counts of each class among some images."""
    counts = dataset.counts[indices][:, : dataset.classes].astype(np.int64)
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
    kept = dataset.kept
    looked_at = kept[np.linspace(0, len(kept) - 1, min(len(kept), _MAX_BRIGHTNESS)).round().astype(int)]
    black = sum(int(dataset.images[int(index)].mean(dtype=np.float32) < _DARK) for index in looked_at)
    of = f" of {len(looked_at)} looked at" if len(looked_at) < len(kept) else ""
    warnings = [f"{black} images{of} are nearly black (mean below {_DARK} of 255)"] if black else []
    if dataset.ignore is not None:
        counts = dataset.counts[kept].astype(np.int64)
        ignored = int((counts[:, dataset.ignore] >= _MOSTLY * counts.sum(axis=1)).sum())
        if ignored:
            warnings.append(f"{ignored} masks are ignored for {_MOSTLY:.0%} and more of their pixels")
    return warnings


def _group_warnings(dataset: Dataset) -> list[str]:
    """Warns of groups on both sides, which only an official split can have."""
    if dataset.groups is None:
        return []
    common = np.intersect1d(dataset.groups[dataset.train], dataset.groups[dataset.validation])
    return [f"{len(common)} groups are on both sides: the validation score will be too high"] if len(common) else []


def _leak_warnings(dataset: Dataset) -> list[str]:
    equal, near = count_leaks(dataset.table, dataset.train, dataset.validation)
    total = len(dataset.validation)
    warnings = []
    if equal:
        warnings.append(f"{equal} of {total} validation images also train: the validation score will be too high")
    if near:
        warnings.append(f"{near} of {total} validation images are near copies of training images")
    return warnings
