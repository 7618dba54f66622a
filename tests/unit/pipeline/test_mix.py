"""Rare classes in other images: what is inserted, and from where."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from tests.data_sets import TINY, dataset_of_arrays, make_dataset, with_pixels
from trainer.config import VOID, AugmentConfig, TrainConfig
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


def mixed(dataset: Dataset, seed: int = 0, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    mix = make_mix(AugmentConfig(**options), dataset, RARE)
    assert mix is not None
    images, masks = mix(dataset.images[3:24], dataset.masks[3:24], seed)
    return images, masks


@pytest.fixture
def numbered() -> Dataset:
    """Each pixel of an image is the image's number, of its mask the image's parity; image 5 is of no class on top."""
    plain = make_dataset(classes=4, ignore=255)
    numbers = np.arange(len(plain.images), dtype=np.uint8)
    images, masks = np.zeros_like(plain.images), np.zeros_like(plain.masks)
    images += numbers[:, None, None, None]
    masks += numbers[:, None, None] % 2
    masks[5, :8] = VOID
    masks[2, 9, 4] = RARE
    return with_pixels(plain, images=images, masks=masks)


def rectangle(changed: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, height and width of what is true in (H, W), which must be a full rectangle."""
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert changed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return int(rows[0]), int(columns[0]), len(rows), len(columns)


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


def test_what_is_pasted_with_a_margin_keeps_its_labels(dataset: Dataset) -> None:
    """All pixels up to the margin away, those of other classes and of none included."""
    images, masks = dataset.images.copy(), dataset.masks.copy()
    masks[2, 9:] = VOID
    images[2, 9:] = 100
    region = masks[2] == RARE
    wide = cv2.dilate(region.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))) > 0
    around = with_pixels(dataset, images=images, masks=masks, ignore=255)
    level = round(float(images[2].mean()))
    mix = make_mix(AugmentConfig(paste=1, paste_margin=2), around, RARE)
    assert mix is not None
    plain = np.full((30, 16, 16, 1), 120, np.uint8), np.full((30, 16, 16), 2, np.uint8)
    mixed_images, mixed_masks = mix(*plain, 0)
    for image, mask in zip(mixed_images[..., 0], mixed_masks, strict=True):
        counts = np.bincount(mask.ravel(), minlength=256)
        assert counts[RARE] == region.sum() and counts[VOID] == (wide & (masks[2] == VOID)).sum() > 0
        assert counts[1] == (wide & (masks[2] == 1)).sum()
        for label, grey in ((RARE, 200), (VOID, 100), (1, 50)):
            assert (image[mask == label] == grey - level + 120).all()
        assert (image[mask == 2] == 120).all()


def test_nothing_beyond_a_smaller_image_is_pasted() -> None:
    """Neither what pads it, nor its margin."""
    images = [np.full((10, 12, 1), 90, np.uint8), np.full((16, 16, 1), 50, np.uint8)]
    masks = [np.full((10, 12), 2, np.uint8), np.ones((16, 16), np.uint8)]
    small = dataset_of_arrays(images, masks, np.arange(2), np.arange(2), 3, 255, patch=(16, 16))
    (region,) = find_regions(small, np.array([0]), 2, margin=5)
    assert region.inside.shape == (10, 12) and region.inside.all()
    assert (region.labels == 2).all() and (region.pixels == 0).all()


def test_cutmix_takes_a_rectangle_of_any_training_image_at_the_same_position(numbered: Dataset) -> None:
    start = np.full((300, 16, 16, 1), 200, np.uint8), np.full((300, 16, 16), 3, np.uint8)
    mix = make_mix(AugmentConfig(cutmix=1), numbered, RARE)
    assert mix is not None
    images, masks = mix(*start, 0)
    taken = [int(image.min()) for image in images]
    assert set(taken) == set(numbered.train.tolist())
    assert np.bincount(taken).max() < 30  # of 12.5 each on average
    for number, image, mask in zip(taken, images[..., 0], masks, strict=True):
        rectangle(image == number)
        np.testing.assert_array_equal(mask[image == number], numbered.masks[number][image == number])
        assert (mask[image == 200] == 3).all() and set(np.unique(image)) == {number, 200}
    assert (masks == VOID).any()


