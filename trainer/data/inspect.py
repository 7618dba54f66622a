"""What is in a data set and what is wrong with it, and its cleaned copy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.dataset import Dataset, build_dataset, drop_corrupt, read_file, read_sources
from trainer.data.npz import write_npz
from trainer.data.pixels import Indices, class_shares, count_labels

_FEW_IMAGES = 20  # of a class: its validation score rests on three or so
_BLACK = 20  # mean brightness, 0..255
_UNLABELLED = 0.9  # share of a mask


@dataclass(frozen=True)
class Side:
    """How much of a class is on one side of the split."""

    pixels: int
    images: int
    groups: int | None  # None where the data have no groups


@dataclass(frozen=True)
class ClassRow:
    """One class of the kept images."""

    label: int
    name: str
    ignored: bool
    share: float  # of all pixels, 0..1
    training: Side
    validation: Side

    @property
    def validation_share(self) -> float | None:
        """The validation side's share of the class's pixels on both sides, 0..1; None for a class without pixels."""
        total = self.training.pixels + self.validation.pixels
        return self.validation.pixels / total if total else None


@dataclass(frozen=True)
class Inspection:
    """A data set, what it holds, and what to look at before training."""

    dataset: Dataset
    images: int  # before cleaning
    groups: int | None  # before cleaning
    rows: tuple[ClassRow, ...]  # one a class
    warnings: tuple[str, ...]

    def figures(self) -> dict[str, Any]:
        """The figures that scripts may rely on, as JSON knows them."""
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
    """Reads, cleans and splits the data as training would, and counts; unusable data are an `InputError`."""
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


def write_clean(config: DataConfig, path: Path) -> Path:
    """Writes the kept images of `data.path` as an npz file, whole or not at all.

    Grey images take the course's format, RGB ones the general one.
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
    training, validation = _sides(dataset, dataset.train), _sides(dataset, dataset.validation)
    return tuple(
        ClassRow(label, name, label == dataset.ignore, float(shares[label]), training[label], validation[label])
        for label, name in enumerate(dataset.names)
    )


def _sides(dataset: Dataset, indices: Indices) -> list[Side]:
    """Each class on one side."""
    counts = count_labels(dataset.masks[indices])[:, : dataset.classes]
    groups = None if dataset.groups is None else dataset.groups[indices]
    return [
        Side(
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
        if images < _FEW_IMAGES:
            warnings.append(f"class {row.label} ({row.name}) is in {images} images only: its score will be uncertain")
        elif not row.training.images or not row.validation.images:
            side = "validation" if row.training.images else "training"
            warnings.append(f"class {row.label} ({row.name}) is missing on the {side} side")
    return warnings


def _image_warnings(dataset: Dataset) -> list[str]:
    black = sum(int(image.mean() < _BLACK) for image in dataset.images)
    warnings = [f"{black} images are nearly black (mean below {_BLACK} of 255)"] if black else []
    if dataset.ignore is not None:
        bare = int((np.mean(dataset.masks == dataset.ignore, axis=(1, 2)) >= _UNLABELLED).sum())
        if bare:
            warnings.append(f"{bare} masks are ignored for {_UNLABELLED:.0%} and more of their pixels")
    return warnings


def _group_warnings(dataset: Dataset) -> list[str]:
    """Groups on both sides, which only a validation file of its own can bring."""
    if dataset.groups is None:
        return []
    common = np.intersect1d(dataset.groups[dataset.train], dataset.groups[dataset.validation])
    return [f"{len(common)} groups are on both sides: the validation score will be too high"] if len(common) else []
