"""Tiny data sets, and tiny networks for them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from trainer.config import DataConfig, TrainConfig
from trainer.configfile import override
from trainer.data.cache.copy import DecodedCopy, Table
from trainer.data.cache.decode import describe, fingerprint
from trainer.data.dataset import Dataset, class_names, network_shape
from trainer.data.pixels import Groups, Images, Indices, Masks

FOUND = {"data.classes": 3, "data.ignore": 0, "data.scale": "none", "data.patch": "none"}  # by looking at the data
TINY = FOUND | {
    "model.depth": 1,
    "model.width": 4,
    "model.stem": 1,
    "optimizer.batch_size": 8,
    "optimizer.learning_rate": 0.01,
    "budget.steps": "none",
    "budget.epochs": 3,
    "augment.crop": 0.0,
}
# Compiles in a third of the time: for tests where the network does not matter.
PLAIN = TINY | {
    "model.norm": "none",
    "model.residual": False,
    "model.se": False,
    "model.dropout": 0.0,
    "augment.mode": "none",
    "optimizer.name": "adam",
    "schedule.name": "constant",
    "schedule.warmup": 0.0,
}


@pytest.fixture
def config() -> TrainConfig:
    """The default network, tiny."""
    return override(TrainConfig(), TINY)


@pytest.fixture
def plain() -> TrainConfig:
    """A tiny network that compiles fast, trained without augmentation."""
    return override(TrainConfig(), PLAIN)


def copy_of_arrays(images: Images, masks: Masks, classes: int, groups: Groups | None = None) -> DecodedCopy:
    """The copy of arrays in memory: images (H, W, C) and masks (H, W)."""
    rows = [describe(image, mask, classes) for image, mask in zip(images, masks, strict=True)]
    table = Table(*(np.stack(column) for column in zip(*rows, strict=True)))
    return DecodedCopy(images, masks, table, fingerprint(images, masks, groups))


def dataset_of_arrays(
    images: Images,
    masks: Masks,
    train: Indices,
    validation: Indices,
    classes: int,
    ignore: int | None,
    *,
    names: tuple[str, ...] = (),
    groups: Groups | None = None,
    patch: tuple[int, int] | None = None,
) -> Dataset:
    """A data set of arrays in memory: images (H, W, C) and masks (H, W), with the sides that are given."""
    copy = copy_of_arrays(images, masks, classes, groups)
    config = DataConfig(classes=classes, names=names, ignore=ignore, patch=patch, scale=None)
    return Dataset(
        images=images,
        masks=masks,
        image_names=tuple(str(number) for number in range(len(images))),
        groups=groups,
        train=train,
        validation=validation,
        classes=classes,
        names=class_names(config),
        ignore=ignore,
        fingerprint=copy.fingerprint,
        dropped=(),
        table=copy.table,
        shape=network_shape(copy.table.sizes, config),
    )


def make_dataset(channels: int = 1, classes: int = 3, ignore: int | None = 0, seed: int = 0) -> Dataset:
    """32 images of 16x16 whose brightness depends on the class; a corner of each is black and has label 0."""
    generator = np.random.default_rng(seed)
    masks = np.repeat(generator.integers(1, classes, (32, 1, 2), np.uint8), 16, 1).repeat(8, 2)
    images = masks[..., None] * (200 // classes) + generator.integers(0, 40, (32, 16, 16, channels))
    masks[:, :4, :4] = 0
    images[:, :4, :4] = 0
    return dataset_of_arrays(
        images.astype(np.uint8),
        masks,
        train=np.arange(24),
        validation=np.arange(24, 32),
        classes=classes,
        ignore=ignore,
        names=tuple(f"class {label}" for label in range(classes)),
    )


def with_pixels(dataset: Dataset, **changed: Any) -> Dataset:
    """The data set with other images, masks, sides, `ignore` or `patch`, and what is known of them anew."""
    kept = {
        name: getattr(dataset, name)
        for name in ("images", "masks", "train", "validation", "classes", "ignore", "names")
    }
    return dataset_of_arrays(**kept | changed)


def make_ragged(
    sizes: Sequence[tuple[int, int]], patch: tuple[int, int], channels: int = 1, dtype: Any = np.uint8
) -> Dataset:
    """Images of sizes (height, width) with two scored classes: a dark left and a bright right half; all train.

    The last of them validates too. The label 255 is ignored.
    """
    generator = np.random.default_rng(0)
    masks = [np.repeat(np.arange(width) >= width / 2, height).reshape(width, height).T for height, width in sizes]
    images = [mask[..., None] * 120 + generator.integers(0, 100, (*mask.shape, channels)) for mask in masks]
    return dataset_of_arrays(
        [image.astype(dtype) for image in images],
        [mask.astype(np.uint8) for mask in masks],
        train=np.arange(len(sizes)),
        validation=np.array([len(sizes) - 1]),
        classes=2,
        ignore=255,
        patch=patch,
    )


@pytest.fixture
def dataset() -> Dataset:
    """24 training and 8 validation images: an epoch has three batches."""
    return make_dataset()