@pytest.mark.parametrize(("sides", "expected"), [((0.25, 0.5), {4, 5, 6, 7, 8}), ((0.5, 0.5), {8}), ((1.0, 1.0), {16})])
def test_the_sides_of_a_rectangle_are_drawn_between_two_shares(
    numbered: Dataset, sides: tuple[float, float], expected: set[int]
) -> None:
    """Height and width each by itself; it lies anywhere, and is never cut off."""
    start = np.full((400, 16, 16, 1), 200, np.uint8), np.full((400, 16, 16), 3, np.uint8)
    mix = make_mix(AugmentConfig(cutmix=1, cutmix_sides=sides), numbered, RARE)
    assert mix is not None
    boxes = np.array([rectangle(image < 200) for image in mix(*start, 0)[0][..., 0]])
    assert set(boxes[:, 2].tolist()) == set(boxes[:, 3].tolist()) == expected
    assert (boxes[:, 2] != boxes[:, 3]).any() == (len(expected) > 1)
    for axis in (0, 1):
        assert boxes[:, axis].min() == 0 and (boxes[:, axis] + boxes[:, axis + 2]).max() == 16


def test_cutmix_by_class_takes_a_rectangle_with_the_class(numbered: Dataset) -> None:
    """Of an image that has it: it holds one of its pixels, which is anywhere in it."""
    start = np.full((200, 16, 16, 1), 200, np.uint8), np.full((200, 16, 16), 3, np.uint8)
    mix = make_mix(AugmentConfig(cutmix=1, cutmix_class=True), numbered, 3)
    assert mix is not None
    images, _ = mix(*start, 0)
    boxes = np.array([rectangle(image == 2) for image in images[..., 0]])
    assert (images[:, 9, 4] == 2).all()
    assert set(boxes[:, 2].tolist()) == set(boxes[:, 3].tolist()) == {4, 5, 6, 7, 8}
    assert {9 - top for top in boxes[:, 0].tolist()} == set(range(8))


@pytest.mark.parametrize("sides", [(0.0, 0.5), (0.5, 0.25), (0.5, 1.5)])
def test_sides_that_are_no_range_are_refused(sides: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="cutmix_sides"):
        AugmentConfig(cutmix_sides=sides)


def test_a_rectangle_is_inserted_with_its_probability(numbered: Dataset) -> None:
    start = np.full((1000, 16, 16, 1), 200, np.uint8), np.full((1000, 16, 16), 3, np.uint8)
    mix = make_mix(AugmentConfig(cutmix=0.3), numbered, RARE)
    assert mix is not None
    changed = (mix(*start, 0)[0] < 200).any((1, 2, 3)).mean()
    assert abs(changed - 0.3) < 0.05  # 3.4 standard deviations


def test_the_same_seed_inserts_the_same(numbered: Dataset) -> None:
    first, other, again = (
        mixed(numbered, seed, paste=0.5, cutmix=0.5, paste_margin=1, cutmix_class=False) for seed in (1, 2, 1)
    )
    assert (first[0] != other[0]).any()
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_nothing_comes_from_the_validation_side(dataset: Dataset) -> None:
    train = np.setdiff1d(dataset.train, [2])
    without = replace(dataset, train=train)
    assert make_mix(AugmentConfig(paste=1, cutmix=1, cutmix_class=True), without, RARE) is None
    assert (mixed(without, paste=1, cutmix=1)[1] != RARE).all()


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


@pytest.mark.parametrize("chances", [{"paste": 1.0}, {"cutmix": 1.0, "cutmix_class": True}])
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


def test_a_rectangle_is_of_a_patch_anywhere_in_a_larger_image(ragged: Dataset) -> None:
    images = [np.array(image) for image in ragged.images]
    images[2][..., 0], images[2][..., 1] = np.indices((80, 90))
    places = with_pixels(ragged, images=images, masks=ragged.masks, train=np.array([2]), patch=(16, 16))
    mix = make_mix(AugmentConfig(cutmix=1, cutmix_sides=(0.5, 0.5)), places, 2)
    assert mix is not None
    mixed_images, _ = mix(np.full((200, 16, 16, 2), 200, np.float32), np.ones((200, 16, 16), np.uint8), 0)
    seen = np.array([image.min((0, 1)) for image in mixed_images])
    assert (seen.min(0) < 8).all() and (seen.max(0) > (64, 74)).all()
    assert (mixed_images < 200).mean() == 0.25


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
    again = Batches(override(TrainConfig(), TINY | changes | quiet), dataset).batch(1)
    np.testing.assert_array_equal(again[1], shown[8:16])
