"""Tiny data sets, and a tiny network for them."""

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


@pytest.fixture
def config() -> TrainConfig:
    return override(TrainConfig(), TINY)


def make_dataset(channels: int = 1, classes: int = 3, ignore: int | None = 0, seed: int = 0) -> Dataset:
    """32 images of 16x16 whose brightness tells the class; label 0 is a black corner of each."""
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
    return make_dataset()
