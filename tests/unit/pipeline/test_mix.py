"""Rare classes in other images: what is inserted, and from where."""

from dataclasses import replace

import numpy as np
import pytest

from tests.data_sets import TINY, make_dataset
from trainer.config import AugmentConfig, TrainConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset
from trainer.pipeline.batches import Batches
from trainer.pipeline.mix import find_regions, make_mix

RARE = 3


@pytest.fixture
def dataset() -> Dataset:
    """Grey images of class 1; image 2 has a bright L of class 3, and image 30, of validation, a darker one."""
    plain = make_dataset(classes=4)
    images, masks = np.full_like(plain.images, 50), np.ones_like(plain.masks)
    for index in (2, 30):
        masks[index, 3:8, 4:6] = masks[index, 7, 4:10] = RARE
        images[index][masks[index] == RARE] = 200
    images[30] //= 2
    return replace(plain, images=images, masks=masks, train=np.arange(24), validation=np.arange(24, 32))


def mixed(dataset: Dataset, **chances: float) -> tuple[np.ndarray, np.ndarray]:
    mix = make_mix(AugmentConfig(**chances), dataset, RARE)
    assert mix is not None
    images, masks = mix(dataset.images[3:24], dataset.masks[3:24], 0)
    return images, masks


def test_a_region_is_pasted_whole_with_its_mask(dataset: Dataset) -> None:
    size = (dataset.masks[2] == RARE).sum()
    images, masks = mixed(dataset, paste=1)
    assert ((masks == RARE).sum((1, 2)) == size).all()
    assert (masks != dataset.masks[3:24]).sum() == 21 * size
    bright = images[..., 0] > 100
    np.testing.assert_array_equal(bright, masks == RARE)
    assert (images[~bright] == 50).all()
    assert len({bytes(mask) for mask in masks}) > 10  # at many places


def test_a_pasted_region_follows_the_images_brightness(dataset: Dataset) -> None:
    mix = make_mix(AugmentConfig(paste=1), dataset, RARE)
    assert mix is not None
    dark = np.full((1, 16, 16, 1), 10, np.uint8)
    images, masks = mix(dark, np.ones((1, 16, 16), np.uint8), 0)
    mean = round(float(dataset.images[2].mean()))
    assert (images[0][masks[0] == RARE] == 200 - mean + 10).all()


def test_cutmix_takes_a_rectangle_with_the_class(dataset: Dataset) -> None:
    images, masks = mixed(dataset, cutmix=1)
    assert (masks == RARE).any((1, 2)).all()
    for image, mask in zip(images, masks, strict=True):
        taken = mask == RARE
        assert (image[taken] == 200).all() and (image[~taken] == 50).all()
        assert (dataset.masks[2][taken] == RARE).all()  # at the same position


def test_a_rectangle_is_inserted_with_its_probability(dataset: Dataset) -> None:
    _, masks = mixed(dataset, cutmix=0.5)
    changed = (masks == RARE).any((1, 2)).mean()
    assert 0.2 < changed < 0.8


def test_nothing_comes_from_the_validation_side(dataset: Dataset) -> None:
    train = np.setdiff1d(dataset.train, [2])
    assert make_mix(AugmentConfig(paste=1, cutmix=1), replace(dataset, train=train), RARE) is None


def test_regions_of_few_pixels_are_not_pasted(dataset: Dataset) -> None:
    dataset.masks[2] = 1
    dataset.masks[2, 0, 0] = RARE
    assert not find_regions(dataset, np.array([2]), RARE)
    assert make_mix(AugmentConfig(paste=1), dataset, RARE) is None


def test_nothing_configured_is_no_mix(dataset: Dataset) -> None:
    assert make_mix(AugmentConfig(), dataset, RARE) is None


def test_the_data_set_is_not_changed(dataset: Dataset) -> None:
    before = dataset.images.copy(), dataset.masks.copy()
    mixed(dataset, paste=1, cutmix=1)
    np.testing.assert_array_equal(dataset.images, before[0])
    np.testing.assert_array_equal(dataset.masks, before[1])


@pytest.mark.parametrize("mode", ["dynamic", "static"])
def test_batches_have_the_class_inserted(dataset: Dataset, mode: str) -> None:
    changes = {"augment.paste": 1.0, "augment.mode": mode, "augment.flip_horizontal": 0.0, "data.classes": 4}
    quiet = {"augment.geometric": 0.0, "augment.colour": 0.0}
    batches = Batches(override(TrainConfig(), TINY | changes | quiet), dataset)
    shown = np.concatenate([masks for _, masks in batches.epoch(0)])
    pasted = (shown == RARE).any((1, 2)).sum()
    assert pasted == len(shown) if mode == "dynamic" else pasted == len(shown) // 2 + 1
    again = Batches(override(TrainConfig(), TINY | changes | quiet), dataset).batch(0, 1)
    np.testing.assert_array_equal(again[1], shown[8:16])
