"""Rare classes in other images: what is inserted, and from where."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.data_sets import TINY, dataset_of_arrays, make_dataset, with_pixels
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
    return with_pixels(plain, images=images, masks=masks)


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
    masks = np.ones_like(dataset.masks)
    masks[2, 0, 0] = RARE
    few = with_pixels(dataset, masks=masks)
    assert not find_regions(few, np.array([2]), RARE)
    assert make_mix(AugmentConfig(paste=1), few, RARE) is None


def test_nothing_configured_is_no_mix(dataset: Dataset) -> None:
    assert make_mix(AugmentConfig(), dataset, RARE) is None


@pytest.fixture
def ragged() -> Dataset:
    """Grey 16-bit images of three sizes for patches of 16x16; the largest has four bright squares of class 2."""
    sizes = [(16, 16), (10, 20), (80, 90)]
    images = [np.full((*size, 2), 50, np.float16) for size in sizes]
    masks = [np.ones(size, np.uint8) for size in sizes]
    for row, column in ((0, 0), (30, 5), (31, 60), (77, 87)):
        masks[2][row : row + 3, column : column + 3] = 2
    images[2][masks[2] == 2] = 200
    return dataset_of_arrays(images, masks, np.arange(3), np.arange(2), 3, 255, patch=(16, 16))


@pytest.mark.parametrize("chances", [{"paste": 1.0}, {"cutmix": 1.0}])
def test_what_is_inserted_comes_from_a_patch_of_a_larger_image(ragged: Dataset, chances: Any) -> None:
    mix = make_mix(AugmentConfig(**chances), ragged, 2)
    assert mix is not None
    plain = np.full((40, 16, 16, 2), 50, np.float32), np.ones((40, 16, 16), np.uint8)
    images, masks = mix(*plain, 0)
    assert images.dtype == np.float32 and images.shape == (40, 16, 16, 2)
    found = masks == 2
    assert found.any((1, 2)).all() and found.mean() < 0.5
    assert (images[found] > 150).all() and (images[~found] == 50).all()
    assert len({bytes(mask) for mask in masks}) > 10


def test_each_region_of_a_larger_image_is_found(ragged: Dataset) -> None:
    regions = find_regions(ragged, np.array([2]), 2)
    assert {region.inside.shape for region in regions} == {(3, 3)}
    assert all(region.inside.all() for region in regions)


def test_few_images_are_searched_for_regions(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> None:
    monkeypatch.setattr("trainer.pipeline.mix.MOST_SOURCES", 3)
    masks = np.full_like(dataset.masks, RARE)
    assert len(find_regions(with_pixels(dataset, masks=masks), dataset.train, RARE)) == 3


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
