"""Tiny data sets, and tiny networks for them."""

import numpy as np
import pytest

from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset

TINY = {
    "model.depth": 1,
    "model.width": 4,
    "model.stem": 1,
    "optimizer.batch_size": 8,
    "optimizer.learning_rate": 0.01,
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


def make_dataset(channels: int = 1, classes: int = 3, ignore: int | None = 0, seed: int = 0) -> Dataset:
    """32 images of 16x16 whose brightness depends on the class; a corner of each is black and has label 0."""
    generator = np.random.default_rng(seed)
    masks = np.repeat(generator.integers(1, classes, (32, 1, 2), np.uint8), 16, 1).repeat(8, 2)
    images = masks[..., None] * (200 // classes) + generator.integers(0, 40, (32, 16, 16, channels))
    masks[:, :4, :4] = 0
    images[:, :4, :4] = 0
    return Dataset(
        images=images.astype(np.uint8),
        masks=masks,
        groups=None,
        train=np.arange(24),
        validation=np.arange(24, 32),
        test_images=np.zeros((0, 16, 16, channels), np.uint8),
        test_names=(),
        classes=classes,
        names=tuple(f"class {label}" for label in range(classes)),
        ignore=ignore,
        fingerprint="0",
        dropped=(),
    )


@pytest.fixture
def dataset() -> Dataset:
    """24 training and 8 validation images: an epoch has three batches."""
    return make_dataset()
